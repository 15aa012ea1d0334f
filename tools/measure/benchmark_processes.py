"""What benchmark.py leaves to processes of their own: commands, and what they need made."""

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pynet_tf.errors import InputError

ROOT = Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True)
class Ended:
    """A process that has ended well.

    Attributes:
        output: what it printed.
        seconds: from its start to its end.
        peak: of its resident memory, in GiB.
    """

    output: str
    seconds: float
    peak: float


def run(what: str, *arguments, **environment: str) -> Ended:
    """Runs Python in a process of its own.

    Args:
        what: it does, e.g. `training level 7`; begins the message if it fails.
        *arguments: of Python.
        **environment: variables that it gets besides those that there are.

    Raises:
        InputError: its exit status is not 0; with the last line that it said.
    """
    command = [sys.executable, *map(str, arguments)]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        with subprocess.Popen(
            command, stdout=output, stderr=errors, env=os.environ | environment
        ) as process:
            # Not `wait`: it tells nothing of the memory.
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - begun
        if process.returncode:
            said = [line for line in _text(errors).splitlines() if line.strip()]
            raise InputError(
                f"{what} ended with status {process.returncode}"
                f"{f' ({said[-1]})' if said else ''}; put that right and measure again"
            )
        return Ended(_text(output), seconds, usage.ru_maxrss / 2**20)


def _text(file) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def untrained(run_dir: Path, level: int, width: float, head: str) -> None:
    """Makes a run directory with a level as it starts."""
    code = (
        "import sys; from pynet_tf import model\n"
        "from pynet_tf.runs.run_directory import RunDirectory\n"
        "run_dir, level, width, head = sys.argv[1:]\n"
        "kind = {'width': float(width), 'head': head}\n"
        "RunDirectory(run_dir).save(int(level), model.pynet(**kind), {}, **kind)"
    )
    run(f"making an untrained level {level}", "-c", code, run_dir, level, width, head)


def prepared(folder: Path, count: int = 8) -> Path:
    """Prepares synthetic full-size pairs, once; returns their data_dir.

    Args:
        folder: where it may lie.
        count: of the training pairs; the first eight are different, the rest copies of them.
    """
    data_dir = folder / f"data{count}"
    if not data_dir.exists():
        # It takes up to minutes.
        print(f"making a set of {count} pairs", file=sys.stderr, flush=True)
        build = ROOT / "tools" / "build_ebb.py"
        run("preparing a set", build, _pairs(folder, count), "--data_dir", data_dir)
    return data_dir


def _pairs(folder: Path, count: int) -> Path:
    source = folder / f"photos{count}"
    make, some = ROOT / "tools" / "make_synthetic_ebb.py", ("--count", min(count, 8))
    run("making photos", make, source, *some, "--test_count", 1)
    for kind in ("original", "original_depth", "bokeh"):
        made = sorted((source / "train" / kind).iterdir())
        for number in range(len(made), count):
            old = made[number % len(made)]
            shutil.copy(old, old.with_name(f"{100_000 + number}{old.suffix}"))
    return source
