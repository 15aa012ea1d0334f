"""The seeded MegaDepth tensors behind the golden figures; tests/data/README.md defines them."""

import json
from pathlib import Path

import numpy as np

DATA = Path(__file__).parent / "data"


def seeded_tensors() -> dict[str, np.ndarray]:
    tensors = {}
    listed = json.loads((DATA / "megadepth_state_dict.json").read_text())
    for number, tensor in enumerate(listed):
        rng = np.random.default_rng(5000 + number)
        draw = rng.standard_normal(tensor["shape"], dtype=np.float32)
        tensors[tensor["key"]] = _scale(draw, tensor["role"]).astype(np.float32)
    return tensors


def _scale(draw: np.ndarray, role: str) -> np.ndarray:
    if role == "kernel":
        return draw * np.sqrt(2 / np.prod(draw.shape[1:]))
    if role == "running_var":
        return 1 + 0.1 * np.abs(draw)
    if role == "scale":
        return 1 + 0.1 * draw
    return 0.1 * draw
