"""Checks a prepared data set and draws it: `python -m pynet_tf.inspect_data`.

In: shards. Out: warnings and pictures of samples and batches. Imports `data`, `io` and what lies
under them.
"""
