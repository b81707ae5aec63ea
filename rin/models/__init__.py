"""The networks of the study, their inputs and weights; building a model imports Keras."""
