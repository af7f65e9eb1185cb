"""Zerofleet trains game-playing networks from self-play, on one laptop or on a fleet."""
