"""Engines: ours for chess and Go programs (UCI, GTP), and other people's as opponents."""
