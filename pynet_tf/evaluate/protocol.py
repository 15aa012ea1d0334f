"""Figures of merit on full-size photos, and their means.

A candidate turns a sample (`name`, and uint8 `photo`, `image`, `bokeh`; see `data.pipeline`) into
a picture. Each picture is measured in three ways:

    scaled   the paper's protocol for levels 1 to 3: output clipped to [0, 1], target resized to
             the level (antialiased bicubic), 32 pixels off every edge of both
    full     the protocol of later papers: 8-bit output at full size against the full-size
             target, no border removed; levels 2 and 3 are enlarged by bicubic interpolation
    whole    PSNR at the level's own size, no border removed, for all seven levels

A photo's last rows and columns that do not fill a pixel of a coarse level are left out there, so
that output and target cover the same ground. Figures that do not exist, such as MS-SSIM of a
small photo, are nan.
"""

import dataclasses
import json
import math
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from pynet_tf import metrics
from pynet_tf.errors import InputError

BORDER = 32
SCALED_LEVELS = (1, 2, 3)
METRICS = ("psnr", "ssim", "ms_ssim")
FIGURES = (*(f"scaled_{m}" for m in METRICS), *(f"full_{m}" for m in METRICS), "whole_psnr")
# Part of every stored result's key: raise it when a measurement changes its meaning.
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Picture:
    """What a candidate makes of a sample.

    Attributes:
        level: float32 `[h, w, 3]`, not clipped, of `level_size`.
        full: uint8 `[H, W, 3]` at the photo's size.
    """

    level: np.ndarray
    full: np.ndarray


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A row of the report.

    Attributes:
        name: as in the report.
        level: 7 (smallest) to 1, the size of its pictures.
        load: returns a fingerprint of all that its pictures depend on, and a function from a
            sample to its `Picture`.
    """

    name: str
    level: int
    load: Callable[[], tuple[str, Callable[[Mapping], Picture]]]


@dataclasses.dataclass(frozen=True)
class Result:
    """A candidate's figures on all photos.

    Attributes:
        name: the candidate's.
        level: the candidate's.
        fingerprint: the candidate's.
        figures: photo's name -> `FIGURES`, in the order of the photos.
    """

    name: str
    level: int
    fingerprint: str
    figures: dict[str, dict[str, float]]

    def values(self, figure: str) -> np.ndarray:
        """Returns one figure of all photos, `[N]` float64."""
        return np.array([figures[figure] for figures in self.figures.values()])


def level_size(height: int, width: int, level: int) -> tuple[int, int]:
    """Returns rows and columns of a level's picture of a `height` x `width` photo."""
    return height >> (level - 1), width >> (level - 1)


def target(bokeh: np.ndarray, level: int) -> np.ndarray:
    """Resizes a full-size target to a level.

    Args:
        bokeh: `[H, W, 3]` uint8.
        level: 7 to 1.

    Returns:
        float32 `[h, w, 3]` in [0, 1], of `level_size`.
    """
    height, width = level_size(*bokeh.shape[:2], level)
    scale = 2 ** (level - 1)
    covered = bokeh[: height * scale, : width * scale] / np.float32(255)
    if level == 1:
        return covered
    resized = tf.image.resize(covered, [height, width], "bicubic", antialias=True)
    return np.clip(resized.numpy(), 0, 1)


def measure(picture: Picture, bokeh: np.ndarray, level: int) -> dict[str, float]:
    """Measures a picture.

    Args:
        picture: of the level.
        bokeh: `[H, W, 3]` uint8, the full-size target.
        level: 7 to 1.

    Returns:
        `FIGURES`; all but `whole_psnr` are nan for levels 4 to 7.
    """
    output, wanted = np.clip(picture.level, 0, 1), target(bokeh, level)
    figures = dict.fromkeys(FIGURES, math.nan)
    figures["whole_psnr"] = _measure(output, wanted)["psnr"]
    if level in SCALED_LEVELS:
        inside = (slice(BORDER, -BORDER), slice(BORDER, -BORDER))
        scaled = _measure(output[inside], wanted[inside])
        full = _measure(picture.full / np.float32(255), bokeh / np.float32(255))
        figures.update({f"scaled_{m}": scaled[m] for m in METRICS})
        figures.update({f"full_{m}": full[m] for m in METRICS})
    return figures


def _measure(output: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    if 0 in output.shape:
        return dict.fromkeys(METRICS, math.nan)
    values = three_metrics(output[None], wanted[None]).numpy().tolist()
    return dict(zip(METRICS, values, strict=True))


_ONE_PICTURE = tf.TensorSpec([1, None, None, 3], tf.float32)


@tf.function(input_signature=[_ONE_PICTURE, _ONE_PICTURE])
def three_metrics(output: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """Returns `METRICS` of one picture `[1, H, W, 3]`: `[3]`; traced once for all sizes."""
    functions = (getattr(metrics, name) for name in METRICS)
    return tf.concat([function(output, wanted) for function in functions], axis=0)


class Store:
    """Results of single photos, kept on disk as they come.

    One JSON line per photo, appended; a line cut short by a crash is done again. A result is
    found by what it depends on: candidate, level, sample and way of measuring.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        if self.path.is_symlink():
            raise InputError(f"{path} is a symbolic link; remove it or name another folder")
        self._known = {}
        self._whole = True
        if self.path.is_file():
            text = self.path.read_text(encoding="utf-8", errors="replace")
            self._whole = text.endswith("\n") or not text
            for line in text.splitlines():
                self._remember(line)

    def _remember(self, line: str) -> None:
        try:
            stored = json.loads(line)
            key, figures = stored["key"], stored["figures"]
            self._known[key] = {name: float(figures[name]) for name in FIGURES}
        except (ValueError, KeyError, TypeError, RecursionError):
            # Cut short, or another version's.
            return

    def get(self, key: str) -> dict[str, float] | None:
        """Returns the stored figures, None if there are none."""
        return self._known.get(key)

    def put(self, key: str, figures: Mapping[str, float]) -> None:
        """Stores figures at once."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"key": key, "figures": dict(figures)}) + "\n"
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line if self._whole else "\n" + line)
            file.flush()
            os.fsync(file.fileno())
        self._whole = True
        self._known[key] = dict(figures)


def sample_key(sample: Mapping) -> str:
    """Returns a sample's name with a checksum of its pictures."""
    checksum = 0
    for part in ("photo", "image", "bokeh"):
        checksum = zlib.crc32(np.ascontiguousarray(sample[part]), checksum)
    return f"{sample['name']} {checksum:08x}"


def evaluate(candidate: Candidate, samples: Iterable[Mapping], store: Store) -> Result:
    """Measures a candidate photo by photo, taking from the store what is known.

    Args:
        candidate: what to measure; loaded here, so that one model at a time is in memory.
        samples: see the module; read once, one after the other.
        store: of results.

    Returns:
        The figures of all samples.
    """
    fingerprint, picture = candidate.load()
    result = Result(candidate.name, candidate.level, fingerprint, {})
    for sample in samples:
        parts = (f"v{VERSION}", fingerprint, f"level {candidate.level}", sample_key(sample))
        key = " | ".join(parts)
        figures = store.get(key)
        if figures is None:
            figures = measure(picture(sample), sample["bokeh"], candidate.level)
            store.put(key, figures)
        result.figures[sample["name"]] = figures
    return result


def mean_interval(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """Returns the mean with its bootstrap 95 % interval.

    Percentiles of the means of 10,000 samples drawn with replacement, always the same ones.

    Args:
        values: one per photo; nan (not available) are left out.
        seed: of the drawing.

    Returns:
        Mean, lower and upper end. All nan without values; the ends nan for a single value.
    """
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values)]
    if len(values) < 2 or not np.isfinite(values).all():
        mean = float(values.mean()) if len(values) else math.nan
        return mean, math.nan, math.nan
    draws = np.random.default_rng(seed).integers(0, len(values), (10_000, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return float(values.mean()), float(low), float(high)
