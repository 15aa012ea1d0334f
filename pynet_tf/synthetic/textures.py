"""Surfaces as photographs of things outdoors show them: walls, ground, foliage, sky.

Every surface is a function of a numpy generator and a size and returns `[3, H, W]` float32
linear light, about 0.2 in the mean and sharp to the pixel. `unit`, in pixels, is the size of
what the surface is made of: a leaf, a brick, a stone.
"""

import numpy as np
from scipy import ndimage

from pynet_tf.lens.optics import to_light
from pynet_tf.synthetic.canvas import (
    ACCENTS,
    AUTUMN,
    EARTH,
    GREENS,
    GREYS,
    WALLS,
    Canvas,
    blades,
    colour,
    colours,
    leaves,
    noise,
)

# No surface has more leaves than this: drawing more takes seconds and looks alike.
MOST_LEAVES = 5000


def foliage(rng: np.random.Generator, height: int, width: int, unit: float) -> np.ndarray:
    """A hedge: leaves over darker leaves over shade."""
    palette = GREENS if rng.random() < 0.7 else AUTUMN
    girth = rng.uniform(0.2, 0.4)
    # Small leaves are too many to draw: what is drawn is mirrored on.
    side = int(unit * np.sqrt(MOST_LEAVES * girth / 3))
    missing = [(0, 0), (0, max(0, height - side)), (0, max(0, width - side))]
    whole, height, width = (height, width), min(height, side), min(width, side)
    canvas = Canvas(height, width, colour(rng, palette) * rng.uniform(0.15, 0.4))
    count = int(3 * height * width / (unit * unit * girth))
    stalks = rng.uniform(-unit, [width + unit, height + unit], (count, 2))
    clumps = noise(rng, height, width, 6 * unit, 3 * unit)
    rows, columns = np.clip(stalks[:, ::-1], 0, [height - 1, width - 1]).astype(int).T
    lit = 0.45 + 0.65 * np.arange(count) / count + 0.25 * clumps[rows, columns]
    lit = np.clip(lit * rng.uniform(0.7, 1.3, count), 0.2, 1.7)
    fills = colours(rng, palette, count) * lit[:, None]
    lengths = unit * rng.uniform(0.6, 1.3, count)
    leaves(canvas, stalks, lengths, rng.uniform(0, 2 * np.pi, count), fills, girth)
    light = np.pad(canvas.finish()[0], missing, mode="symmetric")
    if side < max(whole):
        # Two shifted copies, mixed in patches: a mirror image alone catches the eye.
        other = np.roll(light[:, ::-1], rng.integers(0, side, 2), (1, 2))
        light = np.where(noise(rng, *whole, side / 2, 1.5, 0.7) > 0, light, other)
    return light * _stains(rng, *whole) * grain(rng, *whole, 0.08)


def lawn(rng: np.random.Generator, height: int, width: int, unit: float) -> np.ndarray:
    """Grass, or straw, blade by blade."""
    palette = GREENS if rng.random() < 0.75 else EARTH
    canvas = Canvas(height, width, colour(rng, palette) * 0.5)
    count = int(min(12000, 12 * height * width / (unit * unit)))
    roots = rng.uniform(0, [width, height + unit], (count, 2))
    roots = roots[np.argsort(roots[:, 1])]
    blades(
        canvas,
        roots,
        unit * rng.uniform(0.6, 1.6, count),
        rng.normal(0, 0.5, (count, 2)),
        colours(rng, palette, count) * rng.uniform(0.55, 1.5, (count, 1)),
        rng.uniform(0.03, 0.08),
    )
    return canvas.finish()[0] * _stains(rng, height, width)


def stones(rng: np.random.Generator, height: int, width: int, unit: float) -> np.ndarray:
    """Gravel, or crazy paving if `unit` is large: stones with dark joints."""
    palette = GREYS if rng.random() < 0.6 else EARTH
    rows, columns = int(height / unit) + 2, int(width / unit) + 2
    centres = np.indices((rows, columns)).reshape(2, -1).T + rng.uniform(0.05, 0.95, (1, 2))
    centres = (centres + rng.uniform(-0.45, 0.45, centres.shape)) * unit - unit / 2
    centres = np.unique(np.clip(np.rint(centres), 0, [height - 1, width - 1]).astype(int), axis=0)
    seeds = np.ones((height, width), bool)
    seeds[tuple(centres.T)] = False
    nearest = ndimage.distance_transform_edt(seeds, return_distances=False, return_indices=True)
    cell = nearest[0] * width + nearest[1]
    joint = np.zeros((height, width), bool)
    joint[:-1] |= cell[:-1] != cell[1:]
    joint[:, :-1] |= cell[:, :-1] != cell[:, 1:]
    inside = ndimage.gaussian_filter(joint.astype(np.float32), max(0.5, 0.025 * unit))
    inside = 1 - np.clip(inside * max(1.0, 0.06 * unit), 0, 0.9)
    number = np.zeros(height * width, np.int32)
    number[np.ravel_multi_index(tuple(centres.T), (height, width))] = np.arange(len(centres))
    light = to_light(colours(rng, palette, len(centres), 20).astype(np.uint8)).T
    surface = light[:, number[cell.ravel()]].reshape(3, height, width)
    return surface * inside * grain(rng, height, width, 0.22, unit / 3)


def bricks(rng: np.random.Generator, height: int, width: int, unit: float) -> np.ndarray:
    """A running bond of bricks, slabs or tiles, drawn one by one."""
    palette = (AUTUMN, GREYS, WALLS, EARTH)[rng.integers(4)]
    canvas = Canvas(height, width, colour(rng, GREYS, 15))
    base, ratio = colour(rng, palette), rng.choice([1.0, 2.0, 2.6])
    joint, shift = max(1.0, 0.06 * unit), rng.choice([0.0, 0.5])
    for row in range(int(height / unit) + 2):
        for column in range(-1, int(width / (unit * ratio)) + 2):
            left = (column + shift * (row % 2)) * unit * ratio
            box = np.array(
                [left, row * unit, left + unit * ratio - joint, (row + 1) * unit - joint]
            )
            box += rng.normal(0, 0.01 * unit, 4)
            corners = box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(1, 4, 2)
            canvas.polygons(corners, base * rng.uniform(0.75, 1.15) + rng.normal(0, 3, (1, 3)))
    light = canvas.finish()[0] * grain(rng, height, width, 0.16, unit / 2)
    return light * _stains(rng, height, width)


def planks(rng: np.random.Generator, height: int, width: int, unit: float) -> np.ndarray:
    """Upright boards with grain, or bark."""
    base = to_light(colour(rng, EARTH if rng.random() < 0.7 else WALLS).astype(np.uint8))
    board = (np.arange(width) + 0.3 * unit) / (2 * unit)
    tint = rng.uniform(0.65, 1.25, int(board[-1]) + 2)[board.astype(int)].astype(np.float32)
    edge = np.clip(np.abs(board % 1 - 0.5) - 0.5 + 0.03, 0, 0.03) / 0.03
    grain = noise(rng, height, width, unit, 1.0, 0.35, stretch=8.0)
    surface = base[:, None, None] * (tint * (1 - 0.85 * edge)).astype(np.float32)
    return surface * np.exp(0.3 * grain) * _stains(rng, height, width)


def plaster(rng: np.random.Generator, height: int, width: int, unit: float) -> np.ndarray:
    """A rendered wall, concrete or asphalt: grain, stains, cracks."""
    palette = WALLS if rng.random() < 0.5 else GREYS
    base = to_light(colour(rng, palette).astype(np.uint8))[:, None, None]
    canvas = Canvas(height, width, np.full(3, 255.0))
    for _ in range(rng.integers(0, 5)):
        steps = rng.normal(0, 0.5 * unit, (40, 2)) + rng.normal(0, 0.6 * unit, 2)
        crack = rng.uniform(0, [width, height]) + np.cumsum(steps, axis=0)
        canvas.line(crack, rng.uniform(0.7, 2.5), np.full(3, rng.uniform(40, 150)))
    surface = base * canvas.finish()[0] * _stains(rng, height, width)
    return surface * grain(rng, height, width, rng.uniform(0.05, 0.3), rng.uniform(1, 4))


def facade(rng: np.random.Generator, height: int, width: int, unit: float) -> np.ndarray:
    """A house front: rows of windows with frames, some with blinds."""
    canvas = Canvas(height, width, colour(rng, WALLS))
    frame, glass = colour(rng, GREYS + ACCENTS[:1], 20), colour(rng, GREYS) * 0.4
    across, down = unit * rng.uniform(3, 6), unit * rng.uniform(4, 7)
    tall, wide, border = down * rng.uniform(0.4, 0.7), across * rng.uniform(0.35, 0.6), 0.12 * unit
    for top in np.arange(rng.uniform(-1, 0) * down, height, down):
        for left in np.arange(rng.uniform(-1, 0) * across, width, across):
            canvas.box(left - border, top - border, wide + 2 * border, tall + 2 * border, frame)
            canvas.box(left, top, wide, tall, glass * rng.uniform(0.5, 1.6))
            if rng.random() < 0.4:
                closed = tall * rng.uniform(0.3, 1)
                for slat in np.arange(0, closed, max(3.0, 0.2 * unit)):
                    shade = frame * rng.uniform(0.85, 1.1)
                    canvas.box(left, top + slat, wide, max(2.0, 0.15 * unit), shade)
            canvas.box(left + wide / 2 - border / 2, top, border, tall, frame)
        canvas.box(0, top + tall + rng.uniform(0.2, 0.4) * unit, width, border, frame * 0.7)
    return canvas.finish()[0] * grain(rng, height, width, 0.08) * _stains(rng, height, width)


def sky(rng: np.random.Generator, height: int, width: int, unit: float) -> np.ndarray:
    """Overcast or blue, brighter towards the horizon, often near clipping."""
    cloud = 1 / (1 + np.exp(-1.5 * noise(rng, height, width, 12 * unit, 4, 0.9) - rng.normal(0, 2)))
    blue = np.array([0.25, 0.42, 0.75], np.float32)[:, None, None]
    white = np.array([0.9, 0.93, 0.98], np.float32)[:, None, None]
    down = np.linspace(0.7, 1.15, height, dtype=np.float32)[:, None]
    return (blue + (white - blue) * cloud) * down * np.float32(rng.uniform(0.7, 1.15))


def grain(
    rng: np.random.Generator, height: int, width: int, strength: float, coarsest: float = 2.0
) -> np.ndarray:
    """Fine unevenness to multiply a surface by: `[H, W]`, about 1."""
    return np.exp(strength * noise(rng, height, width, max(1.0, coarsest), 1.0, 0.3))


def _stains(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    stretch = rng.choice([0.6, 1.0, 2.5])
    return np.exp(0.15 * noise(rng, height, width, height / 3, 4, 0.8, stretch))
