"""The run directory: the protocol through which workers and trainer meet."""
