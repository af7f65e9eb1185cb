"""What each process of a run does from start to stop: worker and trainer."""
