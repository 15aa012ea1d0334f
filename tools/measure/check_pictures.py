"""Measures rendered pictures against their photos: a sharp subject, a blurred rest, true colours.

Writes a table, and with --output a sheet of photo | picture with a detail at full size for each.

    sharpness    gradient energy inside the subject, as a share of the photo's; 1 is as sharp
    rest         the same outside of the subject: how much of the photo's detail is left
    colour       largest difference of the mean of a channel inside the subject, of 255

The subject is what the depth map puts within a tenth of the nearest subject's depth, or nearer,
drawn in by 8 pixels; the rest begins 24 pixels outside of it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pynet_tf import cli

NEAR = 0.1
INSIDE, OUTSIDE = 8, 24
DETAIL = 480


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, measures and prints."""
    parser = cli.Parser(prog="python tools/measure/check_pictures.py", description=__doc__)
    parser.add_argument("photos", type=Path, help="folder of the photos")
    parser.add_argument("depths", type=Path, help="folder of their depth maps, near = bright")
    parser.add_argument("pictures", type=Path, help="folder of what pynet_tf.render made of them")
    parser.add_argument("--output", type=Path, help="PNG file for the sheet")
    flags = parser.parse_args(arguments)

    from pynet_tf.errors import InputError
    from pynet_tf.io import image_grid, images, photo_paths

    print("| photo | sharpness | rest | colour |\n| --- | --- | --- | --- |")
    rows, measured = [], []
    for path in photo_paths.photo_paths([flags.photos]):
        depth_file, made = (
            photo_paths.find_by_stem(folder, path.stem, photo_paths.PHOTO_SUFFIXES)
            for folder in (flags.depths, flags.pictures)
        )
        if depth_file is None or made is None:
            lacking = flags.depths if depth_file is None else flags.pictures
            raise InputError(f"{lacking} has nothing for {path}; render all photos first")
        photo, picture = images.read_photo(path), images.read_photo(made)
        if photo.shape != picture.shape:
            raise InputError(f"{made} has not the size of {path}; give pictures of these photos")
        depth = images.read_depth(depth_file)
        subject = find_subject(photo, depth)
        figure = measure(photo, subject, picture)
        measured.append(figure)
        print(f"| {path.stem} | " + " | ".join(f"{value:.3f}" for value in figure) + " |")
        if flags.output:
            rows.append(_row(path.stem, photo, subject, picture))
    print("| mean | " + " | ".join(f"{value:.3f}" for value in np.mean(measured, axis=0)) + " |")
    if flags.output:
        images.write_image(flags.output, image_grid.grid(rows, height=DETAIL))


def measure(photo: np.ndarray, subject: np.ndarray, picture: np.ndarray) -> tuple:
    """Returns sharpness, rest and colour, see the module.

    Args:
        photo: `[H, W, 3]` uint8.
        subject: `[H, W]` bool, from `find_subject`.
        picture: `[H, W, 3]` uint8.
    """
    from scipy import ndimage

    inside = ndimage.binary_erosion(subject, iterations=INSIDE)
    outside = ~ndimage.binary_dilation(subject, iterations=OUTSIDE)
    before, after = (_gradient_energy(shot) for shot in (photo, picture))
    colour = np.abs(
        [np.mean(picture[..., c][inside]) - np.mean(photo[..., c][inside]) for c in range(3)]
    )
    return (
        after[inside].sum() / before[inside].sum(),
        after[outside].sum() / before[outside].sum(),
        colour.max(),
    )


def find_subject(photo: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Returns where the subject is, see the module: `[H, W]` bool.

    Args:
        photo: `[H, W, 3]` uint8.
        depth: `[h, w]` uint8, near = bright.
    """
    from pynet_tf import lens
    from pynet_tf.io import images

    near = depth >= 255 * (lens.nearest_subject(depth) - NEAR)
    enlarged = images.resize(near.astype(np.uint8) * 255, *photo.shape[:2])
    return enlarged > 127


def _gradient_energy(picture: np.ndarray) -> np.ndarray:
    grey = picture.mean(axis=-1)
    rows, columns = np.gradient(grey)
    return rows**2 + columns**2


def _row(name: str, photo: np.ndarray, subject: np.ndarray, picture: np.ndarray) -> list:
    """Photo and picture reduced, and where the subject's edge is longest at full size."""
    from scipy import ndimage

    from pynet_tf.io import images
    from pynet_tf.io.image_grid import Panel

    edge = subject ^ ndimage.binary_erosion(subject, iterations=3)
    density = ndimage.uniform_filter(edge.astype(np.float32), DETAIL, mode="constant")
    height, width = photo.shape[:2]
    size = min(DETAIL, height, width)
    y, x = np.unravel_index(density.argmax(), density.shape)
    top = int(np.clip(y - size // 2, 0, height - size))
    left = int(np.clip(x - size // 2, 0, width - size))
    part = slice(top, top + size), slice(left, left + size)
    small = [images.resize(shot, size, round(width * size / height)) for shot in (photo, picture)]
    return [
        Panel(small[0], name, "photo"),
        Panel(small[1], name, "picture"),
        Panel(photo[part], "photo", f"full size at {left}, {top}"),
        Panel(picture[part], "picture", f"full size at {left}, {top}"),
    ]


if __name__ == "__main__":
    cli.run(main, "tools/measure/check_pictures.py")
