"""MegaDepth as an estimator of depth: photos in, maps out.

    photo   uint8 [H, W, 3]
    depth   uint8 [H/2, W/2], near = bright, stretched to 0..255

The network sees the photo at about 384x512 pixels' worth, the size it was published for, with
the photo's own aspect ratio. TensorFlow is imported with the first map, not with this module.
"""

import functools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from pynet_tf.depth.map_form import map_size, resize_map, stretch
from pynet_tf.errors import InputError
from pynet_tf.io.images import read_photo, resize

# The network sees as many pixels as when it was published, and sides that its poolings divide.
NETWORK_PIXELS = 384 * 512
NETWORK_MULTIPLE = 32
# Photos longer than this are squeezed to it, so that the narrow side keeps something to see.
LARGEST_ASPECT_RATIO = 16
# The guided filter's radius, in parts of the map's longer side: it moves edges by as much as the
# network blurs them; twice that begins to draw lettering and leaves into the map. Its smoothness is
# a variance of colours in 0..1. Its side is in pixels, twice the network's: more gains nothing.
REFINE_RADIUS = 1 / 100
REFINE_SMOOTHNESS = 1e-3
REFINE_SIDE = 1024


def network_size(height: int, width: int) -> tuple[int, int]:
    """Returns the size (rows, columns) at which the network sees a photo of this size.

    Both are multiples of 32, their product is about 384 * 512, and their ratio is the photo's
    as nearly as that allows: portraits stay portraits.
    """
    limit = math.sqrt(LARGEST_ASPECT_RATIO)
    ratio = min(max(math.sqrt(width / height), 1 / limit), limit)
    side = math.sqrt(NETWORK_PIXELS) / NETWORK_MULTIPLE
    return round(side / ratio) * NETWORK_MULTIPLE, round(side * ratio) * NETWORK_MULTIPLE


def load(path: Path) -> "MegaDepth":
    """Loads MegaDepth.

    Args:
        path: of its Keras weights, `.weights.h5`.

    Raises:
        InputError: the file is none of its weights.
    """
    from pynet_tf.depth.estimators.megadepth_network import load_megadepth

    return MegaDepth(load_megadepth(path))


class MegaDepth:
    """MegaDepth's network for one photo at a time, with the face of an `Estimator`."""

    name = "MegaDepth"

    def __init__(self, model):
        self.model = model

    def estimate(self, photo: np.ndarray) -> np.ndarray:
        """Estimates the depth map of a photo, see `Estimator.estimate`."""
        return estimate_depth(photo, self.model)


def estimate_depth(photo: np.ndarray, model, refine: bool = False) -> np.ndarray:
    """Estimates the depth map of one photo.

    Args:
        photo: `[H, W, 3]` uint8.
        model: the `keras.Model` of `megadepth_network.load_megadepth`.
        refine: draw the map's edges to the photo's.

    Returns:
        `[H/2, W/2]` uint8, near = bright, stretched to 0..255.

    Raises:
        InputError: the weights give values that are not finite.
    """
    size = map_size(*photo.shape[:2])
    guide = resize(photo, *size) if refine else None
    return _finish(_run(model, [_network_input(photo)])[0], size, guide)


def estimate_maps(
    paths: Iterable[Path], model, batch_size: int = 1, refine: bool = False
) -> Iterator[tuple[Path, np.ndarray | InputError]]:
    """Estimates the depth maps of photo files, those that the network sees at one size together.

    Args:
        paths: the photos.
        model: see `estimate_depth`.
        batch_size: how many photos of one size go through the network at once.
        refine: see `estimate_depth`.

    Yields:
        For every path, in the order in which they are done, its map (see `estimate_depth`), or
        the error for a photo that cannot be read.
    """
    waiting: dict[tuple[int, ...], list] = {}
    for path in paths:
        try:
            photo = read_photo(path)
        except InputError as error:
            yield path, error
            continue
        size = map_size(*photo.shape[:2])
        small = _network_input(photo)
        batch = waiting.setdefault(small.shape, [])
        batch.append((path, small, size, resize(photo, *size) if refine else None))
        if len(batch) == batch_size:
            yield from _estimate_batch(model, waiting.pop(small.shape))
    for batch in waiting.values():
        yield from _estimate_batch(model, batch)


def _network_input(photo: np.ndarray) -> np.ndarray:
    height, width = network_size(*photo.shape[:2])
    # Bilinear as published; Pillow's averages over what it leaves out, so that photos of many
    # megapixels do not alias.
    return np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.BILINEAR))


def _estimate_batch(model, batch: list) -> Iterator[tuple[Path, np.ndarray]]:
    log_depths = _run(model, [small for _, small, _, _ in batch])
    for (path, _, size, guide), log_depth in zip(batch, log_depths, strict=True):
        yield path, _finish(log_depth, size, guide)


def _run(model, photos: list[np.ndarray]) -> np.ndarray:
    """Returns the log depths, `[B, h, w] float32`, of photos of one size, `[h, w, 3] uint8`."""
    return _graph(model)(np.stack(photos)).numpy()


@functools.lru_cache(maxsize=1)
def _graph(model):
    """Compiles the model once for all sizes: without the signature every size traces anew."""
    import tensorflow as tf

    photos = tf.TensorSpec([None, None, None, 3], tf.uint8)

    @tf.function(input_signature=[photos], autograph=False)
    def log_depth(photos):
        return model(tf.cast(photos, tf.float32) / 255, training=False)[..., 0]

    return log_depth


def _finish(log_depth: np.ndarray, size: tuple[int, int], guide: np.ndarray | None) -> np.ndarray:
    if not np.isfinite(log_depth).all():
        raise InputError("the weights of the depth network give no finite depth; convert anew")
    # The nearest point becomes 1 before the exponential, which then cannot overflow; the
    # stretching takes any factor out again.
    inverse_depth = np.exp(log_depth.min() - log_depth)
    if guide is None:
        return stretch(resize_map(inverse_depth, *size))
    return stretch(_refine(inverse_depth, guide))


def _refine(inverse_depth: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """Enlarges a map to the size of the photo `guide` and draws its edges to the photo's."""
    from pynet_tf.lens.guided_filter import guided_coefficients

    height, width = guide.shape[:2]
    scale = min(REFINE_SIDE / max(height, width), 1)
    small = max(round(height * scale), 1), max(round(width * scale), 1)
    radius = max(round(max(small) * REFINE_RADIUS), 1)
    slope, refined = guided_coefficients(
        resize_map(inverse_depth, *small), resize(guide, *small) / 255, radius, REFINE_SMOOTHNESS
    )
    refined = resize_map(refined, height, width).copy()
    for channel in range(3):
        enlarged = resize_map(slope[..., channel], height, width)
        refined += enlarged * (guide[..., channel] / np.float32(255))
    return refined
