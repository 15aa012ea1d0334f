"""Makes bokeh pictures of photo files: `python -m pynet_tf.render`.

In: photo files and depth maps. Out: picture files of the same size and metadata. Imports
`inference`, `depth`, `lens`, `io` and what lies under them.
"""
