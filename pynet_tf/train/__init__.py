"""Trains one level of the pyramid: `python -m pynet_tf.train`.

In: shards and the coarser level's weights. Out: checkpoints and TensorBoard logs in a run
directory. Imports `runs`, `data`, `model` and what lies under them.
"""
