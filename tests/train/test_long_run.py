"""A long run keeps its memory, its open files and its speed.

PYNET_TF_LONG_STEPS sets the number of steps; 3000 were tried before a release.
"""

import collections
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

STEPS = int(os.environ.get("PYNET_TF_LONG_STEPS", "150"))
EVAL_STEP = max(10, STEPS // 60)
WIDTH = 0.125


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
@pytest.mark.timeout(4 * STEPS + 600)
def test_memory_open_files_and_speed_stay_as_they_are(tiny_ebb, nursery, tmp_path):
    started = nursery.start(
        "pynet_tf.train", "--level", "7", "--data_dir", tiny_ebb, "--run_dir", tmp_path / "run",
        "--width", WIDTH, "--largest_kernel", 3, "--batch_size", 2, "--window", 32,
        "--iterations", STEPS, "--eval_step", EVAL_STEP, "--head", "residual", cwd=tmp_path,
    )  # fmt: skip
    notes = []
    with started.out.open(encoding="utf-8") as said:
        is_over = False
        while not is_over:
            is_over = started.is_over()
            for line in said:
                if match := re.search(r"step (\d+), validation", line):
                    notes.append((int(match[1]), *_state(started.pid)))
            time.sleep(0.001)
    ended = started.end()
    assert ended.status == 0, ended.err
    assert [step for step, *_ in notes] == list(range(EVAL_STEP, STEPS + 1, EVAL_STEP))

    third = len(notes) // 3
    steps, memory, files, seconds = zip(*notes, strict=True)
    # The first validation is left out, as compiling for it is.
    per_step = np.diff(seconds)[1:] / np.diff(steps)[1:]
    # The least: what else runs on the machine's cores makes steps slower at times, not always.
    early, late = np.min(per_step[:third]), np.min(per_step[-third:])
    growth = max(memory[-third:]) / memory[third] - 1
    print(
        f"{STEPS} steps: memory {memory[third] / 1e6:.0f} MB at step {steps[third]}, "
        f"{memory[-1] / 1e6:.0f} MB at the end ({growth:+.1%} at most); "
        f"{files[-1].total()} open files; {1000 * early:.1f} ms of processor time a step in the "
        f"first third, {1000 * late:.1f} in the last"
    )
    assert growth < 0.05
    assert files[third] == files[-1]
    # Processor time: others may be using the machine.
    assert late < early / 0.7


def _state(pid: int) -> tuple[int, collections.Counter, float]:
    """Returns a process's memory in bytes, its open files and its seconds of processor time."""
    memory = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return memory, _open_files(pid), sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def _open_files(pid: int) -> collections.Counter:
    """Counts open files by what they are, without the checkpoint that is about to be written."""
    found = collections.Counter()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        try:
            name = os.readlink(file)
        except FileNotFoundError:
            continue
        if "/step_" not in name:
            found[name] += 1
    return found
