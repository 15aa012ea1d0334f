"""Photos that show a quantizer what values to expect.

    FOLDER/original/<name>.jpg          photos
    FOLDER/original_depth/<name>.png    their depth maps; not needed by a network without depth

which is also how the folders of the EBB! set are laid out.
"""

from pathlib import Path

import numpy as np

from pynet_tf.errors import InputError
from pynet_tf.inference import serving
from pynet_tf.io import images as pictures
from pynet_tf.io import photo_paths

# More photos make converting longer and the scales hardly better.
MOST = 16
# Photos are shrunk to this: all maps of a picture are held at once, at full width and 1536 pixels
# about 20 GiB.
LONGEST_SIDE = 768


def images(
    folder: Path, depth: bool, size: tuple[int, int] | None = None, folded: bool = False
) -> list[np.ndarray]:
    """Reads the network's inputs for calibration.

    Args:
        folder: see the module.
        depth: whether the network takes depth maps.
        size: height and width of the images, multiples of 32; None for each photo's own.
        folded: whether the network takes the whole photo, folded.

    Returns:
        At most `MOST` images `[1, h, w, C]` float32 in [0, 1], from photos spread evenly
        over the folder.

    Raises:
        InputError: there are no photos, or a depth map is missing.
    """
    photos = photo_paths.photo_paths([folder / "original"])
    chosen = photos[:: -(-len(photos) // MOST)]
    depth_folder = folder / "original_depth" if depth else None
    return [_image(path, depth_folder, size, folded) for path in chosen]


def _image(
    path: Path, depth_folder: Path | None, size: tuple[int, int] | None, folded: bool
) -> np.ndarray:
    photo = pictures.read_photo(path)
    height, width = photo.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    shape = (2 * size[0], 2 * size[1]) if size else (round(height * scale), round(width * scale))
    photo = pictures.resize(photo, *shape)
    if depth_folder is None:
        return serving.to_image(photo[None], folded=folded).numpy()
    file = photo_paths.find_by_stem(depth_folder, path.stem, (".png", *photo_paths.PHOTO_SUFFIXES))
    if file is None:
        raise InputError(
            f"{path} has no depth map: {depth_folder} holds no {path.stem}.png; make one with "
            "python -m pynet_tf.depth"
        )
    return serving.to_image(photo[None], pictures.read_depth(file)[None], folded).numpy()
