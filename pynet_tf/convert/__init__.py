"""Weights of other programs.

In: a checkpoint of the 2020 TensorFlow 1 code. Out: a Keras pyramid with its weights. Imports
`model` and what lies under it.
"""
