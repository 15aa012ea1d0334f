"""Writes models that other programs load: `python -m pynet_tf.export`.

In: a run directory. Out: a SavedModel, a LiteRT or an ONNX file, or the weights alone. Imports
`inference`, `runs` and what lies under them.
"""
