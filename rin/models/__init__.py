"""The CNNs of the study, their inputs and weights; Keras is imported when a model is built."""
