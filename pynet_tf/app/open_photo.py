"""A photo that a visitor has opened: read once, prepared once, rendered at every click.

What the page shows is a copy of about a megapixel; what it downloads is the photo at its own size,
the same file that `python -m pynet_tf.render` writes.
"""

import math
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from pynet_tf.app.renderers import Renderers
from pynet_tf.depth import sources
from pynet_tf.depth.sources import PhotoWithDepth
from pynet_tf.io import images
from pynet_tf.lens import focus
from pynet_tf.lens.focus import LensSettings
from pynet_tf.render import photo_files

# Of the copy that is shown: a click on it is answered in about half a second on two processors.
PREVIEW_PIXELS = 900_000
# Digits of a clicked point, here and in the command that makes the same picture.
_DIGITS = 4
Point = tuple[float, float]


@dataclass(frozen=True)
class Choices:
    """What a visitor has chosen.

    Attributes:
        point: that is to be sharp, (x, y) in 0..1; None for the automatic focus.
        blur: see `LensSettings`.
        highlights: see `LensSettings`.
        sharp_range: see `LensSettings`.
        method: one of `renderers.METHODS`.
    """

    point: Point | None = None
    blur: float = focus.BLUR
    highlights: float = 0.0
    sharp_range: tuple[float, float] = focus.SHARP_RANGE
    method: str = "net"


@dataclass
class OpenPhoto:
    """A photo, its depth map, and what has been chosen for it.

    Args:
        renderers: shared by all.
        path: of the photo's file.
        folder: for what is too large to be kept in memory.
        choices: of the visitor.

    Attributes:
        found: the photo and its depth map; None if there is no map yet.
        map_file: that the depth map is from; None for the one in the photo or an estimated one.
        small: the copy that is shown, `[h, w, 3]` uint8.

    Raises:
        InputError: the photo cannot be read or is too small.
        NoEstimatorError: no depth map can be found; use `take_map` with one.
    """

    renderers: Renderers
    path: Path
    folder: Path
    choices: Choices = field(default_factory=Choices)
    found: PhotoWithDepth | None = None
    map_file: Path | None = None
    _own: tuple[PhotoWithDepth, Path | None] | None = None

    def open(self, file: Path | None = None) -> "OpenPhoto":
        """Reads the photo; returns itself.

        Args:
            file: of its depth map; None for the one in the photo, or else an estimated one.
        """
        found = self.renderers.with_depth if file is None else sources.given([self.path], file)
        self._own = self._kept(found(self.path)), file
        self._use(*self._own)
        return self

    def open_without_depth(self) -> None:
        """Reads the photo alone, for `take_map` to give it depth."""
        self.small = preview(images.read(self.path).pixels)

    @property
    def has_depth(self) -> bool:
        """Whether there is a depth map, without which nothing can be rendered."""
        return self.found is not None

    @property
    def profile(self) -> bytes | None:
        """The photo's colour profile."""
        return self.found.options.get("icc_profile") if self.found is not None else None

    def take_map(self, file: Path) -> None:
        """Uses a depth map from a file in place of the one that was found.

        Raises:
            InputError: it is no depth map of this photo.
        """
        self._use(self._kept(sources.given([self.path], file)(self.path)), file)

    def take_own_map(self) -> None:
        """Uses the depth map that was found first again."""
        if self._own is not None:
            self._use(*self._own)

    def _use(self, found: PhotoWithDepth, file: Path | None) -> None:
        small = preview(found.photo)
        # What is wrong with a map is told before anything is changed.
        prepared = self.renderers.prepare(small, found.depth)
        self.found, self.small, self._prepared = found, small, prepared
        self.map_file = file

    def _kept(self, found: PhotoWithDepth) -> PhotoWithDepth:
        """Keeps the photo at full size on the disk: it is needed for the download alone."""
        file = self.folder / "photo.npy"
        file.unlink(missing_ok=True)
        np.save(file, found.photo)
        return replace(found, photo=np.asarray(np.load(file, mmap_mode="r")))

    def choose(self, **choices) -> None:
        """Changes some of the choices.

        Raises:
            InputError: one is out of its range.
        """
        changed = replace(self.choices, **choices)
        self._settings(changed)
        self.choices = changed

    @property
    def settings(self) -> LensSettings:
        """The choices as the lens takes them; the automatic focus is the camera's, if known."""
        return self._settings(self.choices)

    def _settings(self, choices: Choices) -> LensSettings:
        point = choices.point
        if point is None and self.found is not None and self.found.focus is not None:
            point = self.found.focus[0]
        return LensSettings(point, choices.blur, choices.sharp_range, choices.highlights)

    def picture(self) -> np.ndarray:
        """Returns the picture of the small copy."""
        return self.renderers.render_prepared(self._prepared, self.settings, self.choices.method)

    def defocus(self) -> np.ndarray:
        """Returns the defocus of the small copy, at half its size, in its pixels."""
        return self._prepared.defocus(self.settings)

    def sharp_point(self) -> Point:
        """Returns a point that is sharp: the one that was chosen, or one of the subject's."""
        if self.settings.focus is not None:
            return self.settings.focus
        return focus.point_of(self.found.depth, self._prepared.focus(self.settings))

    def write(self, folder: Path) -> tuple[Path, tuple[str, ...]]:
        """Writes the picture at the photo's own size, as the command line does.

        Args:
            folder: of the picture, which has the photo's name.

        Returns:
            The picture, and what of the photo's file it does not keep, in sentences.

        Raises:
            InputError: the picture cannot be written.
        """
        [job] = photo_files.plan([self.path], folder)
        settings, method = self.settings, self.choices.method
        rendered = photo_files.render_file(
            job,
            lambda found: self.renderers.render(found, settings, method),
            lambda _: self.found,
        )
        return job.output, rendered.remarks

    def command(self) -> str:
        """Returns the command that writes the same picture."""
        choices = self.choices
        words = ["python", "-m", "pynet_tf.render", self.path.name]
        if self.map_file is not None:
            words += ["--depth", self.map_file.name]
        if choices.point is not None:
            words += ["--focus", ",".join(f"{value:.{_DIGITS}g}" for value in choices.point)]
        usual = Choices()
        for name in ("blur", "highlights"):
            if getattr(choices, name) != getattr(usual, name):
                words += [f"--{name}", f"{getattr(choices, name):g}"]
        if choices.sharp_range != usual.sharp_range:
            words += ["--sharp_range", ",".join(f"{value:g}" for value in choices.sharp_range)]
        if choices.method != usual.method:
            words += ["--method", choices.method]
        return shlex.join([*words, "--output", "out"])


def preview(photo: np.ndarray) -> np.ndarray:
    """Returns the copy of a photo that is shown: `[h, w, 3]` uint8 of about a megapixel."""
    height, width = photo.shape[:2]
    scale = min(1.0, math.sqrt(PREVIEW_PIXELS / (height * width)))
    photo = images.eight_bit(photo)
    return images.resize(photo, max(1, round(height * scale)), max(1, round(width * scale)))


def rounded(x: float, y: float) -> Point:
    """Returns a point as the command line would be given it."""
    x, y = (float(f"{min(max(value, 0.0), 1.0):.{_DIGITS}g}") for value in (x, y))
    return x, y
