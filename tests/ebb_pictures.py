"""Small generated pictures in EBB! layout."""

import json
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, height: int, width: int) -> np.ndarray:
    """Smooth noise that uses the whole range: `[height, width, 3]` uint8."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def write_pair(
    root: Path,
    name: str,
    height: int = 64,
    width: int = 96,
    suffix: str = ".jpg",
    seed: int = 0,
    lens: bool = True,
) -> None:
    """Writes photo, bokeh shot, depth map and lens of one name; without a lens it is fitted."""
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
    if lens:
        write_lens(root, name, seed)


def write_lens(root: Path, name: str, seed: int) -> None:
    """Tells a pair's focus and blur: to fit them takes longer than all else of a small pair."""
    (root / "lens").mkdir(exist_ok=True)
    told = {"focus": 0.2 + 0.1 * (seed % 7), "blur": 1.0 + 0.5 * (seed % 3)}
    (root / "lens" / f"{name}.json").write_text(json.dumps(told))
