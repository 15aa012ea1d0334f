"""The part of tools/measure/benchmark.py that renders photos."""

import argparse
import importlib.util
import json
from pathlib import Path

from benchmark_processes import ROOT, run, untrained


def render(flags: argparse.Namespace, levels: list[int], folder: Path) -> list[dict]:
    """Photos of each size through the forms of a full-width level and of the small model."""
    untrained(folder / "full", levels[-1], flags.width, "original")
    where = ("--run_dir", folder / "full", "--output", folder / "saved")
    run("exporting", "-m", "pynet_tf.export", *where)
    saved, small, name = folder / "saved", ROOT / "checkpoints" / "small", f"width {flags.width:g}"
    forms = [
        (f"{name}, SavedModel", saved, ("--network",)),
        (f"{name}, int8", saved, ("--fast",)),
        ("small, float32", small, ()),
        ("small, int8", small, ("--fast",)),
        ("lens, float32", Path("lens"), ()),
    ]
    if importlib.util.find_spec("ai_edge_litert") is None:
        print("int8 is left out: it needs ai-edge-litert (pip install ai-edge-litert)", flush=True)
        forms = [form for form in forms if "--fast" not in form[2]]
    rows = []
    for size in flags.sizes:
        height, width = (int(side) for side in size.split("x"))
        base = None
        for label, model, more in forms:
            # The full-width network's eight-bit form is not computed in tiles.
            if "--fast" in more and model == saved and height * width > 8_000_000:
                continue
            if "--fast" in more and model == saved:
                # The first run makes the LiteRT form, which would count as the peak.
                measured(model, 64, 64, 0, *more)
            figures = measured(model, height, width, flags.repeats, *more)
            base = base or figures["seconds"]
            bare = figures.get("network")
            rows.append(
                {
                    "photo": size,
                    "model": label,
                    "s": figures["seconds"],
                    "speed": base / figures["seconds"],
                    "first call s": figures["first"],
                    "to bare network": bare and figures["seconds"] / bare,
                    "peak GiB": figures["peak"],
                }
            )
    return rows


def measured(model: Path, height: int, width: int, repeats: int, *more: str) -> dict:
    """Returns what measure_render.py tells of a photo's size, in a process of its own."""
    size = ("--height", height, "--width", width, "--repeats", repeats)
    program = ROOT / "tools" / "measure" / "measure_render.py"
    what = f"rendering {height}x{width} with {model.name}"
    # Before it there may be a word on the form that is made.
    return json.loads(run(what, program, model, *size, *more).output.splitlines()[-1])
