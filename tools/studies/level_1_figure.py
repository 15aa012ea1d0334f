"""The figure of `tools/studies/level_1.py`: what becomes of level 1 in each variant."""

import json
from collections.abc import Sequence
from pathlib import Path

from pynet_tf.errors import InputError
from pynet_tf.io.atomic_files import replacing


def draw(study: Path, ablation: str, output: Path) -> None:
    """Draws PSNR, colours and gradients of one run's variants, and the ends of all seeds.

    Args:
        study: folder with the files that `tools/studies/level_1.py train` has written.
        ablation: name of the run whose variants are drawn as curves, those of its first seed.
        output: PNG to write.

    Raises:
        InputError: there are no such files.
    """
    from matplotlib.figure import Figure

    results = read(study)
    first = [r for r in results if r["run"] == ablation and r["seed"] == 0]
    if not first:
        raise InputError(f"{study} has no figures of {ablation} with seed 0; train them first")
    figure = Figure((13, 10), layout="constrained")
    psnr, spread, gradient, ends = figure.subplots(2, 2).flat
    for number, result in enumerate(first):
        steps = [point["step"] for point in result["curve"]]
        gain = [point["psnr"] - result["level_2"]["psnr"] for point in result["curve"]]
        style = {"linestyle": ("-", "--")[number // 10], "color": f"C{number % 10}"}
        psnr.plot(steps, gain, label=result["says"], **style)
        spread.plot(steps, [min(point["spread"]) for point in result["curve"]], **style)
    psnr.axhline(0, color="black", linewidth=1)
    psnr.set(title="PSNR less that of level 2 enlarged", xlabel="step", ylabel="dB")
    psnr.legend(fontsize="small")
    spread.axhline(1, color="black", linewidth=1)
    spread.set(title="Contrast: the colour with the least", xlabel="step")
    spread.set_ylabel("standard deviation as a share of the target's")
    _gradients(gradient, first[0])
    _ends(ends, results)
    with replacing(output) as partial:
        figure.savefig(partial, format="png", dpi=80)


def read(study: Path) -> list[dict]:
    """Reads what `tools/studies/level_1.py train` has written, in the order of names."""
    return [json.loads(path.read_text()) for path in sorted(Path(study).glob("*.json"))]


def _gradients(axes, result: dict) -> None:
    points = result["curve"][1:]
    for section in sorted(points[0]["gradients"]):
        norms = [point["gradients"][section] for point in points]
        axes.semilogy([point["step"] for point in points], norms, label=section.replace("_", " "))
    axes.set(title=f"Norm of the gradient ({result['says']})", xlabel="step")
    axes.legend(fontsize="small", ncols=2)


def _ends(axes, results: Sequence[dict]) -> None:
    groups = {}
    for result in results:
        gain = result["curve"][-1]["psnr"] - result["level_2"]["psnr"]
        groups.setdefault(f"{result['says']} ({result['run']})", []).append(gain)
    ordered = sorted(groups, key=lambda name: groups[name][0])
    for place, name in enumerate(ordered):
        axes.plot(groups[name], [place] * len(groups[name]), "o", color="C0", alpha=0.6)
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(range(len(ordered)), ordered)
    axes.set(title="At the end, less level 2 enlarged; a point for each seed", xlabel="dB")
