"""Packs the network and the example photos into the wheel; all else stands in setup.cfg."""

from setuptools import find_packages, setup

# In the project they stay where people look for them; an installed package has them inside.
BOXED = "pynet_tf.small_network"
EXAMPLES = "pynet_tf.example_photos"

setup(
    packages=[*find_packages(include=["pynet_tf*"]), BOXED, EXAMPLES],
    package_dir={BOXED: "checkpoints/small", EXAMPLES: "docs/examples"},
    package_data={
        BOXED: ["level_1/*"],
        EXAMPLES: ["*.jpg", "*.png", "README.md"],
        "pynet_tf.app": ["looks/*"],
        "pynet_tf.ebb": ["*.md", "*.txt", "*.bib"],
    },
)
