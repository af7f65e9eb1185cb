"""Speed of every hot path, as ratios in one run: `python -m benchmarks`."""
