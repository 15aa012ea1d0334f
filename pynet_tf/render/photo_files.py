"""From photo files to bokeh picture files: what goes where, and one photo from file to file.

Pictures are named after their photos and have their size, camera data and colour profile. They
have 8 bits per channel and no transparency: of a photo with an alpha channel the colours are
taken as they are stored. Grey photos give RGB pictures.

TensorFlow is not imported here: what renders is passed in.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pynet_tf.errors import InputError
from pynet_tf.io import images, photo_paths

FORMATS = ("same", "png", "jpg")
SMALLEST_SIDE = 64
SMALLEST_MAP = 4
# A depth map may be this much longer or shorter than the photo's proportions ask for, besides
# one pixel of rounding.
TOLERANCE = 0.05

# (photo [H, W, 3] uint8, depth [h, w] uint8 or None) -> [H', W', 3] uint8.
Renderer = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
# (path of the photo, photo [H, W, 3] uint8) -> depth [h, w] uint8.
DepthSource = Callable[[Path, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Job:
    """One photo and the picture to be made of it."""

    photo: Path
    output: Path


def plan(
    photos: Iterable[Path], output: Path, picture_format: str = "same", depth: Path | None = None
) -> list[Job]:
    """Names the picture of every photo.

    Args:
        photos: from `inputs.photo_paths`.
        output: folder of the pictures; need not be there.
        picture_format: `png`, `jpg` or `same`: the photo's own, or PNG where that is not one
            of `inputs.PHOTO_SUFFIXES`.
        depth: where the depth maps are, if they are files.

    Raises:
        InputError: two pictures would have one name, or the folder is a file or holds the photos
            or their depth maps.
    """
    photos = list(photos)
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output} is a file; name a folder")
    photo_paths.refuse_own_folder(photos, output)
    photo_paths.refuse_own_folder([Path(os.path.realpath(photo)) for photo in photos], output)
    maps = depth if depth is None or depth.is_dir() else depth.parent
    if maps is not None and os.path.realpath(maps) == os.path.realpath(output):
        raise InputError(f"--output {output} is the folder of the depth maps; name another folder")
    jobs: dict[str, Job] = {}
    for photo in photos:
        name = photo.stem + _suffix(photo, picture_format)
        # Some file systems take a.png and A.PNG for one file.
        first = jobs.setdefault(name.casefold(), Job(photo, output / name))
        if first.photo != photo:
            raise InputError(
                f"{first.photo} and {photo} would both become {output / name}; rename one or "
                "render them into different folders"
            )
    return list(jobs.values())


def _suffix(photo: Path, picture_format: str) -> str:
    if picture_format != "same":
        return f".{picture_format}"
    return photo.suffix if photo.suffix.lower() in photo_paths.PHOTO_SUFFIXES else ".png"


def depth_files(photos: Sequence[Path], depth: Path) -> DepthSource:
    """Takes depth maps from files.

    Args:
        photos: that will be asked for.
        depth: the map of the only photo, or a folder of maps that have the photos' names with
            any suffix of a picture.

    Raises:
        InputError: there is no such file or folder, or one file for several photos. The source
            raises it for a map that is missing, unreadable, or of other proportions.
    """
    if not depth.exists():
        raise InputError(f"--depth {depth} is not there; check the name")
    if not depth.is_dir() and len(photos) > 1:
        raise InputError(
            f"--depth {depth} is one file for {len(photos)} photos; give the folder of their maps"
        )

    def read(path: Path, photo: np.ndarray) -> np.ndarray:
        file = depth
        if depth.is_dir():
            file = photo_paths.find_by_stem(depth, path.stem, (".png", *photo_paths.PHOTO_SUFFIXES))
        if file is None or os.path.realpath(file) == os.path.realpath(path):
            raise InputError(
                f"{path} has no depth map: {depth} holds no {path.stem}.png; make one with "
                "python -m pynet_tf.depth"
            )
        values = images.read_depth(file)
        refuse_other_view(path, photo.shape[:2], file, values.shape)
        return values

    return read


def refuse_other_view(
    photo: Path, photo_shape: Sequence[int], depth: Path, depth_shape: Sequence[int]
) -> None:
    """Checks that a depth map has its photo's proportions.

    Args:
        photo: for the message.
        photo_shape: height and width.
        depth: for the message.
        depth_shape: height and width.

    Raises:
        InputError: it is turned, or cropped, or of another photo, or hardly has a pixel.
    """
    (height, width), (rows, columns) = photo_shape, depth_shape
    if min(rows, columns) < SMALLEST_MAP:
        raise InputError(
            f"{depth} has {columns}x{rows} pixels, too few to be a depth map; make it again with "
            "python -m pynet_tf.depth"
        )
    expected_rows, expected_columns = columns * height / width, rows * width / height
    if (
        abs(rows - expected_rows) > 1 + TOLERANCE * rows
        and abs(columns - expected_columns) > 1 + TOLERANCE * columns
    ):
        raise InputError(
            f"{depth} is {columns}x{rows} and {photo} is {width}x{height}; a depth map has its "
            "photo's proportions, so make it again from the photo as it is now"
        )


def render_file(job: Job, render: Renderer, depth_source: DepthSource | None) -> None:
    """Renders one photo file; writes the picture whole or not at all.

    Args:
        job: from `plan`.
        render: what makes the picture; one that is smaller than the photo, as of level 2 or 3,
            is enlarged to its size.
        depth_source: what gives the photo's depth map; None if `render` takes none.

    Raises:
        InputError: the photo or its depth map cannot be used; the message names the file.
    """
    photo, options = images.read_photo_with_metadata(job.photo)
    height, width = photo.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        raise InputError(
            f"{job.photo} is {width}x{height} pixels, but both sides have to be at least "
            f"{SMALLEST_SIDE}; use a larger photo"
        )
    depth = depth_source(job.photo, photo) if depth_source else None
    picture = images.resize(render(photo, depth), height, width)
    images.write_image(job.output, picture, **options)
