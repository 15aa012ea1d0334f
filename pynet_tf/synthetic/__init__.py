"""Procedural scenes, and pairs of photo and bokeh made of them.

In: a seed and a size. Out: a photo, its depth map and the picture a lens makes. Imports `lens`
and what lies under it.
"""
