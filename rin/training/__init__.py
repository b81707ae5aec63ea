"""Training: one compiled step for many runs, and pretraining from nothing."""
