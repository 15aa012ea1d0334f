"""EBB! on disk: folders, shards, whole samples, and batches for training.

In: a folder in EBB! layout, or prepared shards. Out: samples, and batches of image and target.
Imports `io` and what lies under it.
"""
