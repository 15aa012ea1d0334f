"""Folders of levels: which checkpoints stay."""

import shutil

from pynet_tf import model
from pynet_tf.runs.run_directory import RunDirectory


def test_a_process_killed_before_it_removed_the_old_checkpoint_is_made_up_for(tmp_path):
    narrow = {"width": 0.05, "largest_kernel": 3}
    run = RunDirectory(tmp_path / "run")
    run.save(7, model.pynet(**narrow, seed=None), {}, **narrow)
    level = run.level(7)
    for step in (4, 6):
        for file in level.checkpoint_files(1):
            shutil.copy(file, file.with_name(file.name.replace("00000001", f"{step:08d}")))
    assert level.steps() == [6, 4, 1]
    with level.writing():
        assert level.steps() == [6, 4]
    assert all(level.is_whole(step) for step in level.steps())
