"""Rows of the report: measured photo by photo, and kept on disk as they come.

Nothing is measured twice: a stored figure is found by all that it depends on, which is the way of
measuring, the method with its weights and its code, the level, the sample's pictures, and the
focus and the blur.
"""

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pynet_tf.errors import InputError
from pynet_tf.evaluate import methods, protocol
from pynet_tf.evaluate.methods import Candidate
from pynet_tf.evaluate.previews import Preview, preview
from pynet_tf.evaluate.protocol import FIGURES
from pynet_tf.lens.focus import LensSettings


@dataclass(frozen=True)
class Result:
    """A row of the report: the figures of a candidate on all photos, with one of its lenses.

    Attributes:
        candidate: what was measured.
        lens: of `methods.LENSES`; None for a candidate that takes none.
        fingerprint: of all that the pictures depend on beside sample and lens.
        figures: photo's name -> `protocol.FIGURES`, in the order of the photos.
        previews: photo's name -> preview, of the pictures that were made and not found stored.
    """

    candidate: Candidate
    lens: str | None
    fingerprint: str
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    previews: dict[str, Preview] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The row's name, e.g. `thin lens, told`."""
        return f"{self.candidate.name}, {self.lens}" if self.lens else self.candidate.name

    @property
    def level(self) -> int:
        """The candidate's."""
        return self.candidate.level

    def values(self, figure: str) -> np.ndarray:
        """Returns one figure of all photos, `[N]` float64."""
        return np.array([figures[figure] for figures in self.figures.values()])


class Store:
    """A file with one JSON line per photo and row of the report, appended.

    A line cut short by a crash is measured again. A result is found by all that it depends on:
    the key that the caller makes of method, level, sample, lens and way of measuring.

    Args:
        path: of the file; it need not be there yet.

    Raises:
        InputError: it is a symbolic link.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        if self.path.is_symlink():
            raise InputError(f"{path} is a symbolic link; remove it or name another folder")
        self._known = {}
        self._whole = True
        if self.path.is_file():
            text = self.path.read_text(encoding="utf-8", errors="replace")
            self._whole = text.endswith("\n") or not text
            for line in text.splitlines():
                self._remember(line)

    def _remember(self, line: str) -> None:
        try:
            stored = json.loads(line)
            key, figures = stored["key"], stored["figures"]
            self._known[key] = {name: float(figures[name]) for name in FIGURES}
        except (ValueError, KeyError, TypeError, RecursionError):
            # Cut short, or another version's.
            return

    def get(self, key: str) -> dict[str, float] | None:
        """Returns the stored figures, None if there are none."""
        return self._known.get(key)

    def put(self, key: str, figures: Mapping[str, float]) -> None:
        """Stores figures at once."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"key": key, "figures": dict(figures)}) + "\n"
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line if self._whole else "\n" + line)
            file.flush()
            os.fsync(file.fileno())
        self._whole = True
        self._known[key] = dict(figures)


def evaluate(candidate: Candidate, samples: Iterable[Mapping], store: Store) -> list[Result]:
    """Measures a candidate photo by photo, taking from the store what is known.

    Args:
        candidate: what to measure; loaded here, so that one model at a time is in memory.
        samples: from `whole_samples.photos`; read once, one after the other.
        store: of results.

    Returns:
        The figures of all samples: one result for each of the candidate's lenses, one in all if
        it has none.
    """
    fingerprint, opened = candidate.load()
    results = [Result(candidate, lens, fingerprint) for lens in candidate.lenses or (None,)]
    for sample in samples:
        pictures, render = sample_key(sample), None
        for result in results:
            settings = methods.lens_settings(result.lens, sample)
            parts = (f"v{protocol.VERSION}", fingerprint, f"level {candidate.level}", pictures)
            key = " | ".join([*parts, *([_lens_key(settings)] if settings else [])])
            figures = store.get(key)
            if figures is None:
                # Prepared for its first lens, and not again.
                render = render or opened(sample)
                picture = render(settings)
                figures = protocol.measure(picture, sample["bokeh"], candidate.level)
                store.put(key, figures)
                result.previews[sample["name"]] = preview(picture)
            result.figures[sample["name"]] = figures
    return results


def shown(result: Result, chosen: Mapping[str, Mapping]) -> dict[str, Preview]:
    """Returns previews of a result's pictures; those of stored results are rendered again.

    Args:
        result: of any row.
        chosen: name -> sample, as `samples` gives them.
    """
    made = dict(result.previews)
    missing = [name for name in chosen if name not in made]
    if missing:
        _, opened = result.candidate.load()
        for name in missing:
            settings = methods.lens_settings(result.lens, chosen[name])
            made[name] = preview(opened(chosen[name])(settings))
    return made


def sample_key(sample: Mapping) -> str:
    """Returns a sample's name with a checksum of its pictures."""
    checksum = 0
    for part in ("photo", "image", "sharp_depth", "bokeh"):
        checksum = zlib.crc32(np.ascontiguousarray(sample[part]), checksum)
    return f"{sample['name']} {checksum:08x}"


def _lens_key(settings: LensSettings) -> str:
    focus = "automatic" if settings.focus is None else f"{settings.focus:.6g}"
    return f"focus {focus}, blur {settings.blur:.6g}"
