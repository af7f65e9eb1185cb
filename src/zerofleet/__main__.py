"""`python -m zerofleet` is the command `zerofleet`."""

from zerofleet.cli import main

main()
