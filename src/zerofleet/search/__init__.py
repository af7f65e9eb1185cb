"""Configurations and thin handles of the searches of the C++ core."""
