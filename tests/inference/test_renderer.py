"""Networks behind `inference.load`: LiteRT forms that are kept, and TensorFlow for the others."""

import subprocess
import sys

import numpy as np
import pytest

from pynet_tf import inference, model
from pynet_tf.errors import InputError
from pynet_tf.export import saved_model
from pynet_tf.inference import litert_cache, network_input, renderer
from pynet_tf.inference.litert_runtime import LiteRTNetwork
from pynet_tf.io import images
from pynet_tf.lens.focus import LensSettings
from pynet_tf.runs.run_directory import RunDirectory

TOLD = {"width": 0.05, "head": "defocus", "largest_kernel": 3}


def sample(height=130, width=190):
    """A smooth photo, and a map that is near in its left half."""
    cells = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    depth = np.full((height // 2, width // 2), 40, np.uint8)
    depth[:, : width // 4] = 210
    return images.resize(cells, height, width), depth


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The user's cache folder, new and empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A level 3 that is told the defocus, as a run directory and as a SavedModel."""
    place = tmp_path_factory.mktemp("told")
    pyramid = model.pynet(**TOLD, seed=1)
    rng = np.random.default_rng(0)
    for weight in pyramid.weights:
        if "head" in weight.path:
            weight.assign(0.003 * rng.standard_normal(weight.shape))
    RunDirectory(place / "run").save(3, pyramid, {}, **TOLD)
    described = RunDirectory(place / "run").level(3).describe()
    saved_model.write(pyramid, described, place / "saved")
    return place


@pytest.fixture
def kept(told, monkeypatch):
    """The cache folder of all that is kept of `told`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(told / "cache"))


def test_the_picture_is_tensorflows_whatever_a_network_is_kept_as(told, kept):
    photo, depth = sample()
    told_to = {"focus": (0.2, 0.5), "blur": 3.0}
    lite = inference.load(told / "run").render(photo, depth, **told_to)
    by_tensorflow = inference.load(told / "saved").render(photo, depth, **told_to)
    assert lite.dtype == np.uint8
    assert lite.shape == photo.shape
    assert np.abs(lite.astype(int) - by_tensorflow).max() <= 1
    assert np.abs(lite[:, 120:].astype(int) - photo[:, 120:]).mean() > 2, "the far half is blurred"
    quick = inference.load(told / "run", fast=True).render(photo, depth, **told_to)
    assert 0 < np.abs(quick.astype(int) - lite).mean() < 3


def test_a_form_is_made_once_and_anew_when_the_weights_change(tmp_path, cache):
    network = model.pynet(width=0.05, largest_kernel=3, head="residual", seed=None)
    photo, depth = sample(64, 96)
    means = []
    for colour in (0.1, -0.1):
        network.get_layer("level_7_head").bias.assign([colour, 0.0, -colour])
        kind = {"width": 0.05, "largest_kernel": 3, "head": "residual"}
        RunDirectory(tmp_path / "run").save(7, network, {}, **kind)
        forms = [litert_cache.form(tmp_path / "run", None, "int8") for _ in range(2)]
        assert forms[0] == forms[1]
        means.append(inference.load(tmp_path / "run", fast=True).render(photo, depth).mean((0, 1)))
    assert len(list(cache.rglob("*.tflite"))) == 2
    assert means[0][0] > means[1][0] + 10
    assert means[0][2] < means[1][2] - 10


def test_a_form_is_made_anew_when_the_code_of_the_network_changes(told, tmp_path, monkeypatch):
    code = tmp_path / "model" / "pyramid.py"
    code.parent.mkdir()
    monkeypatch.setattr(litert_cache, "_CODE", (code.parent,))
    monkeypatch.setattr(litert_cache, "cache_folder", lambda name: tmp_path / name)
    monkeypatch.setattr(litert_cache, "write_form", lambda *_: None)
    forms = []
    for content in ("before", "before", "after"):
        code.write_text(content)
        forms.append(litert_cache.form(told / "run", None, "float32"))
    assert forms[0] == forms[1] != forms[2]


def test_a_kept_form_renders_without_tensorflow(told, kept, tmp_path):
    form = litert_cache.form(told / "run", None, "float32")
    photo, depth = sample()
    np.savez(tmp_path / "sample.npz", photo=photo, depth=depth)
    code = (
        "import sys, numpy as np\n"
        "from pynet_tf import inference\n"
        "network = inference.load(sys.argv[1])\n"
        "sample = np.load(sys.argv[2])\n"
        "picture = network.render(sample['photo'], sample['depth'], blur=2.0)\n"
        "assert picture.shape == sample['photo'].shape\n"
        "heavy = {'tensorflow', 'keras'} & set(sys.modules)\n"
        "sys.exit(f'it imported {heavy}' if heavy else 0)"
    )
    for place in (told / "run", form):
        done = subprocess.run(
            [sys.executable, "-c", code, place, tmp_path / "sample.npz"],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_networks_that_choose_for_themselves_refuse_to_be_told(tmp_path):
    kind = {"width": 0.05, "largest_kernel": 3}
    RunDirectory(tmp_path).save(7, model.pynet(**kind, seed=None), {}, **kind)
    network = inference.load(tmp_path)
    assert not network.is_told
    photo, depth = sample(64, 64)
    with pytest.raises(InputError, match="leave out focus and blur"):
        network.render(photo, depth, focus=0.5, blur=2.0)
    with pytest.raises(InputError, match="needs the photo's depth map"):
        network.render(photo)
    with pytest.raises(InputError, match="have to be at least"):
        network.render(photo[:32], depth)


def test_a_package_without_the_network_says_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(litert_cache, "_BOXED", (tmp_path / "small",))
    with pytest.raises(InputError, match=r"small, the network that comes .* name a model"):
        renderer.load()


def unfolded(image):
    """A network that gives the photo back."""
    _, height, width, _ = image.shape
    corners = image[..., :12].reshape(1, height, width, 2, 2, 3)
    return corners.transpose(0, 1, 3, 2, 4, 5).reshape(1, 2 * height, 2 * width, 3)


def test_a_photo_is_prepared_once_for_many_lenses():
    network = renderer.ToldNetwork(unfolded, 1, "unfolded")
    photo, depth = sample()
    np.testing.assert_array_equal(network.render(photo, depth, blur=4.0), photo)
    for largest_side, halvings in ((None, 0), (100, 1)):
        prepared = network.prepare(photo, depth, largest_side)
        assert prepared.halvings == halvings
        for blur in (0.0, 2.0):
            made = network.render_prepared(prepared, LensSettings((0.2, 0.5), blur))
            assert made.shape == photo.shape
            # What is in focus, and all without blur, is the photo's own.
            sharp = np.s_[:, :90] if blur else np.s_[:]
            assert np.abs(made[sharp].astype(int) - photo[sharp]).max() <= 2


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"focus": 1.2}, "focus is 1.2"),
        ({"focus": (0.5, -1.0)}, "y of the focus is -1"),
        ({"blur": float("nan")}, "blur is nan"),
        ({"sharp_range": (0.1, 0.9)}, "sharp_range is 0.9"),
        ({"highlights": -1.0}, "highlights is -1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, told):
    network = renderer.ToldNetwork(unfolded, 1, "unfolded")
    with pytest.raises(InputError, match=told):
        network.render(*sample(64, 96), **settings)


def test_the_forms_that_come_with_the_project_are_of_its_network():
    boxed = litert_cache.boxed_network()
    photo = sample(256, 384)[0].copy()
    # White as it is shown to networks, and discs of all radii: what 16 bits round adds up there.
    photo[::40, ::40] = 255
    defocus = np.linspace(-60, 60, 192, dtype=np.float32) * np.ones((128, 1), np.float32)
    pyramid, described = RunDirectory(boxed).load()
    light = photo * np.float32(network_input.HEADROOM / 255)
    image = network_input.network_input(light, defocus)
    expected = model.level_model(pyramid, described.level)(image).numpy()
    for kind, allowed in (("float32", 1e-3), ("int8", 0.1)):
        form = litert_cache.form(boxed, None, kind)
        assert form.is_relative_to(boxed)
        assert np.abs(LiteRTNetwork(form)(image) - expected).max() < allowed


def test_too_little_memory_for_litert_is_told_apart_from_a_damaged_file():
    run = LiteRTNetwork(litert_cache.boxed_network() / "level_1" / "int8.tflite")
    image = np.zeros((1, 64, 96, 13), np.float32)
    expected = run(image)

    class Full:
        def __init__(self, interpreter):
            self._interpreter = interpreter

        def __getattr__(self, name):
            return getattr(self._interpreter, name)

        def allocate_tensors(self):
            raise RuntimeError("failed to allocate")

    kept, run._interpreter = run._interpreter, Full(run._interpreter)
    with pytest.raises(MemoryError, match="failed to allocate"):
        run(np.zeros((1, 128, 96, 13), np.float32))
    run._interpreter = kept
    np.testing.assert_array_equal(run(image), expected)
