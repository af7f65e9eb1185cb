"""`python -m zerofleet.train`, as a script for the fork server."""

import sys

from zerofleet.train import main

if __name__ == "__main__":
    sys.exit(main())
