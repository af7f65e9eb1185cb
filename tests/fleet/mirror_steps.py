"""`python mirror_steps.py MAIN REMOTE [SPEC KNOWN_HOSTS]`: one round of the mirror.

It may be killed anywhere. With a worker's entry as JSON the remote is reached over SSH.
"""

import contextlib
import sys

from zerofleet.fleet.sync import Mirror
from zerofleet.run.store import DirectoryStore


@contextlib.contextmanager
def remote_store(path, spec=None, known_hosts=None):
    if spec is None:
        yield DirectoryStore(path)
        return
    from zerofleet.fleet.spec import WorkerSpec
    from zerofleet.fleet.ssh import SshLink
    from zerofleet.fleet.ssh_store import SshStore

    with SshLink(WorkerSpec.model_validate_json(spec), known_hosts=known_hosts) as link:
        yield SshStore(link, path)


if __name__ == "__main__":
    with remote_store(*sys.argv[2:]) as remote:
        Mirror(DirectoryStore(sys.argv[1]), remote, "gpu3", log_seconds=0).step()
    print("done")
