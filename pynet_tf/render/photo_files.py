"""From photo files to bokeh picture files: what goes where, and one photo from file to file.

Pictures are named after their photos and have their size, camera data, colour profile, transparency
and bits. What renders and where depth maps come from is passed in.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pynet_tf.depth.sources import PhotoWithDepth, Source
from pynet_tf.errors import InputError
from pynet_tf.io import images, photo_paths

FORMATS = ("same", "png", "jpg")
# What is read and not written becomes a file that everything reads.
_WRITTEN_AS = {".heic": ".jpg", ".heif": ".jpg", ".hif": ".jpg", ".avif": ".jpg"}
_WRITABLE = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".jfif")

# Photo with depth map -> [H', W', 3] of the photo's type.
Renderer = Callable[[PhotoWithDepth], np.ndarray]


@dataclass(frozen=True)
class PlannedPicture:
    """One photo and the picture to be made of it."""

    photo: Path
    output: Path


def plan(
    photos: Iterable[Path], output: Path, picture_format: str = "same", depth: Path | None = None
) -> list[PlannedPicture]:
    """Names the picture of every photo.

    Args:
        photos: from `photo_paths.photo_paths`.
        output: folder of the pictures; need not be there. Of one photo also the picture's file.
        picture_format: `png`, `jpg` or `same`: the photo's own, JPEG for HEIC and AVIF photos, or
            PNG where that cannot be written.
        depth: where the depth maps are, if they are files.

    Raises:
        InputError: two pictures would have one name, the folder is a file or holds the photos or
            their depth maps, or the file is of another format or one that is read.
    """
    photos = list(photos)
    if photo_paths.names_a_file(output, _WRITABLE, photos):
        return [_in_file(photos[0], output, picture_format, depth)]
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output} is a file; name a folder")
    photo_paths.refuse_own_folder([Path(os.path.realpath(photo)) for photo in photos], output)
    _refuse_folder_of_maps(depth, output, "--output")
    planned: dict[str, PlannedPicture] = {}
    for photo in photos:
        name = photo.stem + _suffix(photo, picture_format)
        # Some file systems take a.png and A.PNG for one file.
        first = planned.setdefault(
            photo_paths.same_name(name).casefold(), PlannedPicture(photo, output / name)
        )
        if first.photo != photo:
            raise InputError(
                f"{first.photo} and {photo} would both become {output / name}; rename one or "
                "render them into different folders"
            )
    return list(planned.values())


def _in_file(photo: Path, output: Path, picture_format: str, depth: Path | None) -> PlannedPicture:
    if picture_format != "same" and output.suffix.lower() != f".{picture_format}":
        raise InputError(
            f"--output {output} and --format {picture_format} do not agree; leave --format out"
        )
    if depth is not None and os.path.realpath(depth) == os.path.realpath(output):
        raise InputError(f"--output {output} is the depth map; name another file")
    return PlannedPicture(photo, output)


def _suffix(photo: Path, picture_format: str) -> str:
    if picture_format != "same":
        return f".{picture_format}"
    suffix = photo.suffix.lower()
    if suffix in _WRITABLE:
        return photo.suffix
    return _WRITTEN_AS.get(suffix, ".png")


def refuse_lost_by_kept_maps(
    planned: Iterable[PlannedPicture], keep_depth: Path, depth: Path | None, overwrite: bool
) -> None:
    """Checks that the depth maps to be kept take nothing's place.

    Args:
        planned: from `plan`.
        keep_depth: folder for the maps.
        depth: where the maps come from, if they are files.
        overwrite: whether maps that are there may be replaced.

    Raises:
        InputError: the folder is a file, or holds the photos, the pictures or the maps given; two
            photos would have one map; or a map is there already.
    """
    planned = list(planned)
    if keep_depth.exists() and not keep_depth.is_dir():
        raise InputError(f"--keep_depth {keep_depth} is a file; name a folder")
    read = [picture.photo for picture in planned]
    photo_paths.refuse_own_folder(read, keep_depth, "--keep_depth")
    photo_paths.refuse_own_folder([p.output for p in planned], keep_depth, "--keep_depth")
    _refuse_folder_of_maps(depth, keep_depth, "--keep_depth")
    photo_paths.refuse_shared_stems(read)
    for photo in read:
        kept = kept_map(keep_depth, photo)
        if kept.exists() and not overwrite:
            raise InputError(
                f"{kept} is there already; give --overwrite to replace it, or name another folder"
            )


def _refuse_folder_of_maps(depth: Path | None, folder: Path, flag: str) -> None:
    maps = depth if depth is None or depth.is_dir() else depth.parent
    if maps is not None and os.path.realpath(maps) == os.path.realpath(folder):
        raise InputError(f"{flag} {folder} is the folder of the depth maps; name another folder")


def kept_map(keep_depth: Path, photo: Path) -> Path:
    """Returns the file that a photo's depth map is kept in."""
    return keep_depth / f"{photo.stem}.png"


def _rendered(render: Renderer, found: PhotoWithDepth, photo: Path) -> np.ndarray:
    try:
        return render(found)
    except InputError as error:
        raise InputError(f"{photo}: {error}") from error


def render_file(
    planned: PlannedPicture, render: Renderer, source: Source, keep_depth: Path | None = None
) -> PhotoWithDepth:
    """Renders one photo file; writes the picture whole or not at all.

    Args:
        planned: from `plan`.
        render: what makes the picture; one that is smaller than the photo, as of level 2 or 3,
            is enlarged to its size.
        source: gives the photo and its depth map.
        keep_depth: folder for the depth map that was used; None to keep none.

    Returns:
        What was rendered, with remarks on all that the picture does not keep.

    Raises:
        InputError: the photo or its depth map cannot be used, or needs more memory than there is;
            the message names the file.
    """
    try:
        found = source(planned.photo)
        picture = _rendered(render, found, planned.photo)
    except MemoryError as error:
        raise InputError(
            f"{planned.photo}: the memory is too small for it; close other programs, or make the "
            "photo smaller"
        ) from error
    lost = found.remarks
    if picture.dtype != found.photo.dtype:
        lost += ("this network makes pictures of 8 bits a channel of its 16",)
    picture = images.resize(picture, *found.photo.shape[:2])
    lost += images.write_image(planned.output, picture, **found.options)
    if keep_depth is not None:
        images.write_image(kept_map(keep_depth, planned.photo), found.depth)
    return replace(found, remarks=lost)
