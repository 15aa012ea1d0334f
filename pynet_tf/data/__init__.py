"""EBB! on disk, and batches made of it.

In: a folder in EBB! layout, or prepared shards. Out: samples, and batches of image and target.
Imports `io` and what lies under it.
"""
