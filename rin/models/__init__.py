"""The four CNNs of the study: backbone, head, unfreezing, preprocessing, weights.

Only the modules that build a model import the framework, and only when called.
"""
