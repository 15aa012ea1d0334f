"""Small generated pictures in EBB! layout."""

from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, height: int, width: int) -> np.ndarray:
    """Smooth noise that uses the whole range: `[height, width, 3]` uint8."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def write_pair(
    root: Path, name: str, height: int = 64, width: int = 96, suffix: str = ".jpg", seed: int = 0
) -> None:
    """Writes photo, bokeh shot and depth map of one name."""
    for kind in ("original", "bokeh", "original_depth"):
        (root / kind).mkdir(parents=True, exist_ok=True)
    photo = Image.fromarray(picture(seed, height, width))
    photo.save(root / "original" / f"{name}{suffix}")
    photo.reduce(4).resize(photo.size).save(root / "bokeh" / f"{name}{suffix}")
    depth = picture(seed + 1, height // 2, width // 2)[..., 0]
    # Nearer below: anything else would be doubted.
    if depth[: height // 6].mean() > depth[-height // 6 :].mean():
        depth = depth[::-1]
    Image.fromarray(depth).save(root / "original_depth" / f"{name}.png")
