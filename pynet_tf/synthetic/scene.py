"""Sets up a scene: what stands where, at which depth, in which light.

A scene is an opaque backdrop (a wall, ground, sky) and flat things before it, each whole behind
whatever hides it. Depths are inverse: 0 infinitely far, 1 nearest.
"""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from pynet_tf.lens.optics import to_light, to_srgb
from pynet_tf.synthetic import objects, textures
from pynet_tf.synthetic.canvas import noise
from pynet_tf.synthetic.lamps import Lamp, lamps

# What backdrops and things are chosen from.
WALLS = (textures.facade, textures.plaster, textures.bricks, textures.planks, textures.foliage)
GROUNDS = (textures.lawn, textures.stones, textures.bricks, textures.plaster, textures.foliage)
SUBJECTS = (objects.lamp, objects.sign, objects.rock, objects.block, objects.bush, objects.flower)
STANDING = (objects.trunk, objects.rock, objects.block, objects.bush, objects.tuft, objects.lamp,
            objects.fence, objects.twigs, objects.sign)  # fmt: skip
HANGING = (objects.twigs, objects.bush, objects.flower, objects.twigs)
NEAREST = (objects.twigs, objects.bush, objects.tuft, objects.fence)
# Share of the daylight scenes that have lamps, glints or gaps to the sky.
WITH_LAMPS = 0.6
# The mean light that a camera's meter aims at, by day and by night.
BY_DAY, BY_NIGHT = (0.11, 0.26), (0.015, 0.05)
# Things that are thin: a depth network often does not see them.
THIN = (objects.twigs, objects.tuft, objects.fence)


@dataclass(frozen=True)
class Layer:
    """One flat thing."""

    light: np.ndarray  # [3, H, W] linear, also where it is hidden
    cover: np.ndarray  # [H, W], 0..1
    depth: float  # inverse depth, 0 far to 1 near
    thin: bool


@dataclass(frozen=True)
class Scene:
    """A backdrop and the layers before it, far to near."""

    backdrop: np.ndarray  # [3, H, W] linear light
    backdrop_depth: np.ndarray  # [H, W], smooth
    layers: tuple[Layer, ...]
    subject: float  # depth of the main thing
    lamps: tuple[Lamp, ...] = ()  # on the backdrop


def scene(
    rng: np.random.Generator,
    height: int,
    width: int,
    night: bool = False,
    backdrop_only: bool = False,
) -> Scene:
    """Makes up a scene.

    Args:
        rng: the source of chance.
        height: in pixels.
        width: in pixels.
        night: whether it is dark and full of lamps.
        backdrop_only: whether nothing stands before the backdrop.
    """
    turn, up = rng.uniform(-1.2, 1.2), rng.uniform(0.2, 0.9)
    sun = np.array([np.sin(turn), -up, np.cos(turn)])
    sun /= np.linalg.norm(sun)
    backdrop, depth, horizon = _backdrop(rng, height, width)
    subject = rng.uniform(0.7, 1.0)
    plan = [(SUBJECTS, subject)]
    plan += [(STANDING, d) for d in rng.uniform(0.1, subject - 0.12, rng.integers(1, 5))]
    if rng.random() < 0.3:
        subject = plan[0][1] * 0.8
        plan = [(kinds, 0.8 * d) for kinds, d in plan] + [(NEAREST, rng.uniform(0.9, 1.0))]
    plan = [(kinds, max(d, float(depth.min()) + 0.05)) for kinds, d in plan]
    if backdrop_only:
        plan = []
    layers = []
    for kinds, d in sorted(plan, key=lambda entry: entry[1]):
        main = kinds is SUBJECTS
        if horizon is None and not main:
            kinds = HANGING
        kind = kinds[rng.integers(len(kinds))]
        size = height * rng.uniform(0.45, 0.9) * (1 if main else 0.5 + 0.7 * d)
        drawn = _draw(rng, kind, size, width, sun)
        if horizon is not None and kinds is not NEAREST:
            feet = np.searchsorted(depth[:, 0], d) if d < depth.max() else 1.08 * height
            centre = width * (rng.uniform(0.3, 0.7) if main else rng.random())
            if kind is objects.fence:
                centre = width / 2
            _shade(backdrop, feet, centre, drawn[1].shape)
            corner = feet - drawn[1].shape[0], centre - drawn[1].shape[1] / 2
        else:
            drawn, corner = _hang(rng, drawn, height, width, main)
        light, cover = _place(drawn, corner, height, width)
        if cover.max() > 0.5:
            light *= np.float32(rng.uniform(0.7, 1.3))
            layers.append(Layer(light, cover, float(d), kind in THIN))
    view = _exposed(rng, Scene(backdrop, depth, tuple(layers), float(subject)), night)
    if night or rng.random() < WITH_LAMPS:
        count = rng.integers(25, 90) if night else rng.integers(3, 60)
        view = replace(view, lamps=lamps(rng, view.backdrop, int(count), horizon or height))
    return view


def _backdrop(
    rng: np.random.Generator, height: int, width: int
) -> tuple[np.ndarray, np.ndarray, int | None]:
    """Returns light `[3, H, W]`, depth `[H, W]` and the row where the ground begins, if any."""
    unit = height * np.exp(rng.uniform(np.log(0.015), np.log(0.09)))
    layout = rng.choice(
        ["wall", "street", "open", "ground", "canopy"], p=(0.2, 0.35, 0.2, 0.15, 0.1)
    )
    wall = WALLS[rng.integers(len(WALLS))]
    y, x = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    horizon, far = None, rng.uniform(0.02, 0.35)
    if layout in ("street", "open"):
        horizon = int(height * rng.uniform(0.35, 0.75))
    if layout == "ground":
        light = GROUNDS[rng.integers(len(GROUNDS))](rng, height, width, unit)
        depth = far + rng.uniform(0, 0.3) * y
    elif layout in ("open", "canopy"):
        far = rng.uniform(0.0, 0.12)
        light = _trees(rng, height, width, horizon or 0.8 * height, unit)
        depth = np.full((height, width), far)
    else:
        light = wall(
            rng, height, width, max(unit, 0.04 * height) if wall is textures.facade else unit
        )
        depth = far + (rng.uniform(-0.12, 0.12) * (x - 0.5) if layout == "wall" else 0 * x)
    if horizon is not None:
        light[:, horizon:] = _ground(rng, height - horizon, width, unit)
        slope = (rng.uniform(0.7, 1.0) - far) / (height - horizon)
        depth = far + slope * np.maximum(np.arange(height) - horizon, 0)[:, None] + 0 * x
    light = np.ascontiguousarray(light, np.float32)
    if rng.random() < 0.5:
        sunlit = noise(rng, height, width, height / 3, height / 24, 0.5)
        sunlit = 0.35 + 0.9 / (1 + np.exp(-4 * sunlit - rng.normal(0, 1)))
        # Shadows of leaves fall on what is near, not on the sky.
        begin = 0 if layout in ("wall", "street", "ground") else horizon or height
        light[:, begin:] *= sunlit[begin:]
    depth = np.clip(depth, 0, 1).astype(np.float32)
    return light, depth, horizon


def _ground(rng: np.random.Generator, height: int, width: int, unit: float) -> np.ndarray:
    """Ground seen at a slant: twice as wide at the far end."""
    surface = GROUNDS[rng.integers(len(GROUNDS))]
    tall = int(1.5 * height)
    flat = surface(rng, tall, 2 * width, max(unit, 0.7 * unit + 6))
    flat = Image.fromarray(np.moveaxis(to_srgb(flat), 0, -1))
    # Output pixel (u, v) shows ((u + k W v) / (1 + k v), 2 k T v / (1 + k v)), drawn at twice
    # the size and averaged, so that the far end does not shimmer.
    k = 1 / (2 * height)
    slant = (1, k * width, 0, 0, 2 * k * tall, 0, 0, k)
    size = (2 * width, 2 * height)
    seen = flat.transform(size, Image.Transform.PERSPECTIVE, slant, Image.Resampling.BICUBIC)
    return np.moveaxis(to_light(np.asarray(seen.reduce(2))), -1, 0)


def _trees(
    rng: np.random.Generator, height: int, width: int, horizon: float, unit: float
) -> np.ndarray:
    """Sky with trees or houses before it, far away."""
    above = textures.sky(rng, height, width, unit)
    if rng.random() < 0.3:
        below, ridge = textures.facade(rng, height, width, unit), 0.0
        steps = np.repeat(rng.uniform(0.1, 0.9, 6), width // 6 + 1)[:width]
    else:
        below, ridge = textures.foliage(rng, height, width, max(0.012 * height, 0.3 * unit)), 0.12
        steps = np.full(width, rng.uniform(0.2, 0.8))
    ragged = ridge * noise(rng, height, width, height / 5, 1.5, 0.45)
    behind = np.arange(height)[:, None] / horizon < steps + ragged
    return np.where(behind, above, below)


def _draw(
    rng: np.random.Generator, kind, size: float, width: int, sun: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a thing about `size` pixels tall, in its own proportions."""
    slim = {objects.trunk: (0.15, 0.5), objects.fence: (0, 0), objects.lamp: (0.3, 0.7)}
    ratio = rng.uniform(*slim.get(kind, (0.55, 1.2)))
    tall = 1.6 * size if kind is objects.trunk else size
    across = width if kind is objects.fence else ratio * tall
    return kind(rng, max(8, int(tall)), max(8, int(across)), sun)


def _hang(
    rng: np.random.Generator,
    drawn: tuple[np.ndarray, np.ndarray],
    height: int,
    width: int,
    main: bool,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[float, float]]:
    """Lets a thing reach in from an edge of the picture; the main one further."""
    light, cover = drawn
    side = rng.choice([0, 0, 0, 1, 3, 2]) if not main else rng.choice([0, 0, 0, 0, 1, 3])
    if cover.shape[1] >= width:
        side = 0
    light, cover = np.rot90(light, side, (1, 2)), np.rot90(cover, side)
    tall, wide = cover.shape
    inside = rng.uniform(0.75, 1.1) if main else rng.uniform(0.4, 0.9)
    along = rng.uniform(0.3, 0.7) if main else rng.uniform(0, 1)
    top, left = along * height - tall / 2, along * width - wide / 2
    if wide >= width:
        left = 0.0
    if side == 0:
        top = height - inside * tall
    elif side == 1:
        left = width - inside * wide
    elif side == 2:
        top = (inside - 1) * tall
    else:
        left = (inside - 1) * wide
    return (light, cover), (top, left)


def _place(
    drawn: tuple[np.ndarray, np.ndarray], corner: tuple[float, float], height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Puts a drawing into an empty picture, cut off at its edges."""
    light, cover = np.zeros((3, height, width), np.float32), np.zeros((height, width), np.float32)
    top, left = (int(value) for value in corner)
    to_rows = slice(max(0, top), max(0, top + drawn[1].shape[0]))
    to_columns = slice(max(0, left), max(0, left + drawn[1].shape[1]))
    tall, wide = cover[to_rows, to_columns].shape
    rows, columns = (
        slice(max(0, -top), max(0, -top) + tall),
        slice(max(0, -left), max(0, -left) + wide),
    )
    light[:, to_rows, to_columns] = drawn[0][:, rows, columns]
    cover[to_rows, to_columns] = drawn[1][rows, columns]
    return light, cover


def _shade(backdrop: np.ndarray, feet: float, centre: float, size: tuple[int, int]) -> None:
    """Darkens the ground where a thing touches it."""
    y, x = (np.arange(length, dtype=np.float32) for length in backdrop.shape[1:])
    down = np.exp(-(((y - feet) / (0.06 * size[0])) ** 2))
    across = np.exp(-(((x - centre) / (0.55 * size[1])) ** 2))
    backdrop *= 1 - 0.6 * down[:, None] * across


def _exposed(rng: np.random.Generator, view: Scene, night: bool) -> Scene:
    """Scales all light as a camera's meter would, with a tint of the hour."""
    brightness = float(np.minimum(view.backdrop, 1).mean())
    for layer in view.layers:
        share = float(layer.cover.mean())
        seen = float((np.minimum(layer.light, 1) * layer.cover).mean())
        brightness = (1 - share) * brightness + seen
    gain = rng.uniform(*(BY_NIGHT if night else BY_DAY)) / max(brightness, 1e-3)
    gain = min(gain, 3.5) if night else np.clip(gain, 0.4, 3.5)
    warmth = rng.normal(0, 0.06)
    tint = (gain * np.exp([warmth, 0, -warmth])).astype(np.float32)[:, None, None]
    layers = tuple(
        Layer(layer.light * tint, layer.cover, layer.depth, layer.thin) for layer in view.layers
    )
    return Scene(view.backdrop * tint, view.backdrop_depth, layers, view.subject)
