"""PyNET bokeh rendering in TensorFlow 2 and Keras 3.

Importing the package is quick: TensorFlow is imported by the modules that compute with it.
"""

__version__ = "0.1.0"
