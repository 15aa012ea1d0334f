"""Weights of other programs.

In: a checkpoint of the 2020 TensorFlow 1 code, or a PyTorch file. Out: a Keras pyramid with its
weights, or tensors by name. Imports `model` and what lies under it.
"""
