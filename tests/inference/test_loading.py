"""The graph around the network: sizes, padding, halving, loading, refusals."""

import dataclasses
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pynet_tf import model
from pynet_tf.errors import InputError
from pynet_tf.export import saved_model
from pynet_tf.inference import litert_cache, loading, saved_model_folder, signatures, tiling
from pynet_tf.inference.renderer import ToldNetwork
from pynet_tf.io import images
from pynet_tf.lens.focus import LensSettings
from pynet_tf.model import DEFOCUS_UNIT, input_format
from pynet_tf.runs.description import Description
from pynet_tf.runs.run_directory import RunDirectory

# Few layers, which are what takes the time.
NARROW = {"width": 0.125, "largest_kernel": 3}
HALF_PHOTO_DEPTH = input_format("original")


def described(level, step, depth=True):
    """Returns the description of a level with the head `original`."""
    return Description(level, depth=depth, head="original", settings={}, step=step, **NARROW)


def vivid(pyramid, seed=0):
    """Gives a small pyramid weights with which its outputs vary over the picture."""
    r = np.random.default_rng(seed)
    for weight in pyramid.weights:
        if weight.path.endswith("kernel"):
            fan_in = np.prod(weight.shape[:-1])
            weight.assign(2 * r.standard_normal(weight.shape, dtype=np.float32) / np.sqrt(fan_in))
    return pyramid


def sample(height, width, depth_height=None, depth_width=None, seed=0):
    """Random photo and depth map: smooth, the photo with some noise."""
    r = np.random.default_rng(seed)
    coarse = r.integers(0, 256, (9, 9, 4), dtype=np.uint8)
    photo = images.resize(coarse[..., :3], height, width) + r.integers(-9, 10, (height, width, 3))
    depth = images.resize(coarse[..., 3], depth_height or height // 2, depth_width or width // 2)
    return np.clip(photo, 0, 255).astype(np.uint8), depth


@pytest.fixture(scope="module")
def pyramid():
    return vivid(model.pynet(**NARROW))


@pytest.fixture(scope="module")
def run_dir(pyramid, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    RunDirectory(folder).save(1, pyramid, {"made": "for tests"}, **NARROW)
    return folder


@pytest.fixture(scope="module")
def exported(pyramid, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "model"
    saved_model.write(pyramid, described(1, 5), folder)
    return folder


@pytest.fixture(scope="module")
def loaded(exported):
    return loading.load_model(exported)


# Of pictures more than twice as high as wide Pillow resizes the height first.
@settings(max_examples=15, deadline=None)
@given(st.integers(32, 120), st.integers(60, 150), st.integers(16, 200), st.integers(100, 200))
def test_image_of_even_photos_is_the_training_datas(half_height, half_width, rows, columns):
    photo, depth = sample(2 * half_height, 2 * half_width, rows, columns)
    image = signatures.to_image(photo[None], depth[None], HALF_PHOTO_DEPTH)[0].numpy()
    assert [side % 32 for side in image.shape[:2]] == [0, 0]
    assert image.shape[:2] == signatures.image_size(2 * half_height, 2 * half_width)
    inside = np.rint(image[:half_height, :half_width] * 255)
    difference = np.abs(inside - images.stack(photo, depth).astype(float))
    # Pillow weighs in whole numbers: now and then a half is rounded the other way.
    assert difference[..., :3].max() <= 1
    assert (difference[..., :3] > 0).mean() < 0.01
    assert difference[..., 3].max() <= 2
    assert (difference[..., 3] > 1).mean() < 0.01


@given(st.integers(32, 100), st.integers(32, 100))
@settings(max_examples=15, deadline=None)
def test_padding_reflects_at_the_bottom_and_the_right(height, width):
    photo, depth = sample(2 * height, 2 * width, height, width)
    defocus = depth.astype(np.float32) - 128
    padded = signatures.to_image(photo[None], defocus[None], input_format("defocus")).numpy()
    whole = tf.nn.depth_to_space(padded[..., :12], 2)[0].numpy()
    extra = [(0, -side % 64) for side in photo.shape[:2]]
    expected = np.pad(photo, [*extra, (0, 0)], "reflect") * np.float32(1 / 255)
    np.testing.assert_array_equal(whole, expected)
    extra = [(0, -side % 32) for side in depth.shape]
    expected = np.pad(defocus, extra, "reflect") / np.float32(DEFOCUS_UNIT)
    np.testing.assert_array_equal(padded[0, ..., 12], expected)
    halved = signatures.to_image(photo[None], depth[None], HALF_PHOTO_DEPTH).numpy()
    inside = halved[0, :height, :width]
    extra = [(0, -side % 32) for side in (height, width)]
    np.testing.assert_array_equal(halved[0], np.pad(inside, [*extra, (0, 0)], "reflect"))


def test_odd_photo_keeps_its_last_row_and_column():
    photo, depth = sample(129, 95)
    image = signatures.to_image(photo[None], depth[None], HALF_PHOTO_DEPTH)[0].numpy()
    even = np.pad(photo, [(0, 1), (0, 1), (0, 0)], "edge")
    expected = images.stack(even, depth)
    assert np.abs(np.rint(image[:65, :48] * 255) - expected.astype(float)).max() <= 1


def test_multiple_of_64_gives_what_the_network_gives_bit_for_bit(pyramid, loaded):
    photo, depth = sample(192, 256)
    image = signatures.to_image(photo[None], depth[None], HALF_PHOTO_DEPTH)
    output = pyramid(image)["level_1"].numpy()[0]
    plain = np.rint(np.clip(output, 0, 1) * np.float32(255)).astype(np.uint8)
    assert plain.std() > 3, "the test network has to answer to its input"
    np.testing.assert_array_equal(loaded.render(photo, depth), plain)


def test_batch_gives_what_single_photos_give(exported, loaded):
    samples = [sample(70, 131, seed=seed) for seed in range(2)]
    photos, depths = (np.stack(parts) for parts in zip(*samples, strict=True))
    batch = tf.saved_model.load(str(exported)).signatures["batch"]
    batch = batch(photos=tf.constant(photos), depths=tf.constant(depths))["bokeh"]
    for index in range(2):
        single = loaded.render(photos[index], depths[index]).astype(int)
        # The sums of a convolution are taken in another order for a batch.
        difference = np.abs(batch[index].numpy() - single)
        assert difference.max() <= 1
        assert difference.mean() < 1e-3


@pytest.mark.parametrize(("level", "shape"), [(1, (131, 201)), (2, (66, 101)), (3, (33, 51))])
def test_levels_have_their_own_scale(level, shape):
    output = tf.zeros((1, 160 * 2 // 2**level * 2, 224 * 2 // 2**level * 2, 3))
    assert signatures.to_bokeh(output, 131, 201, level).shape == (1, *shape, 3)


def test_coarser_level_of_a_finer_model(exported, pyramid):
    photo, depth = sample(131, 201)
    coarse = loading.load_model(exported, 5)
    assert (coarse.level, coarse.levels[0]) == (5, 1)
    output = pyramid(signatures.to_image(photo[None], depth[None], HALF_PHOTO_DEPTH))["level_5"]
    picture = coarse.render(photo, depth)
    assert picture.shape == (9, 13, 3)
    np.testing.assert_array_equal(picture, signatures.to_bokeh(output, 131, 201, 5)[0])


def test_run_directory_compiles_once_for_all_sizes(run_dir, pyramid):
    compiled = loading.load_model(run_dir, 5)
    photo, depth = sample(128, 192)
    output = pyramid(signatures.to_image(photo[None], depth[None], HALF_PHOTO_DEPTH))["level_5"]
    np.testing.assert_array_equal(
        compiled.render(photo, depth), signatures.to_bokeh(output, 128, 192, 5)[0]
    )
    for height, width in ((64, 64), (65, 99), (200, 140)):
        compiled.render(*sample(height, width))
        compiled.network(
            signatures.to_image(*(part[None] for part in sample(height, width)), HALF_PHOTO_DEPTH)
        )
    assert compiled.bokeh.experimental_get_tracing_count() == 1
    # Once inside the graph of `bokeh` and once by itself.
    assert compiled.network.experimental_get_tracing_count() <= 2


def test_network_gives_all_held_levels(pyramid, loaded, exported):
    image = np.random.default_rng(1).random((2, 64, 96, 4), np.float32)
    outputs, expected = loaded.network(image), pyramid(image)
    assert loaded.levels == (1, 2, 3, 4, 5, 6, 7)
    assert saved_model_folder.saved_levels(exported) == [1, 2, 3, 4, 5, 6, 7]
    assert set(outputs) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(outputs[name], value, atol=1e-6)
    np.testing.assert_array_equal(loaded.pyramid()(image)["level_1"], expected["level_1"])


def test_coarse_model_holds_no_finer_level(pyramid, tmp_path):
    saved_model.write(pyramid, described(5, 5), tmp_path / "level_5")
    assert saved_model_folder.saved_levels(tmp_path / "level_5") == [5, 6, 7]
    variables = tmp_path / "level_5" / "variables" / "variables"
    names = [name for name, _ in tf.train.list_variables(str(variables))]
    assert len(names) < len(pyramid.weights), "weights of finer levels are dead weight"
    with pytest.raises(InputError, match="holds levels 5 to 7, not 3"):
        loading.load_model(tmp_path / "level_5", 3)


def test_saved_models_of_the_head_residual_render(tmp_path):
    pyramid = model.pynet(width=0.05, head="residual", largest_kernel=3)
    run = Description(1, 0.05, True, "residual", {}, 1, largest_kernel=3)
    saved_model.write(pyramid, run, tmp_path / "model")
    photo, depth = sample(128, 192)
    image = signatures.to_image(photo[None], depth[None], HALF_PHOTO_DEPTH)
    expected = signatures.to_bokeh(pyramid(image)["level_1"], 128, 192, 1)[0].numpy()
    loaded = loading.load_model(tmp_path / "model")
    assert np.abs(loaded.render(photo, depth).astype(int) - expected).max() <= 1
    with pytest.raises(InputError, match="chooses focus and blur by itself"):
        loaded.render(photo, depth, LensSettings(blur=2.0))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A SavedModel that is told the defocus."""
    folder = tmp_path_factory.mktemp("told") / "model"
    pyramid = model.pynet(width=0.05, head="defocus", largest_kernel=3)
    run = Description(1, 0.05, True, "defocus", {}, 1, largest_kernel=3)
    saved_model.write(pyramid, run, folder)
    return folder


@pytest.fixture(scope="module")
def told_loaded(told):
    """The same as the package and as TensorFlow load it."""
    return loading.load_model(told), tf.saved_model.load(str(told))


@pytest.mark.parametrize(
    ("point", "blur", "said"),
    [
        ((1.4, 0.3), 1.0, "the point has to be x and y from 0 to 1"),
        ((0.5, float("nan")), 1.0, "the point has to be x and y from 0 to 1"),
        ((0.5, 0.5), float("nan"), "the blur has to be 0 to 25 percent"),
        ((0.5, 0.5), -1.0, "the blur has to be 0 to 25 percent"),
        ((0.5, 0.5), 26.0, "the blur has to be 0 to 25 percent"),
    ],
)
def test_refocus_refuses_what_is_no_point_or_blur(told_loaded, point, blur, said):
    photo, depth = sample(64, 96)
    given = {"photo": photo, "depth": depth, "point": np.float32(point), "blur": np.float32(blur)}
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        told_loaded[1].signatures["refocus"](**{k: tf.constant(v) for k, v in given.items()})


@pytest.mark.parametrize("size", [(128, 192), (131, 201), (96, 2401)])
def test_signatures_focus_and_blur_as_the_lens_does(told_loaded, size):
    photo, depth = sample(*size)
    loaded, made = told_loaded[0], told_loaded[1].signatures

    network = ToldNetwork(lambda image: loaded.network(image)["level_1"].numpy(), 1, "exported")
    # Networks work on copies of up to 2200 pixels.
    prepared = network.prepare(photo, depth)
    assert prepared.halvings == (size[1] > 2200)
    photo_, depth_ = tf.constant(photo), tf.constant(depth)
    for chosen, picture in (
        (None, made["serving_default"](photo=photo_, depth=depth_)),
        (
            LensSettings((0.31, 0.62), 2.5),
            made["refocus"](
                photo=photo_, depth=depth_, point=tf.constant([0.31, 0.62]), blur=tf.constant(2.5)
            ),
        ),
    ):
        expected = network.render_prepared(prepared, chosen or LensSettings()).astype(int)
        # The few pixels between near and far that belong to both may go to the other one.
        assert (np.abs(picture["bokeh"].numpy() - expected) > 1).mean() < 0.01
    first, second = (
        made["refocus"](
            photo=photo_, depth=depth_, point=tf.constant(point), blur=tf.constant(2.5)
        )["bokeh"].numpy()
        for point in ([0.31, 0.62], [0.9, 0.1])
    )
    assert np.abs(first.astype(int) - second).mean() > 1
    batch = made["batch"](photos=photo_[None], depths=depth_[None])["bokeh"][0].numpy()
    alone = made["serving_default"](photo=photo_, depth=depth_)["bokeh"].numpy()
    assert np.abs(batch.astype(int) - alone).max() <= 1


def test_blur_of_none_gives_the_photo(told_loaded):
    photo, depth = sample(131, 201)
    loaded, _ = told_loaded
    np.testing.assert_array_equal(loaded.render(photo, depth, LensSettings(blur=0.0)), photo)


def test_networks_of_the_head_light_are_refused_but_their_saved_models_render(tmp_path):
    """A SavedModel of earlier versions: the whole photo folded, and the depth map."""
    folded = Description(1, 0.05, True, "light", {}, 1)

    def network(image):
        return {f"level_{level}": _level(image, level) for level in model.LEVELS}

    made = tf.Module()
    image = tf.TensorSpec([None, None, None, 13], tf.float32, name="image")
    made.network = tf.function(network, input_signature=[image], autograph=False)
    default = signatures.signatures(lambda image: _level(image, 1), 1, folded.input)
    tf.saved_model.save(made, str(tmp_path / "old"), default | {"network": made.network})
    description = tmp_path / "old" / saved_model_folder.DESCRIPTION
    description.parent.mkdir(exist_ok=True)
    description.write_text(json.dumps(dataclasses.asdict(folded)))
    photo, depth = sample(128, 192)
    loaded = loading.load_model(tmp_path / "old")
    half = images.resize(depth, 64, 96).repeat(2, 0).repeat(2, 1)[..., None]
    expected = np.minimum(photo / 255 * 0.5 + half / 255 * 0.5, 1) * 255
    for render in (loaded.render, tiling.renderer(loaded, area=10)):
        assert np.abs(render(photo, depth) - expected).max() < 3

    with pytest.raises(InputError, match="leave --fast out"):
        litert_cache.write_form(tmp_path / "old", 1, "int8", tmp_path / "old.tflite")

    shutil.copytree(tmp_path / "old", tmp_path / "run" / "level_1")
    description = json.dumps(dataclasses.asdict(folded))
    (tmp_path / "run" / "level_1" / "run.json").write_text(description)
    (tmp_path / "run" / "level_1" / "step_00000001.npz").write_bytes(b"weights")
    with pytest.raises(InputError, match="head light of earlier versions"):
        loading.load_model(tmp_path / "run")


def _level(image, level):
    """Half of the photo and half of the depth map."""
    photo = tf.nn.depth_to_space(image[..., :12], 2)
    depth = tf.nn.depth_to_space(tf.concat([image[..., 12:]] * 12, -1), 2)
    side = 2 ** (level - 1)
    return tf.nn.avg_pool2d(0.5 * photo + 0.5 * depth, side, side, "VALID")


def test_without_depth(tmp_path):
    pyramid = vivid(model.pynet(**NARROW, depth=False))
    run = described(7, 1, depth=False)
    saved_model.write(pyramid, run, tmp_path / "model")
    loaded = loading.load_model(tmp_path / "model")
    photo, depth = sample(100, 140)
    assert not loaded.needs_depth
    np.testing.assert_array_equal(loaded.render(photo), loaded.render(photo, depth))
    signature = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    assert set(signature.structured_input_signature[1]) == {"photo"}


def test_refuses_small_photos_and_missing_depth(loaded, exported):
    photo, depth = sample(64, 63)
    with pytest.raises(InputError, match="63x64 pixels"):
        loaded.render(photo, depth)
    with pytest.raises(InputError, match="needs the photo's depth map"):
        loaded.render(sample(64, 64)[0])
    signature = tf.saved_model.load(str(exported)).signatures["serving_default"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least 64 pixels"):
        signature(photo=tf.constant(photo), depth=tf.constant(depth))


def test_refuses_folders_that_hold_no_model(tmp_path):
    with pytest.raises(InputError, match="not there or not a folder"):
        loading.load_model(tmp_path / "missing")
    with pytest.raises(InputError, match="holds no model; give a folder written by pynet_tf"):
        loading.load_model(tmp_path)
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(InputError, match="is a SavedModel, but not one of PyNET"):
        loading.load_model(tmp_path / "other")
    (tmp_path / "run" / "level_3").mkdir(parents=True)
    with pytest.raises(InputError, match="has no trained level"):
        loading.load_model(tmp_path / "run")


def test_refuses_damaged_saved_models(exported, tmp_path):
    for name, damage in {
        "short_graph": lambda folder: _shorten(folder / "saved_model.pb"),
        "short_weights": lambda folder: _shorten(
            folder / "variables" / "variables.data-00000-of-00001"
        ),
        "no_weights": lambda folder: shutil.rmtree(folder / "variables"),
        "no_description": lambda folder: (folder / saved_model_folder.DESCRIPTION).unlink(),
        "bad_description": lambda folder: (folder / saved_model_folder.DESCRIPTION).write_text(
            "{}"
        ),
    }.items():
        folder = tmp_path / name
        shutil.copytree(exported, folder)
        damage(folder)
        with pytest.raises(InputError, match=name):
            loading.load_model(folder)


def _shorten(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_refuses_weights_that_are_no_numbers_by_name(pyramid, tmp_path):
    weight = next(w for w in pyramid.weights if w.path == "level_3_f5_conv3_1/kernel")
    good = weight.numpy()
    try:
        weight.assign(np.full(good.shape, np.nan))
        run = described(1, 5)
        with pytest.raises(InputError, match="level_3_f5_conv3_1/kernel"):
            saved_model.write(pyramid, run, tmp_path / "model")
        assert not (tmp_path / "model").exists()
        with pytest.raises(InputError, match="level_3_f5_conv3_1/kernel"):
            loading.refuse_nonfinite(pyramid.weights, "the model")
    finally:
        weight.assign(good)


def test_refuses_saved_models_with_weights_that_are_no_numbers(tmp_path, monkeypatch):
    broken = model.pynet(**NARROW)
    weight = next(w for w in broken.weights if w.path == "level_7_a3_conv3_1/kernel")
    weight.assign(np.full(weight.shape, np.inf))
    with monkeypatch.context() as patched:
        patched.setattr(loading, "refuse_nonfinite", lambda *_: None)
        run = described(7, 5)
        saved_model.write(broken, run, tmp_path / "model")
    with pytest.raises(InputError, match="level_7_a3_conv3_1/kernel"):
        loading.load_model(tmp_path / "model")


IMPORTS_ONLY_TENSORFLOW = """
import json, sys
import tensorflow as tf
signatures = tf.saved_model.load(sys.argv[1]).signatures
results = []
for height, width, rows, columns in json.loads(sys.argv[2]):
    photo = tf.cast(tf.random.uniform((height, width, 3), 0, 256, tf.int32), tf.uint8)
    depth = tf.cast(tf.random.uniform((rows, columns), 0, 256, tf.int32), tf.uint8)
    bokeh = signatures["serving_default"](photo=photo, depth=depth)["bokeh"]
    results.append([bokeh.dtype.name, *bokeh.shape])
image = tf.random.uniform((2, 32, 64, 4))
outputs = signatures["network"](image=image)
loaded = [name for name in ("keras", "pynet_tf") if name in sys.modules]
print(json.dumps({"sizes": results, "levels": sorted(outputs), "loaded": loaded}))
"""


def test_other_programs_need_only_tensorflow(exported, tmp_path):
    sizes = [
        (64, 64, 32, 32),
        (513, 767, 256, 383),
        (513, 767, 257, 384),
        (1024, 1536, 1024, 1536),
        (1500, 2000, 333, 501),
    ]
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS_ONLY_TENSORFLOW, str(exported), json.dumps(sizes)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["sizes"] == [["uint8", height, width, 3] for height, width, _, _ in sizes]
    assert told["levels"] == [f"level_{level}" for level in range(1, 8)]
    assert "pynet_tf" not in told["loaded"]
