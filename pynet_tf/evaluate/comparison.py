"""One evaluation from data set to results: which photos, which methods, which lens."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pynet_tf.data import shards, whole_samples
from pynet_tf.errors import InputError
from pynet_tf.evaluate import methods, protocol
from pynet_tf.evaluate.methods import Candidate
from pynet_tf.evaluate.results import Result, Store, evaluate
from pynet_tf.io.photo_paths import same_name
from pynet_tf.lens.focus import BLUR, nearest_subject

# Photos that the search for one blur for all photos uses: enough to choose between a few.
LENS_SEARCH_PHOTOS = 12
# Pictures show this many of the worst photos, and as many of the best.
EXTREMES = 2

# What shows the samples as they pass, their number and what is measured: `cli.progress`.
Progress = Callable[[Iterable, int, str], Iterable]


@dataclass(frozen=True)
class Plan:
    """What is to be evaluated.

    Attributes:
        data_dir: with prepared shards.
        split: `train` or `test`.
        models: label -> run directory or SavedModel folder.
        level: 1, 2 or 3 for all models; None for each one's finest.
        every_level: whether the levels 7 to 1 are measured as well.
        lens: whether the thin lens is compared too.
        lens_blurs: radii, in pixels at half size, of which the best one for all photos makes one
            more row of the thin lens; none leaves it out.
        names: of the photos; empty for all.
        count: photos spread evenly over the split; None for all.
    """

    data_dir: Path
    split: str = "test"
    models: Mapping[str, Path] = field(default_factory=dict)
    level: int | None = None
    every_level: bool = False
    lens: bool = True
    lens_blurs: Sequence[float] = ()
    names: Sequence[str] = ()
    count: int | None = None


class Photo(NamedTuple):
    """What the report says of a photo.

    Attributes:
        height: in pixels.
        width: in pixels.
        focus: of the bokeh shot.
        blur: of the bokeh shot, in percent of the longer side.
        automatic_focus: on the nearest subject.
    """

    height: int
    width: int
    focus: float
    blur: float
    automatic_focus: float

    def lens(self, name: str | None) -> tuple[float, float] | None:
        """Returns focus and blur of a lens of `methods.LENSES`; None without a name."""
        lenses = {"told": (self.focus, self.blur), "automatic": (self.automatic_focus, BLUR)}
        return lenses.get(name)


@dataclass(frozen=True)
class Outcome:
    """What came out.

    Attributes:
        photos: name -> what is known of it, in the order of the split.
        baselines: level -> results of doing nothing and of the thin lens.
        models: results of the models' levels 1 to 3.
        levels: label -> results of all levels of that model, 7 first; with `every_level`.
        nothing: results of doing nothing at levels 7 to 1; with `every_level`.
        lens_search: radius -> mean PSNR at full size.
        lens_searched: photos that the search used.
        fingerprint: of the split.
    """

    photos: dict[str, Photo]
    baselines: dict[int, list[Result]]
    models: list[Result]
    levels: dict[str, list[Result]]
    nothing: list[Result]
    lens_search: dict[float, float]
    lens_searched: int
    fingerprint: str

    @property
    def ranking(self) -> list[str]:
        """Photos from worst to best: PSNR at full size of the first model, or of the photo."""
        result = self.models[0] if self.models else self.baselines[1][0]
        psnr = {name: figures["full_psnr"] for name, figures in result.figures.items()}
        return sorted(psnr, key=psnr.get)

    @property
    def extremes(self) -> list[str]:
        """The worst photos, then the best ones, each once."""
        ranking = self.ranking
        if len(ranking) <= 2 * EXTREMES:
            return ranking
        return ranking[:EXTREMES] + ranking[: -EXTREMES - 1 : -1]


def plan_levels(plan: Plan) -> dict[str, list[int]]:
    """Decides which levels of which model are measured at full size.

    Raises:
        InputError: a model does not have the level asked for, or none of the levels 1 to 3.
    """
    chosen = {}
    for label, path in plan.models.items():
        held = methods.trained_levels(path)
        fine = [level for level in held if level in protocol.SCALED_LEVELS]
        if plan.level is not None and plan.level not in held:
            raise InputError(
                f"{path} has the levels {', '.join(map(str, held))}, not {plan.level}; choose one "
                "of these or train it"
            )
        if not fine and not plan.every_level:
            raise InputError(
                f"{path} is trained down to level {held[0]} only and full-size photos need level "
                "3, 2 or 1; train on, or look at what there is with --levels"
            )
        chosen[label] = [plan.level] if plan.level is not None else fine[:1]
    return chosen


def compare(plan: Plan, store: Store, progress: Progress = lambda items, *_: items) -> Outcome:
    """Evaluates everything in the plan; what the store knows is not done again.

    Args:
        plan: what is compared on which photos.
        store: keeps results.
        progress: see `Progress`.

    Raises:
        InputError: no data, no such photo, or a model that cannot be used.
    """
    split = shards.open_split(plan.data_dir, plan.split)
    levels = plan_levels(plan)
    photos = _chosen(split, plan)
    indices = list(photos)

    def run(candidate: Candidate, subset: Sequence[int] = indices) -> list[Result]:
        samples = whole_samples.photos(split, subset)
        label = f"{candidate.name}, level {candidate.level}"
        return evaluate(candidate, progress(samples, len(subset), label), store)

    @functools.cache
    def doing_nothing(level: int) -> Result:
        return run(methods.doing_nothing(level))[0]

    measured = sorted({1, *(level for held in levels.values() for level in held)})
    baselines = {level: [doing_nothing(level)] for level in measured}
    if plan.lens:
        for level in measured:
            baselines[level] += run(methods.thin_lens(level))
    searched = _spread(indices, LENS_SEARCH_PHOTOS)
    search = {
        blur: float(np.mean(run(methods.thin_lens_of_blur(blur), searched)[0].values("full_psnr")))
        for blur in (plan.lens_blurs if plan.lens else ())
    }
    if search:
        best = max(search, key=search.get)
        for level in measured:
            baselines[level] += run(methods.thin_lens_of_blur(best, level))
    models = {
        (label, level): run(methods.network(plan.models[label], level, label))
        for label, held in levels.items()
        for level in held
    }
    every = {}
    for label, path in plan.models.items() if plan.every_level else ():
        every[label] = []
        for level in sorted(methods.trained_levels(path), reverse=True):
            done = models.get((label, level))
            done = done or run(methods.network(path, level, label, methods.LENSES[:1]))
            every[label].append(done[0])
    return Outcome(
        photos=dict(photos.values()),
        baselines=baselines,
        models=[result for results in models.values() for result in results],
        levels=every,
        nothing=[doing_nothing(level) for level in range(7, 0, -1)] if plan.every_level else [],
        lens_search=search,
        lens_searched=len(searched),
        fingerprint=split.fingerprint,
    )


def samples(plan: Plan, names: Sequence[str]) -> dict[str, dict]:
    """Reads the samples of the given names."""
    split = shards.open_split(plan.data_dir, plan.split)
    found = _named(split, names)
    return {sample["name"]: sample for sample in whole_samples.photos(split, found)}


def _chosen(split: shards.Split, plan: Plan) -> dict[int, tuple[str, Photo]]:
    """Returns the photos of a plan by their places in the split."""
    places = range(len(split))
    if plan.names:
        places = sorted(_named(split, plan.names))
    elif plan.count is not None:
        places = _spread(places, plan.count)
    found = {}
    for place in places:
        facts = whole_samples.facts(split, place)
        nearest = nearest_subject(facts["depth"])
        photo = Photo(*facts["size"], facts["focus"], facts["blur"], nearest)
        found[place] = facts["name"], photo
    return found


def _spread(indices: Sequence[int], count: int) -> list[int]:
    """Takes at most `count` of the indices, evenly spread."""
    count = min(count, len(indices))
    return [indices[k * len(indices) // count] for k in range(count)]


def _named(split: shards.Split, names: Sequence[str]) -> list[int]:
    """Finds photos by name, in the order of the names."""
    places = range(len(split))
    found = {same_name(whole_samples.facts(split, place)["name"]): place for place in places}
    names = [same_name(name) for name in names]
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(
            f"the {split.name} split has no photo {', '.join(missing)}; its {len(found)} photos "
            f"are named like {next(iter(found))}"
        )
    return [found[name] for name in dict.fromkeys(names)]
