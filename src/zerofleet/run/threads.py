"""Settings of threads that must be made before the libraries that read them are loaded."""

import os


def calm_threads() -> None:
    """Makes OpenMP threads sleep when they wait for long; read by torch when it is loaded.

    A step has a hundred short waits, which the brief spin bridges without a sleep. Threads that
    spin on beside workers on the same cores cost both most of their speed:
    164 k -> 246 k positions/s beside two workers, and far more on two cores with three processes.
    Self-play, whose search and net take turns on the same cores, halves without it.

    Also makes sums of MKL, which torch uses for float32 matrices, the same for any number of
    threads: on some processors it splits a row among them, and games would depend on that.
    """
    for name, value in (
        ("OMP_WAIT_POLICY", "passive"),
        ("GOMP_SPINCOUNT", "1000"),
        ("KMP_BLOCKTIME", "0"),
        ("MKL_CBWR", "AUTO,STRICT"),
    ):
        os.environ.setdefault(name, value)
