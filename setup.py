"""Packs the network that comes with the project into the wheel; all else stands in setup.cfg."""

from setuptools import find_packages, setup

# In the project it stays with the run directories; an installed package has it inside.
BOXED = "pynet_tf.small_network"

setup(
    packages=[*find_packages(include=["pynet_tf*"]), BOXED],
    package_dir={BOXED: "checkpoints/small"},
    package_data={BOXED: ["level_1/*"], "pynet_tf.ebb": ["*.md", "*.txt", "*.bib"]},
)
