"""Pictures and other files, as people have them.

In: paths. Out: arrays with their metadata; files that appear whole or not at all. Imports
`errors` only.
"""
