"""Synthetic training pairs: procedural scenes, seen sharp and through a thin lens.

    photo   uint8 [H, W, 3], everything sharp
    depth   uint8 [H/2, W/2], near = bright, 0..255, as soft and wrong as an estimated map
    bokeh   uint8 [H, W, 3], seen through a wide aperture, at a slightly different exposure
    focus   the depth of the map that is sharp in the bokeh, 0..1
    blur    of the bokeh, in percent of the longer side, as the map shows it (`lens.focus`)

A scene is an opaque backdrop (a wall, ground, sky) and flat things before it, each whole behind
whatever hides it. So the bokeh is what a lens makes of the scene itself, including what the
photo does not show, and not what can be guessed from the photo.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from pynet_tf.errors import InputError
from pynet_tf.lens import focus as lens_focus
from pynet_tf.lens.optics import blur as blurred
from pynet_tf.lens.optics import blurs, to_srgb
from pynet_tf.synthetic import lamps
from pynet_tf.synthetic.canvas import noise
from pynet_tf.synthetic.scene import Scene, scene

# The least side of a photo: level 7 sees a sixty-fourth of it.
SMALLEST = 64
# Things are flat here and real ones are not: an estimated map shows so much relief of the subject,
# a third of it farther than the subject is. All of that is within the lens' sharp range.
RELIEF = 0.15
# Blurs, in percent of the longer side: log-uniform between these two.
LEAST_BLUR, MOST_BLUR = 0.1, 2.5
# The share of pairs without blur, which teach networks to give a photo back.
UNBLURRED = 0.1
# True depths this near to the true focus tell where the estimated map has it.
_SAME_DEPTH = 0.02
# A map that explains less than this part of the discs lacks what is in focus; another focus is
# looked for among these.
_LACKING = 0.3
_FOCI = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Pair:
    """A photo, its depth map, the bokeh shot, and the lens of that; see the module."""

    photo: np.ndarray
    depth: np.ndarray
    bokeh: np.ndarray
    focus: float
    blur: float


def pair(
    seed: int,
    index: int = 0,
    height: int = 1024,
    width: int = 1536,
    on_subject: float = 0.6,
    night: float = 0.15,
    exact_depth: bool = False,
    backdrop_only: bool = False,
    plain: bool = False,
) -> Pair:
    """Makes one training pair; the same for the same arguments.

    Args:
        seed: of the data set, 0 or more.
        index: of the pair in the set, 0 or more.
        height: rows of the photo, even, at least 64.
        width: columns of the photo, even, at least 64.
        on_subject: chance that the focus lies on the main thing, and not on another one or on
            the backdrop, 0 to 1.
        night: chance that it is a night scene: dark, with many lamps, 0 to 1.
        exact_depth: with the true depths as the map, of the same photo.
        backdrop_only: nothing stands before the backdrop, so that nothing hides anything.
        plain: without lamps, and the two shots exposed alike. Rendering takes lamps out of the
            photo before a network sees it, and nothing tells a network the exposures.

    Raises:
        InputError: a size that is odd or too small, a negative seed or index, or a chance that
            is none.
    """
    rng = generator(seed, index)
    view, focus, blur = view_and_lens(rng, height, width, on_subject, night, backdrop_only)
    if plain:
        view = replace(view, lamps=())
    photo, bokeh = sharp(view), through_lens(view, focus, blur)
    # The two shots of a real pair are never exposed quite alike.
    gain = np.exp(rng.normal(0, 0.05) + rng.normal(0, 0.015, 3)).astype(np.float32)
    if plain or blur == 0:
        # Without blur it is the photo, so that networks learn to give that back.
        gain = np.ones(3, np.float32)
    depth = estimated_depth(rng, view)
    if exact_depth:
        depth, told = np.rint(255 * true_depth(view)).astype(np.uint8), (focus, blur)
    else:
        told = as_the_map_shows(depth, true_depth(view), focus, blur)
    shots = developed(rng, photo), developed(rng, bokeh * gain[:, None, None])
    return Pair(shots[0], depth, shots[1] if blur else shots[0], *told)


def generator(seed: int, index: int) -> np.random.Generator:
    """Returns the source of chance of one pair.

    Raises:
        InputError: one is negative.
    """
    for name, value in (("seed", seed), ("index", index)):
        if value < 0:
            raise InputError(f"{name} is {value}; give 0 or more")
    return np.random.default_rng([seed, index])


def check_size(height: int, width: int) -> None:
    """Checks the size of a photo.

    Raises:
        InputError: a side is odd or too small.
    """
    for name, size in (("height", height), ("width", width)):
        if size < SMALLEST or size % 2:
            raise InputError(f"{name} is {size}; give an even number of at least {SMALLEST}")


def view_and_lens(
    rng: np.random.Generator,
    height: int,
    width: int,
    on_subject: float,
    night: float,
    backdrop_only: bool = False,
) -> tuple[Scene, float, float]:
    """Makes up a scene and the lens that it is seen through; see `pair`.

    Returns:
        The scene, the true depth in focus, and the blur in percent of the longer side.
    """
    check_size(height, width)
    for name, value in (("on_subject", on_subject), ("night", night)):
        if not 0 <= value <= 1:
            raise InputError(f"{name} is {value}; give 0 to 1")
    view = scene(rng, height, width, bool(rng.random() < night), backdrop_only)
    blur = float(np.exp(rng.uniform(np.log(LEAST_BLUR), np.log(MOST_BLUR))))
    blur = 0.0 if rng.random() < UNBLURRED else blur
    if backdrop_only:
        return view, float(rng.choice(view.backdrop_depth.ravel())), blur
    others = [layer.depth for layer in view.layers] + [float(np.median(view.backdrop_depth))]
    focus = view.subject if rng.random() < on_subject else float(rng.choice(others))
    return view, focus, blur


def true_depth(view: Scene) -> np.ndarray:
    """Returns the depth of what is seen in the photo: `[H/2, W/2]` float32 in [0, 1]."""
    depth = view.backdrop_depth[::2, ::2].astype(np.float32)
    for layer in view.layers:
        depth = np.where(layer.cover[::2, ::2] > 0.5, np.float32(layer.depth), depth)
    return depth


def as_the_map_shows(
    depth: np.ndarray, exact: np.ndarray, focus: float, blur: float
) -> tuple[float, float]:
    """Returns focus and blur as an estimated map shows them.

    The map is bent and stretched: the same depth has another value in it, and the same blur
    spreads over another range. Where it lacks the thing in focus, its depth there is that of
    something else, and the focus is the one that makes the rest as blurred as it is.

    Args:
        depth: the estimated map, `[h, w]` uint8.
        exact: the true depths, `[h, w]` in [0, 1].
        focus: the true depth that is sharp.
        blur: with the true depths.
    """
    in_focus = np.abs(exact - focus) < _SAME_DEPTH
    told = float(np.median(depth[in_focus]) / 255) if in_focus.any() else focus
    truth = lens_focus.defocus(exact, focus, 1.0).astype(np.float64)
    scale, explained = _compared(truth, lens_focus.defocus(depth, told, 1.0))
    if explained < _LACKING:
        tried = [_compared(truth, lens_focus.defocus(depth, f, 1.0)) for f in _FOCI]
        best = int(np.argmax([explained for _, explained in tried]))
        told, scale = float(_FOCI[best]), tried[best][0]
    return told, float(np.clip(blur * scale, 0, lens_focus.LARGEST_BLUR))


def _compared(truth: np.ndarray, shown: np.ndarray) -> tuple[float, float]:
    """Returns by what to scale discs to have the true ones, and what part of those that gives."""
    shown = shown.astype(np.float64)
    product, energy, whole = (float(np.sum(x)) for x in (truth * shown, shown**2, truth**2))
    scale = product / energy if energy > 0 else 1.0
    return scale, max(scale, 0.0) * product / whole if whole > 0 else 1.0


def sharp(view: Scene) -> np.ndarray:
    """Returns the scene as a small aperture sees it: `[3, H, W]` linear light."""
    light = view.backdrop.copy()
    lamps.add(light, view.lamps)
    for layer in view.layers:
        light += layer.cover * (layer.light - light)
    return light


def through_lens(view: Scene, focus: float, blur: float) -> np.ndarray:
    """Returns the scene through a wide aperture: `[3, H, W]` linear light.

    Args:
        view: the scene.
        focus: the depth that is sharp, 0..1.
        blur: in percent of the longer side; see `pynet_tf.lens.focus` for both.
    """
    largest = lens_focus.largest_radius(blur, *view.backdrop_depth.shape)

    def radius_at(depth):
        return np.abs(lens_focus.defocus(np.atleast_2d(depth), focus, largest))

    backdrop_radius = radius_at(view.backdrop_depth)
    light = _blur_smoothly(view.backdrop, backdrop_radius)
    lamps.add(light, view.lamps, backdrop_radius)
    height, width = light.shape[1:]
    for layer in view.layers:
        radius = float(radius_at(layer.depth)[0, 0])
        reach = int(np.ceil(radius)) + 1
        rows, columns = (np.flatnonzero(layer.cover.any(axis=axis)) for axis in (1, 0))
        window = (
            slice(max(0, rows[0] - reach), min(height, rows[-1] + reach + 1)),
            slice(max(0, columns[0] - reach), min(width, columns[-1] + reach + 1)),
        )
        cover = layer.cover[window]
        planes = np.concatenate([layer.light[:, *window] * cover, cover[None]])
        planes = blurred(planes.astype(np.float32), radius)
        light[:, *window] *= 1 - np.minimum(planes[3], 1)
        light[:, *window] += planes[:3]
    return light


def estimated_depth(rng: np.random.Generator, view: Scene) -> np.ndarray:
    """Returns a depth map of the quality that networks give: uint8 `[H/2, W/2]`.

    Edges are soft and out of place, thin things are often missing, the subject has a relief, far
    and near are bent by a slowly varying error; the range is stretched to 0..255.
    """
    depth = view.backdrop_depth[::2, ::2].copy()
    height, width = depth.shape
    bumps = np.clip(0.5 + 0.5 * noise(rng, height, width, height / 4, height / 16), 0, 1)
    relief = rng.uniform(0, RELIEF) * (bumps - 1 / 3)
    for layer in view.layers:
        seen = layer.cover[::2, ::2]
        if layer.thin:
            # Between the wires of a fence a network sees either the fence or what is behind.
            seen = ndimage.uniform_filter(seen, 5) * (rng.random() < 0.6)
        near = layer.depth + relief if layer.depth == view.subject else layer.depth
        depth = np.where(seen > 0.5, near, depth)
    places = np.indices(depth.shape, dtype=np.float32)
    for axis in (0, 1):
        places[axis] += noise(rng, height, width, height / 6, height / 12) * rng.uniform(0, 1.5)
    depth = ndimage.map_coordinates(depth, places, order=1, mode="nearest")
    depth = ndimage.gaussian_filter(depth, rng.uniform(0.8, 2.5))
    depth = np.clip(depth, 0, 1) ** rng.uniform(0.75, 1.3)
    depth += rng.uniform(0, 0.05) * noise(rng, height, width, height / 2, height / 8)
    depth = (depth - depth.min()) / max(float(np.ptp(depth)), 1e-6)
    return np.rint(255 * depth).astype(np.uint8)


def _blur_smoothly(planes: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Blurs `[3, H, W]` by a radius `[H, W]` that varies slowly from place to place.

    Between two fixed radii the two blurred pictures are mixed.
    """
    steps = [0.0, 1.0, 2.0]
    while steps[-1] < radius.max():
        steps.append(steps[-1] * 1.4)
    first = np.searchsorted(steps, radius.min(), side="right") - 1
    last = np.searchsorted(steps, radius.max())
    steps = steps[first : max(last, first + 1) + 1]
    result = np.zeros_like(planes)
    place = np.interp(radius, steps, np.arange(len(steps))).astype(np.float32)
    for index, light in enumerate(blurs(planes, steps)):
        result += np.maximum(1 - np.abs(place - index), 0) * light
    return result


def developed(rng: np.random.Generator, light: np.ndarray) -> np.ndarray:
    """Makes `[3, H, W]` linear light a photo `[H, W, 3]` uint8, with a little sensor noise."""
    shot = rng.standard_normal(light.shape, dtype=np.float32)
    light = light + shot * np.sqrt(np.clip(light, 0, 1) * 4e-5 + 1e-7)
    return np.ascontiguousarray(np.moveaxis(to_srgb(light), 0, -1))
