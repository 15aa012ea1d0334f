"""Turns a folder in EBB! layout into shards.

In: photos, shots and depth maps. Out: TFDS shards; aligned pairs of one's own shots. Imports
`ebb`, `data`, `lens`, `io` and what lies under them.
"""
