"""Pre-flight checks: what a host, its network and a run directory can do, before a run needs it."""
