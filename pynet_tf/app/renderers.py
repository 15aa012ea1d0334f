"""What all visitors of the page share: the network, the lens and the estimator of depth.

They render and estimate one photo at a time: each uses all processors by itself.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pynet_tf.depth import sources
from pynet_tf.depth.sources import PhotoWithDepth
from pynet_tf.errors import InputError
from pynet_tf.inference import large_lens, renderer
from pynet_tf.inference.any_size import PreparedPhoto
from pynet_tf.lens.focus import LensSettings

METHODS = ("net", "lens")


class NoEstimatorError(InputError):
    """A photo holds no depth map, and what estimates one cannot be had."""


class Renderers:
    """Renders and estimates for all visitors.

    Args:
        model: see `inference.load`; of a network that is told the defocus.
        load_estimator: loads what estimates depth, see `sources.automatic`; called when the first
            photo needs it, and again for the next one if it fails.

    Raises:
        InputError: there is no such model, or it chooses focus and blur by itself.
    """

    def __init__(self, model: Path | None, load_estimator: Callable[[], object]):
        self._network = renderer.load(model)
        if not self._network.is_told:
            raise InputError(
                f"{self._network.name} chooses focus and blur by itself, and the page is for "
                "choosing them; take a network of the head defocus"
            )
        self._load_estimator, self._estimator = load_estimator, None
        self._rendering, self._estimating = threading.Lock(), threading.Lock()

    def with_depth(self, path: Path) -> PhotoWithDepth:
        """Reads a photo and finds its depth map: the one in it, or else an estimated one.

        Raises:
            NoEstimatorError: there is neither.
            InputError: the photo cannot be read.
        """
        return sources.automatic(lambda: self)(path)

    @property
    def name(self) -> str:
        """What estimates depth, in words."""
        # A file's name says enough to visitors.
        return Path(self._kept_estimator().name).name

    def estimate(self, photo: np.ndarray) -> np.ndarray:
        """Estimates a depth map, see `sources.automatic`.

        Raises:
            NoEstimatorError: the estimator cannot be had.
        """
        with self._estimating:
            return self._kept_estimator().estimate(photo)

    def _kept_estimator(self):
        if self._estimator is None:
            try:
                self._estimator = self._load_estimator()
            except InputError as error:
                raise NoEstimatorError(str(error)) from error
        return self._estimator

    def prepare(self, photo: np.ndarray, depth: np.ndarray) -> PreparedPhoto:
        """Prepares a photo for many renderings, see `ToldNetwork.prepare`."""
        return self._network.prepare(photo, depth)

    def render_prepared(
        self, prepared: PreparedPhoto, settings: LensSettings, method: str
    ) -> np.ndarray:
        """Renders a prepared photo.

        Args:
            prepared: from `prepare`.
            settings: of the lens.
            method: one of `METHODS`.

        Returns:
            `[H, W, 3]` of the photo's type.
        """
        with self._rendering:
            if method == "net":
                return self._network.render_prepared(prepared, settings)
            return large_lens.render_prepared(prepared, settings)

    def render(self, found: PhotoWithDepth, settings: LensSettings, method: str) -> np.ndarray:
        """Renders a photo at its own size, as the command line does."""
        if method == "net":
            return self.render_prepared(self.prepare(found.photo, found.depth), settings, method)
        with self._rendering:
            return large_lens.render(found.photo, found.depth, settings)
