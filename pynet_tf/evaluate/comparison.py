"""One evaluation from data set to results: which photos, which candidates, which lens.

The thin lens is given the best single blur for the photos, searched on the photos themselves
(on some of them if there are many), which flatters it a little: it is the bar to beat.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pynet_tf.data import pipeline, shards
from pynet_tf.errors import InputError
from pynet_tf.evaluate import methods, protocol
from pynet_tf.evaluate.protocol import Candidate, Picture, Result, Store

LENS_SEARCH_PHOTOS = 12
# Pictures show this many of the worst photos, and as many of the best.
EXTREMES = 2


@dataclass(frozen=True)
class Plan:
    """What is to be evaluated.

    Attributes:
        data_dir: with prepared shards.
        split: `train` or `test`.
        models: label -> run directory or SavedModel folder.
        level: 1, 2 or 3 for all models; None for each one's finest.
        every_level: whether the levels 7 to 1 are measured as well.
        lens_blurs: radii tried for the thin lens, in pixels at half size; none leaves it out.
        names: of the photos; empty for all.
        count: photos spread evenly over the split; None for all.
    """

    data_dir: Path
    split: str = "test"
    models: Mapping[str, Path] = field(default_factory=dict)
    level: int | None = None
    every_level: bool = False
    lens_blurs: Sequence[float] = ()
    names: Sequence[str] = ()
    count: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What came out.

    Attributes:
        sizes: photo's name -> (height, width), in the order of the split.
        baselines: level -> results of doing nothing and of the thin lens.
        models: results of the models' levels 1 to 3.
        levels: label -> results of all levels of that model, 7 first; with `every_level`.
        nothing: results of doing nothing at levels 7 to 1; with `every_level`.
        lens_search: radius -> mean PSNR at full size.
        lens_searched: photos that the search used.
        fingerprint: of the split.
    """

    sizes: dict[str, tuple[int, int]]
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


def compare(
    plan: Plan,
    store: Store,
    progress: Callable[[Iterable, int, str], Iterable] = lambda items, *_: items,
) -> Outcome:
    """Evaluates everything in the plan; what the store knows is not done again.

    Args:
        plan: what is compared on which photos.
        store: keeps results.
        progress: shows the samples as they pass, their number and what is measured, as
            `cli.progress` does.

    Raises:
        InputError: no data, no such photo, or a model that cannot be used.
    """
    split = shards.open_split(plan.data_dir, plan.split)
    indices = _choose(split, plan)
    levels = plan_levels(plan)

    def run(candidate: Candidate, subset: Sequence[int] = indices) -> Result:
        samples = pipeline.photos(split, subset)
        label = f"{candidate.name}, level {candidate.level}"
        return protocol.evaluate(candidate, progress(samples, len(subset), label), store)

    sizes = {
        sample["name"]: sample["photo"].shape[:2] for sample in pipeline.photos(split, indices)
    }
    measured = sorted({1, *(level for held in levels.values() for level in held)})
    baselines = {level: [run(methods.doing_nothing(level))] for level in measured}
    searched = _spread(indices, LENS_SEARCH_PHOTOS)
    search = {
        blur: float(np.mean(run(methods.thin_lens(blur), searched).values("full_psnr")))
        for blur in plan.lens_blurs
    }
    if search:
        best = max(search, key=search.get)
        for level in measured:
            baselines[level].append(run(methods.thin_lens(best, level)))
    models = [
        run(methods.model(plan.models[label], level, label))
        for label, held in levels.items()
        for level in held
    ]
    every, nothing = {}, []
    if plan.every_level:
        for label, path in plan.models.items():
            held = sorted(methods.trained_levels(path), reverse=True)
            every[label] = [run(methods.model(path, level, label)) for level in held]
        nothing = [run(methods.doing_nothing(level)) for level in range(7, 0, -1)]
    return Outcome(
        sizes, baselines, models, every, nothing, search, len(searched), split.fingerprint
    )


def samples(plan: Plan, names: Sequence[str]) -> dict[str, dict]:
    """Reads the samples of the given names."""
    split = shards.open_split(plan.data_dir, plan.split)
    indices = _named(split, names)
    return {sample["name"]: sample for sample in pipeline.photos(split, indices)}


def pictures(candidate: Candidate, chosen: Mapping[str, dict]) -> dict[str, Picture]:
    """Renders the chosen samples: name -> picture."""
    _, picture = candidate.load()
    return {name: picture(sample) for name, sample in chosen.items()}


def _choose(split: shards.Split, plan: Plan) -> list[int]:
    if plan.names:
        return sorted(_named(split, plan.names))
    everything = range(len(split))
    return list(everything) if plan.count is None else _spread(everything, plan.count)


def _spread(indices: Sequence[int], count: int) -> list[int]:
    """Takes at most `count` of the indices, evenly spread."""
    count = min(count, len(indices))
    return [indices[k * len(indices) // count] for k in range(count)]


def _named(split: shards.Split, names: Sequence[str]) -> list[int]:
    """Finds photos by name, in the order of the names."""
    found = {}
    for index in range(len(split)):
        found[pipeline.name(split, index)] = index
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(
            f"the {split.name} split has no photo {', '.join(missing)}; its {len(found)} photos "
            f"are named like {next(iter(found))}"
        )
    return [found[name] for name in dict.fromkeys(names)]
