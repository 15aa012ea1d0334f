"""One synthetic pair at several sizes: the same picture, as large and as small photos show it.

The scene is drawn once, at the largest size, where it has detail down to the pixel, and seen
through the lens there. The smaller pairs are reduced copies, in light, of the photo and of the
bokeh shot: reduced, a larger one is the smaller one. That holds for every scene. All share one
depth map, as an estimator gives it for the smallest size, since estimators work at a fixed size.
Both shots are exposed alike, so that what is measured against the truth is the rendering.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse

from pynet_tf.errors import InputError
from pynet_tf.lens.optics import to_light, to_srgb
from pynet_tf.synthetic import pairs
from pynet_tf.synthetic.pairs import Pair
from pynet_tf.synthetic.scene import Layer, Scene


def pairs_of_sizes(
    seed: int,
    index: int,
    sizes: Sequence[tuple[int, int]],
    on_subject: float = 0.6,
    night: float = 0.15,
) -> list[Pair]:
    """Makes one pair at several sizes; 6000x4000 pixels take half a minute and under 6 GB.

    Args:
        seed: as for `pairs.pair`.
        index: as for `pairs.pair`; the scenes are not those of single pairs.
        sizes: rows and columns, even, at least 64, of the same proportions.
        on_subject: as for `pairs.pair`.
        night: as for `pairs.pair`.

    Returns:
        The pairs, in the order of the sizes.

    Raises:
        InputError: a size that is odd, too small or of other proportions, or see `pairs.pair`.
    """
    height, width = max(sizes)
    for size in sizes:
        # As near as whole pixels come to it.
        if abs(size[0] * width - size[1] * height) > max(height, width):
            raise InputError(
                f"{size[0]}x{size[1]} has other proportions than {height}x{width}; "
                "give sizes of the same"
            )
        pairs.check_size(*size)
    rng = pairs.generator(seed, index)
    view, focus, blur = pairs.view_and_lens(rng, height, width, on_subject, night)
    photo = pairs.developed(rng, pairs.sharp(view))
    bokeh = pairs.developed(rng, pairs.through_lens(view, focus, blur)) if blur else photo
    seen = reduced_scene(view, *min(sizes))
    depth = pairs.estimated_depth(rng, seen)
    told = pairs.as_the_map_shows(depth, pairs.true_depth(seen), focus, blur)
    made = []
    for size in sizes:
        shots = [reduced(shot, *size) for shot in (photo, bokeh)]
        made.append(Pair(shots[0], depth, shots[1], *told))
    return made


def reduced(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns a reduced copy: every pixel is the mean light of the area that it covers.

    Args:
        picture: `[H, W, 3]` uint8.
        height: at most H.
        width: at most W.
    """
    if picture.shape[:2] == (height, width):
        return picture
    light = np.moveaxis(to_light(picture), -1, 0)
    return np.moveaxis(to_srgb(area_means(light, height, width)), 0, -1)


def reduced_scene(view: Scene, height: int, width: int) -> Scene:
    """Returns a scene at a smaller size, without its lamps."""

    def smaller(plane):
        return area_means(plane[None], height, width)[0]

    layers = []
    for layer in view.layers:
        cover = smaller(layer.cover)
        light = area_means(layer.light * layer.cover, height, width)
        light /= np.maximum(cover, 1e-6)
        layers.append(Layer(light, cover, layer.depth, layer.thin))
    return replace(
        view,
        backdrop=area_means(view.backdrop, height, width),
        backdrop_depth=smaller(view.backdrop_depth),
        layers=tuple(layers),
        lamps=(),
    )


def area_means(planes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Reduces `[C, H, W]` to `[C, height, width]` float32, whatever the ratio."""
    down, across = _shares(planes.shape[1], height), _shares(planes.shape[2], width)
    return np.stack([(across @ (down @ plane).T).T for plane in planes])


def _shares(whole: int, parts: int) -> sparse.csr_array:
    """Returns what share every pixel has in every larger one: `[parts, whole]`, rows sum to 1."""
    edges = np.arange(parts + 1) * (whole / parts)
    first = np.floor(edges[:-1]).astype(int)
    most = int(np.ceil(whole / parts)) + 1
    pixel = first[:, None] + np.arange(most)
    share = np.minimum(pixel + 1, edges[1:, None]) - np.maximum(pixel, edges[:-1, None])
    share = np.clip(share, 0, None).astype(np.float32) * np.float32(parts / whole)
    pixel = np.minimum(pixel, whole - 1)
    rows = np.repeat(np.arange(parts), most)
    return sparse.csr_array((share.ravel(), (rows, pixel.ravel())), shape=(parts, whole))
