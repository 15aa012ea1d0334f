"""From a photo and its depth map to the bokeh picture, inside one TensorFlow graph.

    photo   uint8 [H, W, 3], sRGB; H and W of 64 and more, odd ones too
    depth   uint8 [h, w], near = bright, any size; it shows the same view as the photo
    image   float32 [B, H/2, W/2, 4] in [0, 1]: the halved photo with its depth map, both padded
            by reflection at the bottom and the right to multiples of 32
    bokeh   uint8 [H/s, W/s, 3], rounded up, s = 1, 2, 4 ... for level 1, 2, 3 ...

Halving is antialiased bicubic and rounded to 8 bit, as in the training data: what `images.stack`
does with Pillow (which for photos more than twice as high as wide swaps the order of rounding).
An odd side is first made even by repeating its last row or column. A photo
whose sides are multiples of 64 is neither padded nor cropped.

Networks without depth (`pynet(depth=False)`) take the photo alone: image has 3 channels. Those
with the head `light` take the photo itself, padded to multiples of 64 and each 2x2 of its pixels
folded into 12 channels, in place of the halved one: 13 channels, or 12 without depth.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pynet_tf import model
from pynet_tf.errors import InputError
from pynet_tf.inference import op_allowlist
from pynet_tf.runs import checkpoints, run_directory

SMALLEST_SIDE = 64
# Beside the graph in a SavedModel's folder, so that the pyramid can be built again: a JSON
# object of level, width, depth, head, step and settings, as in `checkpoints.Run`.
DESCRIPTION = Path("assets.extra") / "pynet_tf.json"


def to_image(photos: tf.Tensor, depths: tf.Tensor | None = None, folded: bool = False) -> tf.Tensor:
    """Makes the network's input.

    Args:
        photos: `[B, H, W, 3]` uint8, H and W at least 64.
        depths: `[B, h, w]` uint8, any size; None for a network without depth.
        folded: whether the network takes the whole photo, folded.

    Returns:
        `[B, H', W', 4]` (3 without depth, 13 and 12 folded) float32 in [0, 1]; H' and W' are
        half the photo's sides, rounded up to multiples of 32.
    """
    sides = tf.shape(photos)[1:3]
    too_small = tf.debugging.assert_greater_equal(
        tf.reduce_min(sides), SMALLEST_SIDE, "a photo has to be at least 64 pixels high and wide"
    )
    with tf.control_dependencies([too_small]):
        even = _extend(tf.cast(photos, tf.float32), sides % 2, "SYMMETRIC")
    half = (sides + 1) // 2
    if folded:
        layers = [tf.nn.space_to_depth(_pad(even, 2 * model.MULTIPLE), 2)]
    else:
        layers = [_pad(_resize(even, half), model.MULTIPLE)]
    if depths is not None:
        halved = _resize(tf.cast(depths, tf.float32)[..., None], half)
        layers.append(_pad(halved, model.MULTIPLE))
    image = tf.concat(layers, axis=-1) * (1 / 255)
    channels = model.input_channels(depths is not None, folded)
    return tf.ensure_shape(image, [None, None, None, channels])


def image_size(height: int, width: int) -> tuple[int, int]:
    """Returns height and width of the image that `to_image` makes of a photo."""
    half = (-(-height // 2), -(-width // 2))
    return tuple(side + -side % model.MULTIPLE for side in half)


def to_bokeh(output: tf.Tensor, height: int | tf.Tensor, width: int | tf.Tensor, level: int):
    """Makes pictures from a level's output.

    Args:
        output: `[B, h, w, 3]` float32, the raw output of `level`.
        height: of the photo, in pixels.
        width: of the photo, in pixels.
        level: 1 (the photo's size) to 7.

    Returns:
        `[B, H/s, W/s, 3]` uint8, rounded up, s = 2**(level-1): cropped, clipped and rounded.
    """
    scale = 2 ** (level - 1)
    rows, columns = (height + scale - 1) // scale, (width + scale - 1) // scale
    cropped = output[:, :rows, :columns]
    return tf.cast(tf.round(tf.clip_by_value(cropped, 0.0, 1.0) * 255.0), tf.uint8)


def batch_graph(
    network: Callable, level: int, depth: bool = True, folded: bool = False
) -> Callable:
    """Makes one compiled function for batches of photos, of all sizes.

    Args:
        network: image `[B, h, w, C]` float32 -> the raw output of `level`, `[B, H, W, 3]`.
        level: 1 to 7.
        depth: whether the network takes a depth map.
        folded: whether the network takes the whole photo, folded.

    Returns:
        A tf.function `(photos [B, H, W, 3] uint8, depths [B, h, w] uint8) -> {"bokeh":
        [B, H/s, W/s, 3] uint8}`; `(photos)` alone for a network without depth.
    """

    def bokeh(photos, depths=None):
        sides = tf.shape(photos)
        output = network(to_image(photos, depths, folded))
        return {"bokeh": to_bokeh(output, sides[1], sides[2], level)}

    photos = tf.TensorSpec([None, None, None, 3], tf.uint8, name="photos")
    depths = tf.TensorSpec([None, None, None], tf.uint8, name="depths")
    if depth:
        return tf.function(bokeh, input_signature=[photos, depths], autograph=False)
    return tf.function(lambda photos: bokeh(photos), input_signature=[photos], autograph=False)


def render_graph(
    network: Callable, level: int, depth: bool = True, folded: bool = False
) -> Callable:
    """Makes one compiled function for single photos, of all sizes.

    Args:
        network: as for `batch_graph`.
        level: 1 to 7.
        depth: whether the network takes a depth map.
        folded: whether the network takes the whole photo, folded.

    Returns:
        A tf.function `(photo [H, W, 3] uint8, depth [h, w] uint8) -> {"bokeh":
        [H/s, W/s, 3] uint8}`; `(photo)` alone for a network without depth.
    """
    batch = batch_graph(network, level, depth, folded)
    photo = tf.TensorSpec([None, None, 3], tf.uint8, name="photo")
    if depth:

        def with_depth(photo, depth):
            return {"bokeh": batch(photo[None], depth[None])["bokeh"][0]}

        depth_map = tf.TensorSpec([None, None], tf.uint8, name="depth")
        return tf.function(with_depth, input_signature=[photo, depth_map], autograph=False)
    return tf.function(
        lambda photo: {"bokeh": batch(photo[None])["bokeh"][0]},
        input_signature=[photo],
        autograph=False,
    )


def network_graph(pyramid: keras.Model, level: int) -> Callable:
    """Makes the raw network of a level and all coarser ones.

    Args:
        pyramid: from `model.pynet`.
        level: the finest level to hold.

    Returns:
        A tf.function `image [B, h, w, C] float32 -> {"level_<level>": ..., "level_7": ...}`,
        h and w multiples of 32. Outputs are not clipped.
    """
    outputs = {f"level_{held}": pyramid.output[f"level_{held}"] for held in range(level, 8)}
    part = keras.Model(pyramid.input, outputs)
    image = tf.TensorSpec([None, None, None, pyramid.input.shape[-1]], tf.float32, name="image")
    return tf.function(
        lambda image: part(image, training=False), input_signature=[image], autograph=False
    )


@dataclass(frozen=True)
class RenderModel:
    """A trained model, ready to render; from `load_model`.

    Attributes:
        path: of its folder.
        level: that `render` gives.
        levels: that `network` gives, finest first.
        needs_depth: whether it takes depth maps.
        folded: whether it takes the whole photo, folded; see `to_image`.
        network: image `[B, h, w, C]` float32, h and w multiples of 32 -> `{"level_1": ...}`.
        bokeh: the compiled function behind `render`, from `render_graph`.
        pyramid: gives the Keras pyramid (a SavedModel's is built anew from its weights).
    """

    path: Path
    level: int
    levels: tuple[int, ...]
    needs_depth: bool
    folded: bool
    network: Callable[..., dict[str, tf.Tensor]]
    bokeh: Callable[..., dict[str, tf.Tensor]]
    pyramid: Callable[[], keras.Model]

    def render(self, photo: np.ndarray, depth: np.ndarray | None = None) -> np.ndarray:
        """Renders one photo.

        Args:
            photo: `[H, W, 3]` uint8, H and W at least 64.
            depth: `[h, w]` uint8, near = bright, any size. A model without depth ignores it.

        Returns:
            `[H/s, W/s, 3]` uint8, rounded up, s = 2**(level-1).

        Raises:
            InputError: the photo is too small, or the model needs a depth map and gets none.
        """
        height, width = photo.shape[:2]
        if min(height, width) < SMALLEST_SIDE:
            raise InputError(
                f"the photo is {width}x{height} pixels, but both sides have to be at least "
                f"{SMALLEST_SIDE}; use a larger photo"
            )
        if self.needs_depth and depth is None:
            raise InputError(f"the model {self.path} needs the photo's depth map; give one")
        inputs = (photo, depth) if self.needs_depth else (photo,)
        return self.bokeh(*inputs)["bokeh"].numpy()


def load_model(path: Path, level: int | None = None) -> RenderModel:
    """Loads an exported SavedModel, or the newest checkpoint of a level of a run directory.

    Args:
        path: the folder.
        level: that `render` is to give; None for the finest one that the model holds. In a run
            directory a level that was not trained here is taken from the next finer one.

    Raises:
        InputError: the folder is missing, is neither of the two, is damaged, does not hold the
            level, or a weight is not a finite number.
    """
    path = Path(path)
    if is_saved_model(path):
        run = read_description(path)
        held = run.level
        if level is not None and level < held:
            raise InputError(
                f"{path} holds levels {held} to 7, not {level}; export it again from a run in "
                f"which level {level} is trained, or choose another level"
            )
        network, weights = _load_saved_model(path, run)

        def pyramid():
            return _rebuild(run, weights)
    else:
        trained, run = load_pyramid(path, level)
        network, weights = network_graph(trained, run.level), trained.weights

        def pyramid():
            return trained

    refuse_nonfinite(weights, path)
    level = level or run.level
    return RenderModel(
        path=path,
        level=level,
        levels=tuple(range(run.level, 8)),
        needs_depth=run.depth,
        folded=run.folded,
        network=network,
        bokeh=render_graph(
            lambda image: network(image)[f"level_{level}"], level, run.depth, run.folded
        ),
        pyramid=pyramid,
    )


def load_pyramid(run_dir: Path, level: int | None = None) -> tuple[keras.Model, checkpoints.Run]:
    """Loads the weights of a run directory for a level.

    Args:
        run_dir: of the run.
        level: its own checkpoint is taken, or else the next finer level's, which holds it too;
            None for the finest level there is.

    Returns:
        The pyramid, and what the run says of the level whose checkpoint it is.

    Raises:
        InputError: the folder is missing, is no run directory, is damaged, or has neither the
            level nor a finer one.
    """
    run = find_run(run_dir, level)
    return checkpoints.load_pyramid(run_dir, run.level)


def find_run(run_dir: Path, level: int | None = None) -> checkpoints.Run:
    """Tells which level's checkpoint `load_pyramid` takes.

    Raises:
        InputError: see `load_pyramid`.
    """
    run_directory.refuse_no_model(run_dir, level)
    if level is None:
        return checkpoints.finest_run(run_dir)
    runs = (checkpoints.read_run(run_dir, held) for held in range(level, 0, -1))
    return next(run for run in runs if run is not None and run.step)


def is_saved_model(path: Path) -> bool:
    """Tells whether a folder holds a SavedModel, ours or another program's."""
    return (Path(path) / "saved_model.pb").is_file()


def saved_levels(path: Path) -> list[int]:
    """Returns the levels, finest first, that an exported SavedModel holds.

    Raises:
        InputError: `pynet_tf.export` did not write it.
    """
    return list(range(read_description(path).level, 8))


def read_description(path: Path) -> checkpoints.Run:
    """Reads what an exported SavedModel says of itself.

    Raises:
        InputError: `pynet_tf.export` did not write it.
    """
    file = Path(path) / DESCRIPTION
    try:
        return checkpoints.parse_run(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} is a SavedModel, but not one of PyNET: {file} is missing or damaged; "
            f"{run_directory.SOURCES}"
        ) from error


def refuse_nonfinite(weights: Iterable, path: Path | str) -> None:
    """Checks that every weight is a finite number.

    Args:
        weights: variables with a name.
        path: where they come from, for the message.

    Raises:
        InputError: names the first weight that has NaN or infinity in it.
    """
    bad = [_name(weight) for weight in weights if not np.isfinite(weight.numpy()).all()]
    if bad:
        others = f" and {len(bad) - 1} other weights" if len(bad) > 1 else ""
        raise InputError(
            f"{path}: the weight {bad[0]}{others} has values that are not finite numbers; train "
            "or export the model again"
        )


def _name(weight) -> str:
    """Returns e.g. `encoder_e3_conv3_1/kernel`, of a Keras variable or of a loaded one."""
    return getattr(weight, "path", weight.name).removesuffix(":0")


def _load_saved_model(path: Path, run: checkpoints.Run) -> tuple[Callable, list]:
    op_allowlist.refuse_foreign_operations(path)
    try:
        loaded = tf.saved_model.load(str(path))
        outputs = set(loaded.signatures["network"].structured_outputs)
    except (OSError, LookupError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"{path} cannot be loaded ({' '.join(str(error).split())[:200]}); export it again"
        ) from error
    missing = {f"level_{held}" for held in range(run.level, 8)} - outputs
    if missing or "serving_default" not in loaded.signatures:
        raise InputError(f"{path} lacks signatures of a PyNET model; export it again")

    # Through `loaded`: signatures hold their variables weakly.
    def network(image):
        return loaded.signatures["network"](image=image)

    channels = model.input_channels(run.depth, run.folded)
    image = tf.TensorSpec([None, None, None, channels], tf.float32, name="image")
    weights = list(loaded.signatures["network"].variables)
    return tf.function(network, input_signature=[image], autograph=False), weights


def _rebuild(run: checkpoints.Run, weights: Iterable) -> keras.Model:
    """Builds a SavedModel's pyramid; levels finer than it holds are left untrained."""
    pyramid = run.pyramid()
    values = {_name(weight): weight.numpy() for weight in weights}
    for weight in pyramid.weights:
        if weight.path in values:
            weight.assign(values[weight.path])
    return pyramid


def _pad(picture: tf.Tensor, multiple: int) -> tf.Tensor:
    return _extend(picture, -tf.shape(picture)[1:3] % multiple, "REFLECT")


def _extend(picture: tf.Tensor, rows_columns: tf.Tensor, mode: str) -> tf.Tensor:
    """Pads `[B, H, W, C]` at the bottom and the right by `rows_columns`."""
    rows, columns = rows_columns[0], rows_columns[1]
    return tf.pad(picture, [[0, 0], [0, rows], [0, columns], [0, 0]], mode)


def _resize(picture: tf.Tensor, sides: tf.Tensor) -> tf.Tensor:
    """Resizes 0..255 float32 `[B, H, W, C]` as Pillow does: width, then height, each rounded."""
    for shape in ([tf.shape(picture)[1], sides[1]], sides):
        resized = tf.image.resize(picture, shape, "bicubic", antialias=True)
        picture = tf.clip_by_value(tf.floor(resized + 0.5), 0.0, 255.0)
    return picture
