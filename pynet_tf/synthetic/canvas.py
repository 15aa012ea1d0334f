"""Draws in natural colours: noise, shapes, leaves and blades of grass.

Colours are sRGB, 0..255; a finished drawing is linear light. Everything random comes from the
numpy generator given.
"""

import numpy as np
from PIL import Image, ImageDraw

from pynet_tf.lens.optics import to_light

# Shapes are drawn this many times larger and averaged, so that their edges are smooth.
FINE = 3

# Palettes, sRGB: colours that photographs of such surfaces have.
GREENS = ((74, 104, 44), (96, 124, 58), (52, 82, 46), (120, 138, 70), (66, 92, 70))
AUTUMN = ((176, 110, 40), (150, 74, 36), (190, 150, 60), (120, 60, 40), (140, 120, 70))
EARTH = ((120, 104, 86), (98, 84, 70), (140, 126, 108), (84, 76, 66), (110, 90, 68))
GREYS = ((128, 128, 126), (150, 148, 142), (100, 102, 104), (168, 164, 156), (84, 86, 90))
WALLS = ((196, 180, 150), (206, 200, 188), (178, 140, 112), (160, 164, 166), (190, 150, 130))
ACCENTS = ((196, 40, 44), (40, 84, 160), (222, 180, 40), (226, 226, 222), (210, 90, 150),
           (40, 120, 90), (226, 120, 40), (110, 70, 140))  # fmt: skip


def colours(
    rng: np.random.Generator, palette: tuple, count: int, spread: float = 10.0
) -> np.ndarray:
    """Draws sRGB colours near those of a palette: `[count, 3]` float, 0..255."""
    chosen = np.array(palette, float)[rng.integers(len(palette), size=count)]
    chosen += rng.normal(0, spread, (count, 1)) + rng.normal(0, spread / 4, (count, 3))
    return np.clip(chosen, 8, 247)


def colour(rng: np.random.Generator, palette: tuple, spread: float = 10.0) -> np.ndarray:
    """Draws one sRGB colour near those of a palette: `[3]` float, 0..255."""
    return colours(rng, palette, 1, spread)[0]


def noise(
    rng: np.random.Generator,
    height: int,
    width: int,
    coarsest: float,
    finest: float = 1.0,
    fade: float = 0.7,
    stretch: float = 1.0,
) -> np.ndarray:
    """Makes fractal noise: `[H, W]` float32, mean about 0, deviation about 1.

    Args:
        rng: the source of chance.
        height: rows.
        width: columns.
        coarsest: size of the largest patches in pixels.
        finest: size of the smallest.
        fade: how fast finer patches get fainter; 0 for all alike.
        stretch: how many times longer the patches are down the picture than across.
    """
    total, power, size = np.zeros((height, width), np.float32), 0.0, float(coarsest)
    while size >= finest:
        rows, columns = int(height / (size * stretch)) + 3, int(width / size) + 3
        grid = rng.standard_normal((rows, columns), dtype=np.float32)
        box = (rng.random(), rng.random())
        box += (box[0] + width / size, box[1] + height / (size * stretch))
        box = (*box[:2], min(box[2], columns), min(box[3], rows))
        patch = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC, box)
        amplitude = (size / coarsest) ** fade
        total += amplitude * np.asarray(patch)
        power += amplitude**2 * 0.5
        size /= 2
    return total / np.float32(max(power, 1e-6) ** 0.5)


class Canvas:
    """Draws shapes in sRGB, antialiased; coordinates are pixels of the finished picture."""

    def __init__(self, height: int, width: int, ground: np.ndarray | None = None):
        """Starts transparent, or opaque on a `ground` colour."""
        size = (width * FINE, height * FINE)
        self._colours = Image.new("RGB", size, (0, 0, 0) if ground is None else _whole(ground))
        self._cover = None if ground is not None else Image.new("L", size, 0)
        self._draw = ImageDraw.Draw(self._colours)
        self._draw_cover = self._cover and ImageDraw.Draw(self._cover)

    def polygons(self, points: np.ndarray, fills: np.ndarray) -> None:
        """Fills polygons, later ones over earlier ones.

        Args:
            points: `[n, corners, 2]`, x and y.
            fills: `[n, 3]` sRGB, 0..255.
        """
        outlines = (np.asarray(points) * FINE).reshape(len(points), -1).tolist()
        fills = np.clip(fills, 0, 255).astype(int).tolist()
        for outline, fill in zip(outlines, fills, strict=True):
            self._draw.polygon(outline, fill=tuple(fill))
            if self._draw_cover:
                self._draw_cover.polygon(outline, fill=255)

    def box(self, left: float, top: float, wide: float, tall: float, fill: np.ndarray) -> None:
        """Fills an upright rectangle."""
        x, y = (left, left + wide), (top, top + tall)
        self.polygons(
            np.array([[(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])]]), fill[None]
        )

    def line(self, points: np.ndarray, width: float, fill: np.ndarray) -> None:
        """Draws a line of a width in pixels through `points`, `[n, 2]`."""
        points = (np.asarray(points) * FINE).ravel().tolist()
        width = max(1, round(width * FINE))
        self._draw.line(points, fill=_whole(fill), width=width, joint="curve")
        if self._draw_cover:
            self._draw_cover.line(points, fill=255, width=width, joint="curve")

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the light `[3, H, W]` and the coverage `[H, W]`, 0..1."""
        values = np.asarray(self._colours.reduce(FINE))
        cover = np.ones(values.shape[:2], np.float32)
        if self._cover:
            cover = np.asarray(self._cover.reduce(FINE), np.float32) / 255
            values = values / np.maximum(cover, 1 / 255)[..., None] + 0.5
            values = np.minimum(values, 255).astype(np.uint8)
        return np.ascontiguousarray(np.moveaxis(to_light(values), -1, 0)), cover


def leaves(
    canvas: Canvas,
    stalks: np.ndarray,
    lengths: np.ndarray,
    angles: np.ndarray,
    fills: np.ndarray,
    girth: float,
) -> None:
    """Draws pointed leaves, the two halves of each differently lit.

    Args:
        canvas: what to draw on.
        stalks: `[n, 2]`, where they begin.
        lengths: `[n]` pixels.
        angles: `[n]` radians, 0 to the right, clockwise.
        fills: `[n, 3]` sRGB, 0..255.
        girth: half width over length.
    """
    along = np.array([0, 0.12, 0.3, 0.5, 0.72, 0.9, 1.0])
    across = girth * np.array([0, 0.55, 0.95, 1.0, 0.7, 0.28, 0])
    forward = np.stack([np.cos(angles), np.sin(angles)], -1)[:, None]
    sideways = forward[..., ::-1] * np.array([-1, 1])
    halves = [
        stalks[:, None]
        + lengths[:, None, None] * (along[:, None] * forward + side * across[:, None] * sideways)
        for side in (1, -1)
    ]
    shades = np.stack([fills, fills * 0.8], 1)
    canvas.polygons(np.stack(halves, 1).reshape(-1, len(along), 2), shades.reshape(-1, 3))


def blades(
    canvas: Canvas,
    roots: np.ndarray,
    lengths: np.ndarray,
    bends: np.ndarray,
    fills: np.ndarray,
    girth: float,
) -> None:
    """Draws bent blades of grass, upwards from their roots.

    Args:
        canvas: what to draw on.
        roots: `[n, 2]`.
        lengths: `[n]` pixels.
        bends: `[n, 2]` radians off upright: of the lower half, and of the upper half beyond it.
        fills: `[n, 3]` sRGB, 0..255.
        girth: half width over length.
    """
    turns = np.cumsum(bends, axis=1)
    halves = 0.5 * lengths[:, None, None] * np.stack([np.sin(turns), -np.cos(turns)], -1)
    middle, tip = roots + halves[:, 0], roots + halves.sum(axis=1)
    side = np.stack([lengths * girth, np.zeros_like(lengths)], -1)
    outlines = [roots - side, middle - 0.7 * side, tip, middle + 0.7 * side, roots + side]
    canvas.polygons(np.stack(outlines, 1), fills)


def _whole(fill: np.ndarray) -> tuple[int, int, int]:
    return tuple(int(min(255, max(0, value))) for value in fill)
