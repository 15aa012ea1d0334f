"""Checks a prepared data set and draws it: `python -m pynet_tf.inspect_data`.

In: shards. Out: focus and blur of every pair, warnings, and pictures of samples and batches.
Imports `data`, `io`, `lens` and what lies under them.
"""
