"""Labelled grids of pictures, drawn with Pillow.

A figure is a list of rows, a row a list of panels. A panel is a uint8 picture of any size with a
caption; all panels of a figure are brought to the same height, reduced ones by antialiased
bicubic, enlarged ones by whole pixels, so that a coarse level shows the pixels that it has.
Captions and titles are broken into lines that fit their panel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pynet_tf.io.images import write_image

_BACKGROUND = (255, 255, 255)
_INK = (20, 20, 20)
_FAINT = (105, 105, 105)
_WARNING = (190, 20, 20)


@dataclass(frozen=True)
class Panel:
    """One picture of a figure.

    Attributes:
        picture: `[H, W, 3]` RGB or `[H, W]` grey, uint8.
        title: a line above it, dark.
        caption: lines below it, grey; line breaks are kept.
        warning: whether the caption is set in red.
    """

    picture: np.ndarray
    title: str = ""
    caption: str = ""
    warning: bool = False


def grid(
    rows: Sequence[Sequence[Panel]], title: str = "", height: int = 300, gap: int = 14
) -> np.ndarray:
    """Draws rows of labelled pictures.

    Args:
        rows: the panels; rows may have different lengths.
        title: the figure's heading.
        height: pixels of each picture's height; the texts' size follows it.
        gap: pixels between panels.

    Returns:
        The figure, `[H, W, 3]` uint8.

    Raises:
        ValueError: there is no panel.
    """
    rows = [list(row) for row in rows if row]
    if not rows:
        raise ValueError("a figure needs at least one panel")
    size = max(13, round(height / 18))
    heading_font, title_font, caption_font = (_font(size * factor) for factor in (1.4, 1.1, 1.0))

    scaled = [[_fit(panel.picture, height) for panel in row] for row in rows]
    columns = max(len(row) for row in rows)
    widths = [max(row[k].width for row in scaled if k < len(row)) for k in range(columns)]
    width = sum(widths) + gap * (columns + 1)

    heading = _lines(title, heading_font, width - 2 * gap)
    layout = []
    total = gap + len(heading) * _line_height(heading_font) + (gap if heading else 0)
    for row in rows:
        titles = [_lines(p.title, title_font, w) for p, w in zip(row, widths, strict=False)]
        captions = [_lines(p.caption, caption_font, w) for p, w in zip(row, widths, strict=False)]
        above = max(map(len, titles)) * _line_height(title_font)
        below = max(map(len, captions)) * _line_height(caption_font)
        layout.append((titles, captions, above))
        total += above + height + below + gap

    figure = Image.new("RGB", (width, total), _BACKGROUND)
    draw = ImageDraw.Draw(figure)
    y = _write(draw, gap, gap, heading, heading_font, _INK) + (gap if heading else 0)
    for row, pictures, (titles, captions, above) in zip(rows, scaled, layout, strict=True):
        x, bottom = gap, y
        for k, (panel, picture) in enumerate(zip(row, pictures, strict=True)):
            # A short title beside a long one stands on its picture.
            top = y + above - len(titles[k]) * _line_height(title_font)
            _write(draw, x, top, titles[k], title_font, _INK)
            figure.paste(picture, (x, y + above))
            ink = _WARNING if panel.warning else _FAINT
            end = _write(draw, x, y + above + height + 3, captions[k], caption_font, ink)
            bottom = max(bottom, end)
            x += widths[k] + gap
        y = bottom + gap - 3
    return np.asarray(figure)


def write(path: Path, rows: Sequence[Sequence[Panel]], title: str = "", height: int = 300) -> None:
    """Draws a grid (see `grid`) and writes it to `path`, whole or not at all."""
    write_image(Path(path), grid(rows, title, height))


def outline(
    picture: np.ndarray, top: int, left: int, height: int, width: int, thickness: int = 6
) -> np.ndarray:
    """Returns a copy of a picture with a window's border drawn into it.

    Args:
        picture: `[H, W, 3]` uint8.
        top: first row of the window; it may reach past the picture.
        left: first column of the window.
        height: rows of the window.
        width: columns of the window.
        thickness: pixels of the line.

    Returns:
        `[H, W, 3]` uint8.
    """
    drawn = Image.fromarray(picture).copy()
    box = (left, top, left + width - 1, top + height - 1)
    ImageDraw.Draw(drawn).rectangle(box, outline=(255, 210, 0), width=thickness)
    return np.asarray(drawn)


def _fit(picture: np.ndarray, height: int) -> Image.Image:
    """Brings a picture to `height`, its aspect ratio kept."""
    image = Image.fromarray(picture).convert("RGB")
    width = max(1, round(image.width * height / image.height))
    enlarged = height >= 2 * image.height
    method = Image.Resampling.NEAREST if enlarged else Image.Resampling.BICUBIC
    return image.resize((width, height), method)


def _font(size: float) -> ImageFont.FreeTypeFont:
    """Matplotlib's own font: Pillow's lacks letters with accents, which file names have."""
    path = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
    return ImageFont.truetype(path, round(size))


def _line_height(font) -> int:
    ascent, descent = font.getmetrics()
    return ascent + descent + 3


def _lines(text: str, font, width: int) -> list[str]:
    """Breaks a text into lines of at most `width` pixels; a longer word is cut."""
    lines = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            while font.getlength(word) > width and len(word) > 2:
                word = word[:-2] + "…"
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return lines


def _write(draw, x: int, y: int, lines: list[str], font, ink) -> int:
    """Writes lines downwards from (x, y); returns where the next would begin."""
    for line in lines:
        draw.text((x, y), line, font=font, fill=ink)
        y += _line_height(font)
    return y
