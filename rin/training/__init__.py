"""Training: one compiled step for many runs, and pretraining from random weights."""

#: Files in the work folder of a pretraining: a line on its progress, and the pooled features of
#: its test images.
PROGRESS, FEATURES = "progress.txt", "features.npy"
