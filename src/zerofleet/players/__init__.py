"""Everything that can choose a move: random, alpha-beta, networks."""
