"""Times one way of rendering a photo in a process of its own; tools/measure/benchmark.py calls it.

Prints one JSON object: seconds of the first call and the median of the later ones, peak memory
of the process in GiB, and with --network the median seconds of the bare network between them.
"""

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from pynet_tf import cli
from pynet_tf.io import images


def main() -> None:
    """Loads the model, renders and prints."""
    parser = cli.Parser(prog="python tools/measure/measure_render.py", description=__doc__)
    parser.add_argument(
        "model", type=Path, help="run directory, SavedModel or .tflite file; lens: the thin lens"
    )
    parser.add_argument("--height", type=cli.whole(1), default=1024, help="of the photo")
    parser.add_argument("--width", type=cli.whole(1), default=1536, help="of the photo")
    parser.add_argument("--repeats", type=cli.whole(0), default=3, help="calls after the first")
    parser.add_argument("--fast", action="store_true", help="with 8-bit weights")
    parser.add_argument("--network", action="store_true", help="time the bare network too")
    flags = parser.parse_args()

    render = _renderer(flags.model, flags.fast)
    photo, depth = _scene(flags.height, flags.width)
    first = _seconds(lambda: render(photo, depth))
    figures = {"first": first}
    bare = _bare(flags.model, photo, depth) if flags.network else None
    times, bare_times = [], []
    for _ in range(flags.repeats):
        if bare:
            bare_times.append(_seconds(bare))
        times.append(_seconds(lambda: render(photo, depth)))
    figures["seconds"] = statistics.median(times) if times else first
    if bare:
        figures["network"] = statistics.median(bare_times)
    figures["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    json.dump(figures, sys.stdout)


def _renderer(model: Path, fast: bool) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    if str(model) == "lens":
        from pynet_tf.inference import large_lens
        from pynet_tf.lens.focus import LensSettings

        return lambda photo, depth: large_lens.render(photo, depth, LensSettings())
    from pynet_tf.inference import renderer

    with cli.without_messages():
        return renderer.load(model, fast=fast).render


def _scene(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Makes a photo with some noise, and a depth map with as many edges as photos have."""
    rng = np.random.default_rng(0)
    cells = rng.integers(20, 236, (9, 12, 3), np.uint8)
    photo = np.minimum(images.resize(cells, height, width), 247)
    photo += rng.integers(0, 9, (height, width, 1), np.uint8)
    depth = Image.fromarray(rng.integers(0, 256, (5, 7), np.uint8))
    return photo, np.asarray(depth.resize((width // 2, height // 2), Image.Resampling.NEAREST))


def _bare(path: Path, photo: np.ndarray, depth: np.ndarray) -> Callable[[], object]:
    """Returns a call of the network alone, on the image that the photo becomes."""
    tf = cli.import_tensorflow()
    from pynet_tf.inference import loading
    from pynet_tf.inference.signatures import to_image
    from pynet_tf.model import level_model

    model = loading.load_model(path)
    network = tf.function(level_model(model.pyramid(), model.level))
    planes = [plane[None] for plane in model.plane(photo, depth, None)]
    image = to_image(photo[None], *(planes or [None]), model.input_format)
    network(image)
    return lambda: network(image).numpy()


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    cli.run(main, "tools/measure/measure_render.py")
