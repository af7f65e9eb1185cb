"""Learning: loss, schedule, the learner and its checkpoint."""
