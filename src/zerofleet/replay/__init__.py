"""The window of positions the trainer learns from, and how batches are drawn from it."""
