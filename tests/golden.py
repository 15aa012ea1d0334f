"""Seeded weights and figures of the 2020 network, as `tests/data/README.md` describes them."""

import json
from pathlib import Path

import numpy as np

DATA = Path(__file__).parent / "data"


def tf1_variables() -> list[dict]:
    """Returns name, role and shape of the 440 variables in the order of creation."""
    return json.loads((DATA / "pynet_tf1_variables.json").read_text())


def seeded_values() -> dict[str, np.ndarray]:
    """Returns TF1 variable name -> seeded value."""
    return {
        variable["name"]: _seeded(number, variable["role"], variable["shape"])
        for number, variable in enumerate(tf1_variables())
    }


def _seeded(number: int, role: str, shape: list[int]) -> np.ndarray:
    r = np.random.default_rng(number).standard_normal(shape, dtype=np.float32)
    if role == "kernel":
        return r / np.sqrt(np.float32(shape[0] * shape[1] * shape[2]))
    if role == "transpose_kernel":
        return r / np.sqrt(np.float32(shape[0] * shape[1] * shape[3]))
    if role == "scale":
        return 1 + np.float32(0.1) * r
    return np.float32(0.1) * r
