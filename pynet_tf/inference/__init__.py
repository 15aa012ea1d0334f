"""From a photo and its depth map to a bokeh picture, with a trained network.

In: a run directory or an exported model, photos of any size. Out: pictures of the same size.
Imports `runs`, `model`, `lens`, `io` and what lies under them.
"""
