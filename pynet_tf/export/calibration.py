"""Photos that show a quantizer what values to expect.

    FOLDER/original/<name>.jpg          photos
    FOLDER/original_depth/<name>.png    their depth maps; not needed by a network without depth

which is also how the folders of the EBB! set are laid out.
"""

from pathlib import Path

import numpy as np

from pynet_tf.errors import InputError
from pynet_tf.inference import signatures
from pynet_tf.io import images as pictures
from pynet_tf.io import photo_paths
from pynet_tf.lens.defocus_map import defocus_map
from pynet_tf.lens.focus import LensSettings
from pynet_tf.model import InputFormat

# More photos make converting longer and the scales hardly better.
MOST = 16
# Photos are shrunk to this: all maps of a picture are held at once, at full width and 1536 pixels
# about 20 GiB.
LONGEST_SIDE = 768


def images(
    folder: Path, input_format: InputFormat, size: tuple[int, int] | None = None
) -> list[np.ndarray]:
    """Reads the network's inputs for calibration.

    Args:
        folder: see the module.
        input_format: of the network; one that is told the defocus gets that of the automatic
            focus and the default blur.
        size: height and width of the images, multiples of 32; None for each photo's own.

    Returns:
        At most `MOST` images `[1, h, w, C]` float32, from photos spread evenly over the folder.

    Raises:
        InputError: there are no photos, or a depth map is missing.
    """
    photos = photo_paths.photo_paths([folder / "original"])
    chosen = photos[:: -(-len(photos) // MOST)]
    return [_image(path, folder / "original_depth", input_format, size) for path in chosen]


def _image(
    path: Path, depth_folder: Path, input_format: InputFormat, size: tuple[int, int] | None
) -> np.ndarray:
    photo = pictures.read_photo(path)
    height, width = photo.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    shape = (2 * size[0], 2 * size[1]) if size else (round(height * scale), round(width * scale))
    photo = pictures.resize(photo, *shape)
    if not input_format.needs_depth:
        return signatures.to_image(photo[None], None, input_format).numpy()
    file = photo_paths.find_by_stem(depth_folder, path.stem, (".png", *photo_paths.PHOTO_SUFFIXES))
    if file is None:
        raise InputError(
            f"{path} has no depth map: {depth_folder} holds no {path.stem}.png; make one with "
            "python -m pynet_tf.depth"
        )
    plane = pictures.read_depth(file)
    if input_format.is_told_defocus:
        plane = defocus_map(photo, plane, LensSettings())
    return signatures.to_image(photo[None], plane[None], input_format).numpy()
