"""Run directories: what a level's training leaves, and how it is found again.

In: a folder. Out: its levels, their settings and weights. Imports `model`, `io` and what lies
under them.
"""
