"""Training: one compiled step for many runs, and pretraining from nothing."""

#: In the work folder of a pretraining: how it goes, in words; pooled features of its test images.
PROGRESS, FEATURES = "progress.txt", "features.npy"
