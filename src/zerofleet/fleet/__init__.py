"""Starting, watching and stopping the processes of a run, and moving its files between hosts."""
