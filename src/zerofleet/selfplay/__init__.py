"""Playing and recording training games."""
