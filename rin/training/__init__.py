"""Training: one compiled step for many runs, and pretraining from nothing."""

#: Version of what training computes, part of every run's id. Raise it when a change of the code
#: changes results: finished runs of earlier versions are then trained anew.
CODE_VERSION = 1
#: Part of images of a corpus that a run neither trains on nor tests.
UNUSED = "unused"
#: In the work folder of a pretraining: how it goes, in words; pooled features of its test images.
PROGRESS, FEATURES = "progress.txt", "features.npy"
