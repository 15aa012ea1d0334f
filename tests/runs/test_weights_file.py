"""Weights alone in a small file: what is read is what was written, and nothing else is taken."""

import shutil
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from pynet_tf import model
from pynet_tf.errors import InputError
from pynet_tf.export import command as export
from pynet_tf.model import lens_ops
from pynet_tf.runs import weights_file
from pynet_tf.runs.description import Description
from pynet_tf.runs.run_directory import RunDirectory
from pynet_tf.train import config, loop, planning, recipes

WIDTH = 0.05
# Few layers, which are what takes the time.
KIND = {"width": WIDTH, "depth": True, "head": "defocus", "largest_kernel": 3}


@pytest.fixture(scope="module")
def pyramid():
    made = model.pynet(**KIND, seed=3)
    rng = np.random.default_rng(0)
    for weight in made.weights:
        # Three times what trained kernels differ by, and twenty times what trained heads' do.
        weight.assign(weight.numpy() + rng.normal(0, 0.03, weight.shape))
    return made


@pytest.fixture(scope="module")
def written(pyramid, tmp_path_factory):
    """A run directory, and beside it what is shared of it."""
    folder = tmp_path_factory.mktemp("written")
    RunDirectory(folder / "run").save(1, pyramid, {"recipe": "x"}, **KIND)
    given = f"--run_dir {folder / 'run'} --format weights --output {folder / 'shared'}"
    assert export.main(given.split()) in (None, 0)
    return folder


@pytest.fixture
def shared(written, tmp_path):
    """A copy of both, to do anything with."""
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return tmp_path / "shared"


def test_training_goes_on_from_a_shared_run(pyramid, shared, tiny_ebb, tmp_path):
    recipe = recipes.Recipe(batch_size=1, iterations=1, learning_rate=1e-9, window=32)
    job = config.Job(6, tiny_ebb, tmp_path / "new", recipe, eval_photos=1, start_from=shared)
    assert loop.train_level(job, tf.distribute.get_strategy())
    trained, run = RunDirectory(tmp_path / "new").load()
    assert (run.level, run.width, run.head, run.step) == (6, WIDTH, "defocus", 1)
    for one, two in zip(pyramid.weights, trained.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), two.numpy(), rtol=1e-3, atol=1e-6)


def test_levels_that_a_shared_run_does_not_hold_begin_with_their_seed(pyramid, tiny_ebb, tmp_path):
    share, whole = tmp_path / "share", tmp_path / "whole"
    RunDirectory(share).share(Description(7, **KIND, settings={}, step=7), pyramid)
    RunDirectory(whole).save(7, pyramid, {}, **KIND)
    recipe = recipes.Recipe(batch_size=1, iterations=1, learning_rate=1e-9, window=32)
    for source, fresh in ((share, True), (whole, False)):
        job = config.Job(6, tiny_ebb, tmp_path / "new", recipe, seed=5, start_from=source)
        plan = planning.plan(job, "any data")
        begun = plan.new_pyramid()
        assert plan.set_weights(begun, optimizer=None) == 0
        expected = model.pynet(**KIND, seed=5) if fresh else pyramid
        np.testing.assert_array_equal(level_5_kernel(begun), level_5_kernel(expected))


def level_5_kernel(made):
    return next(w.numpy() for w in made.weights if w.path == "level_5_c3_conv3_1/kernel")


def file_of(run_dir):
    (file,) = (run_dir / "level_1").glob("*.npz")
    return file


def test_a_shared_run_is_small_and_a_run_like_any_other(pyramid, shared, tmp_path):
    size = sum(file.stat().st_size for file in (tmp_path / "run").rglob("*"))
    assert sum(file.stat().st_size for file in shared.rglob("*")) < 0.6 * size
    read, run = RunDirectory(shared).load()
    assert (run.level, run.width, run.head, run.step) == (1, WIDTH, "defocus", 1)
    assert run.settings["recipe"] == "x"
    for one, two in zip(pyramid.weights, read.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), two.numpy(), rtol=1e-3, atol=1e-6)
    image = np.random.default_rng(0).random((1, 64, 64, 13), np.float32)
    pictures = [made(image)["level_1"] for made in (read, pyramid)]
    # Random weights answer to rounding more than trained ones do, most of all near black.
    lights = [lens_ops.to_light(picture) for picture in pictures]
    assert np.abs(lights[0] - lights[1]).max() < 2 / 255
    difference = np.abs(pictures[0] - pictures[1])
    assert difference[pictures[1] > 0.15].max() < 2 / 255
    assert difference.mean() < 0.5 / 255
    assert RunDirectory(shared).level(1).is_whole(1)


def test_a_level_has_its_own_weights_only(pyramid, tmp_path):
    run = Description(5, **KIND, settings={}, step=7)
    RunDirectory(tmp_path).share(run, pyramid)
    with np.load(tmp_path / "level_5" / "step_00000007.npz") as file:
        needed = {weight.path for weight in model.level_model(pyramid, 5).weights}
        assert {name.replace(".", "/") for name in file.files} == needed


def test_what_is_there_is_not_replaced(shared, tmp_path):
    before = file_of(shared).read_bytes()
    with pytest.raises(InputError, match="is there already"):
        export.main(
            ["--run_dir", str(tmp_path / "run"), "--format", "weights", "--output", str(shared)]
        )
    assert file_of(shared).read_bytes() == before


def test_leftovers_are_removed_and_the_weights_are_not(shared):
    (shared / "level_1" / "step_00000009.data-00000-of-00001").write_bytes(b"half")
    RunDirectory(shared).level(1).remove_leftovers()
    assert {file.suffix for file in (shared / "level_1").iterdir()} == {".npz", ".json"}


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "foreign", "pickle", "array"])
def test_damage_is_one_sentence(shared, damage, capsys, tmp_path):
    file = file_of(shared)
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        with zipfile.ZipFile(file) as archive:
            largest = max(archive.infolist(), key=lambda entry: entry.compress_size)
        content[largest.header_offset + largest.compress_size // 2] ^= 0xFF
        file.write_bytes(content)
        assert not RunDirectory(shared).level(1).is_whole(1)
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "foreign":
        np.savez(file, kernel=np.zeros(3, np.float16))
    elif damage == "array":
        with file.open("wb") as other:
            np.save(other, np.zeros(3))
    else:
        _with_pickle(file, tmp_path / "executed")
    with pytest.raises(InputError, match="can be read"):
        RunDirectory(shared).load()
    assert str(file.with_suffix("")) in capsys.readouterr().err
    assert not (tmp_path / "executed").exists()


def _with_pickle(file, marker):
    class Malicious:
        def __reduce__(self):
            return marker.touch, ()

    with np.load(file) as old:
        arrays = dict(old)
    first = next(iter(arrays))
    np.savez(file, **{**arrays, first: np.array([Malicious()], object)})
    assert not marker.exists()
    assert zipfile.is_zipfile(file)


@pytest.mark.parametrize(("width", "why"), [(0.03, "not float16"), (0.5, "larger than its weight")])
def test_another_networks_weights_are_refused_and_change_nothing(pyramid, tmp_path, width, why):
    weights_file.write(tmp_path / "other.npz", model.pynet(**KIND | {"width": width}))
    before = pyramid.weights[0].numpy()
    with pytest.raises(ValueError, match=why):
        weights_file.read(tmp_path / "other.npz", pyramid)
    np.testing.assert_array_equal(pyramid.weights[0].numpy(), before)
