"""Things that stand and hang about outdoors: lamps, trunks, signs, rocks, flowers, twigs, fences.

Every thing is a function of a numpy generator, a size in pixels and the direction of the sun,
and returns its light `[3, H, W]`, linear float32, and its coverage `[H, W]`, 0..1. It is sharp
and whole, whatever may hide it in a scene.
"""

import numpy as np

from pynet_tf.lens.optics import to_light
from pynet_tf.synthetic import textures
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

Drawn = tuple[np.ndarray, np.ndarray]


def lamp(rng: np.random.Generator, height: int, width: int, sun: np.ndarray) -> Drawn:
    """A globe, of glass or stone, on a post."""
    radius = min(width / 2, 0.45 * height) - 1
    centre = np.array([width / 2, radius + 1])
    canvas = Canvas(height, width)
    post, dark = rng.uniform(0.08, 0.2) * radius, colour(rng, GREYS) * 0.3
    canvas.box(centre[0] - post, centre[1], 2 * post, height, dark)
    canvas.box(centre[0] - post, centre[1], 0.7 * post, height, dark * 1.8)
    canvas.polygons(_ring(centre, radius)[None], colour(rng, (*WALLS, *ACCENTS, *GREYS))[None])
    foot = centre + np.array([0, 0.93 * radius])
    canvas.polygons((_ring([0, 0], radius) * [0.5, 0.13] + foot)[None], dark[None])
    light, cover = canvas.finish()
    y, x = np.indices((height, width), dtype=np.float32)
    normal = np.stack([(x - centre[0]) / radius, (y - centre[1]) / radius])
    out = (normal**2).sum(axis=0)
    ball = (out < 1) & (y < foot[1] - 0.02 * radius)
    normal = np.stack([*normal, np.sqrt(np.maximum(1 - out, 0))])
    lit = np.clip(np.tensordot(sun, normal, 1), 0, 1)
    shine = 3 * np.clip(2 * lit * normal[2] - sun[2], 0, 1) ** rng.uniform(20, 120)
    rim = 0.4 * np.clip(out, 0, 1) ** 4
    surface = light * np.exp(0.15 * noise(rng, height, width, radius / 2, 1, 0.6))
    return np.where(ball, surface * (0.25 + lit) + shine + rim * 0.3, light), cover


def trunk(rng: np.random.Generator, height: int, width: int, sun: np.ndarray) -> Drawn:
    """A tree, sometimes forked, or a smooth pole: a tall round thing."""
    canvas = Canvas(height, width)
    y = np.linspace(0, height, 12)
    bend = 0.12 * width * np.cumsum(rng.normal(0, 0.3, 12))
    middle = width / 2 + np.clip(bend, -width / 5, width / 5)
    half = width * np.linspace(rng.uniform(0.16, 0.24), 0.27, 12)
    outline = np.concatenate(
        [np.stack([middle - half, y], 1), np.stack([middle + half, y], 1)[::-1]]
    )
    canvas.polygons(outline[None], np.full((1, 3), 255.0))
    if rng.random() < 0.4:
        fork = np.array([[middle[7], y[7]], [width * rng.choice([0.08, 0.92]), 0.0]])
        canvas.line(fork, 0.2 * width, np.full(3, 255.0))
    cover = canvas.finish()[1]
    across = (np.arange(width) - np.interp(np.arange(height), y, middle)[:, None]) / (
        np.interp(np.arange(height), y, half)[:, None]
    )
    across = np.clip(across, -1, 1).astype(np.float32)
    lit = 0.3 + np.clip(across * sun[0] + np.sqrt(1 - across**2) * sun[2], 0, 1)
    if rng.random() < 0.3:
        tint = to_light(colour(rng, GREYS + WALLS).astype(np.uint8))[:, None, None]
        bark = tint * np.exp(0.1 * noise(rng, height, width, width / 3, 1, 0.4))
    else:
        ridges = noise(rng, height, width, max(4.0, width / 8), 1, 0.3, stretch=4.0)
        tint = to_light(colour(rng, EARTH).astype(np.uint8))[:, None, None]
        bark = tint * np.exp(0.55 * ridges)
    return bark * lit, cover


def sign(rng: np.random.Generator, height: int, width: int, sun: np.ndarray) -> Drawn:
    """A plate with a border and writing, on a post."""
    canvas = Canvas(height, width)
    post = max(2.0, rng.uniform(0.04, 0.1) * width)
    grey = colour(rng, GREYS)
    canvas.box(width / 2 - post, 0.1 * height, 2 * post, height, grey * 0.6)
    canvas.box(width / 2 - post, 0.1 * height, 0.8 * post, height, grey)
    plate, ink = colour(rng, ACCENTS), colour(rng, ACCENTS[3:4] + GREYS[-1:])
    if rng.random() < 0.5:
        plate, ink = ink, plate
    tall, edge = height * rng.uniform(0.35, 0.75), 0.04 * width
    canvas.box(1, 1, width - 2, tall, ink)
    canvas.box(1 + edge, 1 + edge, width - 2 - 2 * edge, tall - 2 * edge, plate)
    rows = rng.integers(1, 5)
    for row in range(rows):
        left, cell = 3 * edge, (tall - 6 * edge) / rows
        top = 3 * edge + row * cell
        while left < width - 3 * edge - 0.5 * cell:
            strokes = rng.integers(0, 3, (rng.integers(2, 5), 2)) * [0.22 * cell, 0.33 * cell]
            canvas.line(strokes + np.array([left, top]), max(1.2, 0.09 * cell), ink)
            left += cell * rng.choice([0.65, 0.65, 1.1])
    light, cover = canvas.finish()
    return light * (0.4 + 0.7 * sun[2]) * textures.grain(rng, height, width, 0.06, 8), cover


def rock(rng: np.random.Generator, height: int, width: int, sun: np.ndarray) -> Drawn:
    """A boulder, lit by its own relief."""
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radius = np.ones(90)
    for wave in range(2, 12):
        radius += rng.normal(0, 0.16 / wave) * np.cos(wave * angles + rng.uniform(0, 7))
    radius /= radius.max()
    outline = np.stack([np.cos(angles), np.sin(angles)], -1) * radius[:, None]
    canvas = Canvas(height, width)
    canvas.polygons(((outline + 1) / 2 * [width - 1, height - 1])[None], np.full((1, 3), 255.0))
    cover = canvas.finish()[1]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    dome = 0.5 * np.sqrt(np.maximum(1.05 - x**2 - y**2, 0.02)) * min(height, width)
    relief = dome + 0.04 * height * noise(rng, height, width, height / 3, 1.5, 1.1)
    slope_y, slope_x = np.gradient(relief)
    lit = (-sun[0] * slope_x - sun[1] * slope_y + sun[2]) / np.sqrt(1 + slope_x**2 + slope_y**2)
    tint = to_light(colour(rng, GREYS + EARTH, 20).astype(np.uint8))[:, None, None]
    light = tint * (0.2 + np.clip(lit, 0, 1)) * textures.grain(rng, height, width, 0.25, 6)
    return light.astype(np.float32), cover


def block(rng: np.random.Generator, height: int, width: int, sun: np.ndarray) -> Drawn:
    """A crate, a wall's end or a plinth: a front and a side, differently lit."""
    surface = (textures.bricks, textures.planks, textures.plaster, textures.stones)[rng.integers(4)]
    light = surface(rng, height, width, max(6.0, rng.uniform(0.08, 0.25) * height))
    edge, drop = width * rng.uniform(0.2, 0.85), 0.12 * height * rng.uniform(0, 1, 2)
    canvas = Canvas(height, width)
    corners = [[(0, drop[0]), (edge, 0), (edge, height), (0, height)],
               [(edge, 0), (width, drop[1]), (width, height), (edge, height)]]  # fmt: skip
    shades = 255 * np.clip(np.array([0.75 - 0.4 * sun[0], 0.75 + 0.4 * sun[0]]), 0.3, 1)
    canvas.polygons(np.array(corners), np.repeat(shades[:, None], 3, 1))
    shade, cover = canvas.finish()
    return light * shade, cover


def bush(rng: np.random.Generator, height: int, width: int, sun: np.ndarray) -> Drawn:
    """A spray of leaves on stalks, sometimes with berries."""
    canvas, size = Canvas(height, width), min(height, width)
    palette = GREENS if rng.random() < 0.7 else AUTUMN
    unit, girth = size * rng.uniform(0.07, 0.2), rng.uniform(0.2, 0.42)
    root = np.array([width / 2, height])
    for shade in (0.5, 0.75, 1.0):
        tips = rng.normal([width / 2, 0.42 * height], [0.2 * width, 0.2 * height], (14, 2))
        tips = np.clip(tips, 1.3 * unit, [width - 1.3 * unit, height - 1.3 * unit])
        for tip in tips:
            way = np.linspace(0, 1, 8)[:, None]
            stalk = root + (tip - root) * way + 0.06 * size * np.sin(3 * way) * rng.normal(0, 1, 2)
            canvas.line(stalk, max(1.0, 0.012 * size), colour(rng, EARTH) * 0.6 * shade)
            stalks = np.repeat(stalk[3:], 2, axis=0)
            fills = colours(rng, palette, 10) * shade * rng.uniform(0.75, 1.35, (10, 1))
            lengths, angles = unit * rng.uniform(0.6, 1.2, 10), rng.uniform(0, 2 * np.pi, 10)
            leaves(canvas, stalks, lengths, angles, fills, girth)
    if rng.random() < 0.35:
        berry = colour(rng, ACCENTS)
        for at in rng.normal([width / 2, 0.4 * height], [0.18 * width, 0.17 * height], (12, 2)):
            _ball(canvas, at, 0.3 * unit, berry, sun)
    light, cover = canvas.finish()
    return light * textures.grain(rng, height, width, 0.1, 3), cover


def flower(rng: np.random.Generator, height: int, width: int, sun: np.ndarray) -> Drawn:
    """One large blossom on a stalk with leaves."""
    canvas, radius = Canvas(height, width), min(width / 2, 0.4 * height) - 1
    centre = np.array([width / 2, radius + 1])
    green, petal = colour(rng, GREENS), colour(rng, ACCENTS, 20)
    bend = rng.uniform(-0.2, 0.2) * width
    stalk = np.array([centre, [width / 2 + 0.4 * bend, 0.7 * height], [width / 2 + bend, height]])
    canvas.line(stalk, max(2.0, 0.05 * radius), green)
    count = rng.integers(2, 6)
    starts = stalk[1] + rng.uniform(-0.15, 0.25, (count, 1)) * (stalk[2] - stalk[1])
    fills = colours(rng, GREENS, count)
    leaves(
        canvas,
        starts,
        radius * rng.uniform(0.4, 0.7, count),
        rng.uniform(-0.6, 3.8, count),
        fills,
        0.3,
    )
    around = rng.integers(5, 15)
    for ring in np.linspace(1, 0.35, rng.integers(1, 5)):
        angles = np.arange(around) * 2 * np.pi / around + rng.uniform(0, 2)
        fills = petal * (1.25 - 0.4 * ring) * rng.uniform(0.8, 1.15, (around, 1))
        lengths = radius * ring * rng.uniform(0.85, 1.0, around)
        leaves(canvas, np.repeat(centre[None], around, 0), lengths, angles, fills, 2.2 / around)
    for at in rng.normal(centre, 0.07 * radius, (25, 2)):
        canvas.polygons(_ring(at, 0.045 * radius)[None], colours(rng, AUTUMN[2:3], 1, 25))
    light, cover = canvas.finish()
    return light * textures.grain(rng, height, width, 0.12, radius / 8), cover


def twigs(rng: np.random.Generator, height: int, width: int, sun: np.ndarray) -> Drawn:
    """Bare or nearly bare branches, down to a pixel's width, growing in from one side."""
    canvas, palette = Canvas(height, width), GREENS if rng.random() < 0.5 else AUTUMN
    bark, leafy = colour(rng, EARTH) * rng.uniform(0.3, 0.9), rng.random() < 0.6
    thick = max(2.0, min(height, width) * rng.uniform(0.01, 0.03))
    ends = [
        (
            np.array([width * rng.uniform(0.3, 0.7), height * 1.0]),
            rng.normal(-np.pi / 2, 0.4),
            thick,
            0.35,
        )
        for _ in range(rng.integers(2, 5))
    ]
    border = 0.07 * height
    while ends:
        at, angle, girth, reach = ends.pop()
        turns = angle + np.cumsum(rng.normal(0, 0.18, 6))
        step = height * reach / 6
        way = at + np.concatenate(
            [[[0, 0]], np.cumsum(step * np.stack([np.cos(turns), np.sin(turns)], 1), 0)]
        )
        if np.any(way[1:] < border) or np.any(way[:, 0] > width - border):
            # A branch that left the picture would be cut off in mid-air.
            continue
        canvas.line(way, girth, bark * rng.uniform(0.8, 1.3))
        if girth > 0.9 and reach > 0.04:
            for side in rng.choice([-1, 1], rng.integers(2, 4)):
                start = rng.integers(3, 7)
                turn = turns[min(start, 5)] + side * rng.uniform(0.2, 0.9)
                ends.append((way[start], turn, girth * 0.62, reach * rng.uniform(0.55, 0.85)))
        elif leafy:
            lengths, angles = height * rng.uniform(0.02, 0.06, 3), rng.uniform(0, 6.3, 3)
            leaves(canvas, way[[2, 4, 6]], lengths, angles, colours(rng, palette, 3, 25), 0.3)
    return canvas.finish()


def fence(rng: np.random.Generator, height: int, width: int, sun: np.ndarray) -> Drawn:
    """Bars, pickets or wire mesh, right across."""
    canvas, fill = (
        Canvas(height, width),
        colour(rng, GREYS + EARTH + WALLS[:2]) * rng.uniform(0.4, 1),
    )
    kind, gap = rng.integers(3), height * rng.uniform(0.06, 0.16)
    if kind == 0:
        for start in np.arange(-height, width + height, gap):
            canvas.line(np.array([[start, 0], [start + height, height]]), 0.012 * height, fill)
            canvas.line(
                np.array([[start + height, 0], [start, height]]), 0.012 * height, fill * 0.8
            )
        return canvas.finish()
    bar = gap * (rng.uniform(0.12, 0.25) if kind == 1 else rng.uniform(0.55, 0.8))
    for rail in (0.18, 0.8):
        canvas.box(0, rail * height, width, max(2.0, 0.05 * height), fill * 0.8)
    for left in np.arange(rng.uniform(-gap, 0), width, gap):
        x = left + np.array([0, bar / 2, bar])
        for part, shade in ((x[[0, 1, 1, 0]], 1.0), (x[[1, 2, 2, 1]], 0.7)):
            tops = np.where(part == x[1], 0, 0.06 * height)[:2]
            points = np.stack([part, [*tops, height, height]], 1)
            canvas.polygons(points[None], fill[None] * shade * rng.uniform(0.9, 1.1))
    light, cover = canvas.finish()
    return light * textures.grain(rng, height, width, 0.12, 4), cover


def tuft(rng: np.random.Generator, height: int, width: int, sun: np.ndarray) -> Drawn:
    """Tall grass."""
    canvas, count = Canvas(height, width), int(rng.integers(40, 160))
    roots = np.stack([rng.normal(width / 2, 0.08 * width, count), np.full(count, height + 2.0)], 1)
    lengths, bends = height * rng.uniform(0.4, 0.95, count), rng.normal(0, 0.2, (count, 2))
    palette = GREENS if rng.random() < 0.7 else AUTUMN
    fills = colours(rng, palette, count) * rng.uniform(0.5, 1.4, (count, 1))
    blades(canvas, roots, lengths, bends, fills, rng.uniform(0.006, 0.02))
    return canvas.finish()


def _ring(centre: np.ndarray, radius: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    return np.asarray(centre) + radius * np.stack([np.cos(angles), np.sin(angles)], -1)


def _ball(canvas: Canvas, at: np.ndarray, radius: float, fill: np.ndarray, sun: np.ndarray) -> None:
    for size, shade in ((1.0, 0.6), (0.8, 0.85), (0.55, 1.05), (0.18, 2.5)):
        shift = (1 - size) * 0.6 * radius * sun[:2]
        canvas.polygons(_ring(at + shift, size * radius)[None], fill[None] * shade)
