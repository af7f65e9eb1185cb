"""`python mirror_steps.py MAIN REMOTE`: one round of the mirror; may be killed anywhere."""

import sys

from zerofleet.fleet.sync import Mirror
from zerofleet.run.store import DirectoryStore

if __name__ == "__main__":
    main, remote = map(DirectoryStore, sys.argv[1:3])
    Mirror(main, remote, "gpu3", log_seconds=0).step()
    print("done")
