"""An evaluation's results as files: tables to paste, numbers to compute with, pictures.

report.md        the tables, ready to paste
report.json      all that is in them, with every photo's figures; null is not available
per_image.csv    one line per method, level and photo
comparison.png   photo | thin lens | networks | target, worst and best photos first
levels.png       the outputs of levels 7 to 1 between photo and target
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pynet_tf.evaluate import comparison, previews, protocol, results
from pynet_tf.evaluate.comparison import Outcome, Plan
from pynet_tf.evaluate.protocol import FIGURES, METRICS, mean_interval
from pynet_tf.evaluate.results import Result
from pynet_tf.io import atomic_files, image_grid
from pynet_tf.io.image_grid import Panel
from pynet_tf.lens.focus import BLUR

_HEADERS = {"psnr": "PSNR (dB)", "ssim": "SSIM", "ms_ssim": "MS-SSIM"}
_DIGITS = {"psnr": 2, "ssim": 4, "ms_ssim": 4}
# Panels side by side in levels.png.
_LEVELS_PER_ROW = 5
# What the rows of one method are; written below the table that has them.
_LENSES = (
    "*Told*: with the focus and the blur of the pair's own bokeh shot, as the data set holds them. "
    "*Automatic*: with the focus on the nearest subject of the depth map, and a blur of "
    f"{BLUR:g} percent of the longer side."
)


def write(folder: Path, plan: Plan, outcome: Outcome) -> None:
    """Writes the whole report.

    Args:
        folder: the report's; files of the same names are replaced.
        plan: what was evaluated.
        outcome: what came out.
    """
    folder = Path(folder)
    atomic_files.write_text(folder / "per_image.csv", per_image_csv(outcome))
    text = json.dumps(as_json(plan, outcome), indent=1, allow_nan=False) + "\n"
    atomic_files.write_text(folder / "report.json", text)
    chosen = comparison.samples(plan, outcome.extremes)
    _write_comparison(folder / "comparison.png", outcome, chosen)
    if outcome.levels:
        ends = (outcome.ranking[0], outcome.ranking[-1])
        few = {name: chosen[name] for name in dict.fromkeys(ends)}
        _write_levels(folder / "levels.png", outcome, few)
    # Last, so that a report that can be read is a report that is complete.
    atomic_files.write_text(folder / "report.md", markdown(plan, outcome))


def markdown(plan: Plan, outcome: Outcome) -> str:
    """Returns the tables, with what they mean."""
    count = len(outcome.photos)
    lines = [
        "# Bokeh: figures on full-size photos",
        "",
        f"{_photos(count)} of the `{plan.split}` split of `{plan.data_dir}` (fingerprint "
        f"`{outcome.fingerprint[:12]}`). Means over the photos; in brackets the bootstrap 95 % "
        "interval of the mean (10,000 draws of photos).",
        "",
        "## Full size, 8 bit, nothing cut off",
        "",
        *_full_table(outcome),
        "",
        "Levels 2 and 3 are enlarged to the photo's size by bicubic interpolation. Gain: mean "
        "difference of PSNR to doing nothing on the same photo. Exposed alike: PSNR of the picture "
        "at the exposure of the target, to which each of its colours is brightened or darkened as "
        "a whole; two shots are never exposed quite alike.",
        "",
    ]
    if any(result.lens for result in [*outcome.baselines[1], *outcome.models]):
        lines += [_LENSES, ""]
    for level, baselines in outcome.baselines.items():
        rows = [*baselines, *(result for result in outcome.models if result.level == level)]
        lines += [
            f"## Protocol of the 2020 paper, level {level}",
            "",
            *_table(rows, [f"scaled_{metric}" for metric in METRICS]),
            "",
        ]
    lines += [
        f"Output clipped to [0, 1], target resized to the level, {protocol.BORDER} pixels cut "
        "off every edge.",
        "",
    ]
    if outcome.levels:
        lines += ["## What each level does", "", *_levels_table(outcome), ""]
        lines += [
            "PSNR in dB at the level's own size, nothing cut off; doing nothing is the photo "
            "resized to the level. A level of a run comes from its own checkpoint, if it has one. "
            "Networks that are told the defocus are told the pair's own.",
            "",
            "![Levels](levels.png)",
            "",
        ]
    if outcome.lens_search:
        lines += ["## The thin lens of one blur", "", *_lens_lines(outcome), ""]
    lines += ["## Worst and best", "", "![Worst and best photos](comparison.png)", ""]
    return "\n".join(lines)


def as_json(plan: Plan, outcome: Outcome) -> dict:
    """Returns the report as plain values; what is not a finite number becomes None."""
    baselines = [result for rows in outcome.baselines.values() for result in rows]
    return {
        "data_dir": str(plan.data_dir),
        "split": plan.split,
        "split_fingerprint": outcome.fingerprint,
        "photos": {name: [photo.height, photo.width] for name, photo in outcome.photos.items()},
        "lenses": {
            name: {
                "focus": photo.focus,
                "blur": photo.blur,
                "automatic_focus": photo.automatic_focus,
                "default_blur": BLUR,
            }
            for name, photo in outcome.photos.items()
        },
        "models": {label: str(path) for label, path in plan.models.items()},
        "border": protocol.BORDER,
        "results": [_result_json(result) for result in [*baselines, *outcome.models]],
        "levels": {
            label: [_result_json(result) for result in rows]
            for label, rows in {**outcome.levels, "doing nothing": outcome.nothing}.items()
            if rows
        },
        "lens_search": [
            {"max_blur": blur, "full_psnr": _finite(psnr)}
            for blur, psnr in outcome.lens_search.items()
        ],
        "worst_to_best": outcome.ranking,
    }


def per_image_csv(outcome: Outcome) -> str:
    """Returns one line per method, level and photo; an empty field is not available.

    Focus and blur are those that a method was given.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", "level", "photo", "height", "width", *FIGURES, "focus", "blur"])
    # With every level asked for, some results stand in two tables.
    seen = set()
    tables = [
        *outcome.baselines.values(),
        outcome.models,
        outcome.nothing,
        *outcome.levels.values(),
    ]
    for result in (result for table in tables for result in table):
        if (result.name, result.level) in seen:
            continue
        seen.add((result.name, result.level))
        for name, values in result.figures.items():
            photo = outcome.photos[name]
            lens = photo.lens(result.lens) or (math.nan, math.nan)
            numbers = [*(values[figure] for figure in FIGURES), *lens]
            fields = ["" if math.isnan(number) else f"{number:.6g}" for number in numbers]
            size = (photo.height, photo.width)
            writer.writerow([result.name, result.level, name, *size, *fields])
    return text.getvalue()


def _result_json(result: Result) -> dict:
    means = {}
    for figure in FIGURES:
        mean, low, high = map(_finite, mean_interval(result.values(figure)))
        means[figure] = {"mean": mean, "low": low, "high": high}
    return {
        "method": result.name,
        "model": result.candidate.name if result.candidate.is_network else None,
        "lens": result.lens,
        "level": result.level,
        "fingerprint": result.fingerprint,
        "mean": means,
        "photos": {
            name: {figure: _finite(value) for figure, value in values.items()}
            for name, values in result.figures.items()
        },
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"


def _full_table(outcome: Outcome) -> list[str]:
    nothing = outcome.baselines[1][0]
    rows = [*outcome.baselines[1], *outcome.models]
    lines = _table(rows, [f"full_{metric}" for metric in METRICS])
    lines[0] += " gain (dB) | better on | exposed alike (dB) | its gain (dB) |"
    lines[1] += "---|---|---|---|"
    for number, result in enumerate(rows, 2):
        gain, gain_exposed = (
            result.values(figure) - nothing.values(figure)
            for figure in ("full_psnr", "exposed_psnr")
        )
        exposed = _cell(result.values("exposed_psnr"), 2)
        if result is nothing:
            lines[number] += f" | | {exposed} | |"
            continue
        better = f"{int((gain > 0).sum())} of {len(gain)}"
        lines[number] += f" {_cell(gain, 2)} | {better} | {exposed} | {_cell(gain_exposed, 2)} |"
    return lines


def _table(rows: Sequence[Result], columns: Sequence[str]) -> list[str]:
    metrics = [column.split("_", 1)[1] for column in columns]
    lines = [
        f"| method | level | {' | '.join(_HEADERS[m] for m in metrics)} |",
        "|---|---|" + "---|" * len(columns),
    ]
    for result in rows:
        cells = [
            _cell(result.values(column), _DIGITS[metric])
            for column, metric in zip(columns, metrics, strict=True)
        ]
        level = result.level if result.candidate.is_network else ""
        lines.append(f"| {result.name} | {level} | {' | '.join(cells)} |")
    return lines


def _cell(values: np.ndarray, digits: int) -> str:
    """Formats mean and interval, and on how many photos there is a value if not on all."""
    mean, low, high = mean_interval(values)
    if math.isnan(mean):
        return "not available"
    interval = "" if math.isnan(low) else f" [{low:.{digits}f}, {high:.{digits}f}]"
    available = int((~np.isnan(values)).sum())
    share = "" if available == len(values) else f" ({available} of {len(values)} photos)"
    return f"{mean:.{digits}f}{interval}{share}"


def _levels_table(outcome: Outcome) -> list[str]:
    labels = list(outcome.levels)
    held = {label: {r.level: r for r in rows} for label, rows in outcome.levels.items()}
    name, photo = next(iter(outcome.photos.items()))
    lines = [
        f"| level | size of `{name}` | doing nothing | {' | '.join(labels)} |",
        "|---|---|---|" + "---|" * len(labels),
    ]
    for nothing in outcome.nothing:
        rows, columns = protocol.level_size(photo.height, photo.width, nothing.level)
        cells = [
            _cell(held[label][nothing.level].values("whole_psnr"), 2)
            if nothing.level in held[label]
            else "not trained"
            for label in labels
        ]
        lines.append(
            f"| {nothing.level} | {columns}x{rows} | "
            f"{_cell(nothing.values('whole_psnr'), 2)} | {' | '.join(cells)} |"
        )
    return lines


def _lens_lines(outcome: Outcome) -> list[str]:
    tried = ", ".join(f"{blur:g} px: {psnr:.2f} dB" for blur, psnr in outcome.lens_search.items())
    lines = [
        "Focus on what `lens.render` takes for the nearest subject, one largest blur radius (in "
        "pixels at half size) for all photos."
    ]
    if len(outcome.lens_search) > 1:
        lines.append(
            f"The best of these on {_photos(outcome.lens_searched)} of the same set, which "
            f"favours the lens a little: {tried}."
        )
    return lines


def _write_comparison(path: Path, outcome: Outcome, chosen: Mapping[str, dict]) -> None:
    nothing, *lenses = outcome.baselines[1]
    rendered = []
    for result in [*lenses, *outcome.models]:
        level = f", level {result.level}" if result.candidate.is_network else ""
        rendered.append((f"{result.name}{level}", result, results.shown(result, chosen)))
    rows = []
    for name in outcome.extremes:
        photo, bokeh = chosen[name]["photo"], chosen[name]["bokeh"]
        row = [Panel(photo, f"photo {name} {_rank(outcome, name)}", _caption(nothing, name))]
        for title, result, made in rendered:
            picture = previews.decoded(made[name].full)
            row.append(Panel(picture, title, _caption(result, name)))
        rows.append([*row, Panel(bokeh, "target", f"{photo.shape[1]}x{photo.shape[0]}")])
    title = "Full size, 8 bit: worst photos, then best"
    image_grid.write(path, rows, title, previews.HEIGHT)


def _rank(outcome: Outcome, name: str) -> str:
    """Says how good a photo's result is among all."""
    place = outcome.ranking.index(name)
    fromtop = len(outcome.ranking) - 1 - place
    if place == 0:
        return "(worst)"
    return "(best)" if fromtop == 0 else f"(rank {fromtop + 1} of {len(outcome.ranking)})"


def _caption(result: Result, name: str) -> str:
    values = result.figures[name]
    text = f"PSNR {values['full_psnr']:.2f} dB"
    for metric in ("ssim", "ms_ssim"):
        if not math.isnan(values[f"full_{metric}"]):
            text += f" · {_HEADERS[metric]} {values[f'full_{metric}']:.3f}"
    return text


def _write_levels(path: Path, outcome: Outcome, chosen: Mapping[str, dict]) -> None:
    nothing = {result.level: result for result in outcome.nothing}
    rows = []
    for label, levels in outcome.levels.items():
        rendered = [results.shown(result, chosen) for result in levels]
        for name, sample in chosen.items():
            height, width = sample["photo"].shape[:2]
            panels = [Panel(sample["photo"], f"{label}: photo {name}", f"{width}x{height}")]
            for result, made in zip(levels, rendered, strict=True):
                picture = previews.decoded(made[name].level)
                size = "x".join(map(str, protocol.level_size(width, height, result.level)))
                psnr = result.figures[name]["whole_psnr"]
                beside = nothing[result.level].figures[name]["whole_psnr"]
                caption = f"PSNR {psnr:.2f} dB\n(doing nothing {beside:.2f})"
                panels.append(Panel(picture, f"level {result.level} · {size}", caption))
            panels.append(Panel(sample["bokeh"], "target", f"{width}x{height}"))
            rows += [
                panels[k : k + _LEVELS_PER_ROW] for k in range(0, len(panels), _LEVELS_PER_ROW)
            ]
    image_grid.write(path, rows, "What each level does", 300)
