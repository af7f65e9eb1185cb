"""Starts roles of a run as real processes, each forked from one that has imported everything.

`python fork_server.py` answers requests on its standard input, one JSON object in each line:

    {"do": "start", "argv": [...], "fault": "", "env": {}, "log": PATH}  ->  {"pid": 12}
    {"do": "poll", "pid": 12}                                            ->  {"status": null}

A child is a process of its own in every respect that matters here (pid, signals, files, memory); it
only spares the seconds that importing torch takes. `argv` is what follows `python -m zerofleet`, or
the path of a script and its arguments. Children end when the server does.
"""

import contextlib
import ctypes
import json
import os
import runpy
import signal
import sys
import traceback

PR_SET_PDEATHSIG = 1


def child(request):
    """Becomes the role; never returns."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # when the server is killed
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # as from a terminal
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.environ.update(request["env"])
        from zerofleet.run import faults

        faults.arm(request["fault"])
        first, *rest = request["argv"]
        if first.endswith(".py"):
            sys.argv = [first, *rest]
            sys.path.insert(0, os.path.dirname(first))
            runpy.run_path(first, run_name="__main__")
        else:
            sys.argv = ["zerofleet", first, *rest]
            from zerofleet.cli import main

            main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def serve():
    """Answers until the input ends."""
    running = {}
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "start":
            pid = os.fork()
            if pid == 0:
                child(request)
            running[pid] = None
            answer = {"pid": pid}
        else:
            pid = request["pid"]
            if running[pid] is None:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    running[pid] = os.waitstatus_to_exitcode(status)
            answer = {"status": running[pid]}
        print(json.dumps(answer), flush=True)
    for pid, status in running.items():
        if status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    # What the roles import when they run, so that no child has to. No thread may start here.
    import torch._dynamo

    import zerofleet.arena.match
    import zerofleet.cli.trainer
    import zerofleet.cli.worker
    import zerofleet.monitor.console
    import zerofleet.nets.evaluator
    import zerofleet.roles.nnue_progress
    import zerofleet.roles.policy_value_progress
    import zerofleet.roles.trainer
    import zerofleet.roles.worker  # noqa: F401

    torch.set_num_threads(1)
    print("ready", flush=True)
    serve()
