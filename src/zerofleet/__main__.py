"""`python -m zerofleet` is the command `zerofleet`, and both begin here."""

import sys


def run() -> None:
    """Ctrl-C is quiet also while Python is still loading."""
    try:
        from zerofleet.cli import main

        main()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
