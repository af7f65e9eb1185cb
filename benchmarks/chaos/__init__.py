"""Chaos: every recipe at work while everything around it fails; `python -m benchmarks.chaos`."""
