"""Command lines killed at random moments and started again: the same result, nothing left behind.

PYNET_TF_KILLS sets how many kills have to hit each command; 25 were tried before a release.
"""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from command_cases import CASES, Case, visible

from pynet_tf.io import atomic_files

KILLS = int(os.environ.get("PYNET_TF_KILLS", "3"))


@pytest.mark.timeout(600 + 60 * KILLS)
@pytest.mark.parametrize("name", list(CASES))
def test_killed_at_any_moment_and_started_again(name, bench, tmp_path):
    case = CASES[name]
    whole = bench.begin(name, tmp_path / "whole")
    before = case.seen(whole)
    first = bench.run(name, whole)
    assert first.status == 0, first.err
    after = case.seen(whole)
    assert visible(after) != visible(before)

    moments = np.random.default_rng(list(name.encode()))
    folder, hits, ends, span = bench.begin(name, tmp_path / "0"), 0, 0, first.seconds
    while hits < KILLS:
        ended = bench.run(name, folder, kill_after=moments.uniform(0, span))
        if ended.killed:
            hits += 1
            assert_whole_or_absent(case, folder, before, after)
        else:
            # It came to its end in spite of the kills before.
            assert ended.status == 0, ended.err
            assert case.seen(folder) == after
            ends, span = ends + 1, ended.seconds
            folder = bench.begin(name, tmp_path / str(ends))
    last = bench.run(name, folder)
    assert last.status == 0, last.err
    assert case.seen(folder) == after
    print(f"{case.name}: {hits} kills in {first.seconds:.1f} s, {ends + 1} times to the end")


def assert_whole_or_absent(case: Case, folder: Path, before: dict, after: dict) -> None:
    if case.replaced:
        # The old folder may have its hidden name; the next command puts it back.
        atomic_files.settle((folder / case.replaced).parent)
        assert visible(case.seen(folder)) in (visible(before), visible(after))
    else:
        for name, content in visible(case.seen(folder)).items():
            assert re.match(case.passing, name) or after[name] == content, name
        assert case.sound(folder)
