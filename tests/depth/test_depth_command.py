import subprocess
import sys

import keras
import numpy as np
import pytest
from megadepth_tensors import seeded_tensors
from PIL import Image

from pynet_tf.depth.command import main
from pynet_tf.depth.estimators import megadepth, megadepth_network
from pynet_tf.depth.estimators.megadepth import estimate_depth, estimate_maps, network_size
from pynet_tf.depth.estimators.megadepth_network import load_state, save_megadepth
from pynet_tf.depth.map_form import stretch
from pynet_tf.errors import InputError


@pytest.fixture(scope="module")
def bright_is_far():
    """A network whose log depth is the photo's brightness: what it should give is known."""
    layer = keras.layers.Conv2D(
        1, 1, kernel_initializer=keras.initializers.Constant(1 / 3), use_bias=False
    )
    return keras.Sequential([keras.Input((None, None, 3)), layer])


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    model = megadepth_network.megadepth()
    load_state(model, seeded_tensors())
    path = tmp_path_factory.mktemp("weights") / "seeded.weights.h5"
    save_megadepth(model, path)
    return path


def photo_of(height, width, seed=0):
    """Smooth colours with a dark square."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(120, 250, (4, 4, 3), np.uint8))
    photo = np.array(small.resize((width, height), Image.Resampling.BICUBIC))
    photo[height // 4 : height // 2, width // 4 : width // 2] = 10
    return photo


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (1536, 2048, (384, 512)),
        (2048, 1536, (512, 384)),
        (1024, 1536, (352, 544)),
        (1080, 1920, (320, 576)),
        (500, 500, (448, 448)),
        (64, 64, (448, 448)),
        (1, 10000, (96, 1760)),
    ],
)
def test_network_sees_the_photos_own_shape(height, width, expected):
    assert network_size(height, width) == expected


def test_all_photos_share_a_few_network_sizes():
    sizes = {network_size(1000, round(1000 * ratio)) for ratio in np.geomspace(1 / 20, 20, 5000)}
    assert len(sizes) < 120
    for height, width in sizes:
        assert height % 32 == width % 32 == 0
        assert 0.8 < height * width / (384 * 512) < 1.2
    everyday = {network_size(1024, width) for width in range(1350, 1771)}
    assert len(everyday) <= 10


@pytest.mark.parametrize(("height", "width"), [(90, 160), (160, 90), (101, 67), (1, 1)])
@pytest.mark.parametrize("refine", [False, True])
def test_map_is_half_the_photos_size(bright_is_far, height, width, refine):
    depth = estimate_depth(photo_of(height, width), bright_is_far, refine=refine)
    assert depth.dtype == np.uint8
    assert depth.shape == (max(height // 2, 1), max(width // 2, 1))


@pytest.mark.parametrize("shape", [(200, 300), (300, 200)])
def test_near_is_bright_and_where_it_is_in_the_photo(bright_is_far, shape):
    depth = estimate_depth(photo_of(*shape), bright_is_far)
    near = np.zeros(depth.shape, bool)
    near[shape[0] // 8 : shape[0] // 4, shape[1] // 8 : shape[1] // 4] = True
    assert (depth.min(), depth.max()) == (0, 255)
    assert np.median(depth[near]) > 240
    assert np.median(depth[~near]) < 100


def test_refining_sharpens_the_edges_that_the_photo_has(bright_is_far):
    photo = photo_of(1600, 2400)
    row = 1600 * 3 // 16
    plain = estimate_depth(photo, bright_is_far)[row].astype(float)
    refined = estimate_depth(photo, bright_is_far, refine=True)[row].astype(float)
    edge = slice(300 - 3, 300 + 3)
    assert abs(np.diff(refined[edge])).max() > 1.5 * abs(np.diff(plain[edge])).max()
    assert abs(refined - plain).mean() < 5


def test_depths_beyond_the_exponentials_range_are_no_problem(bright_is_far):
    huge = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Rescaling(300, -2000)])
    depth = estimate_depth(photo_of(64, 64), keras.Sequential([huge, bright_is_far]))
    assert (depth.min(), depth.max()) == (0, 255)


def test_weights_that_give_no_number_are_reported():
    broken = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Rescaling(np.nan)])
    with pytest.raises(InputError, match="no finite depth"):
        estimate_depth(photo_of(64, 64), broken)


def test_one_traced_graph_serves_all_sizes(bright_is_far):
    for shape in ((64, 96), (96, 64), (64, 64), (200, 90)):
        estimate_depth(photo_of(*shape), bright_is_far)
    assert megadepth._graph(bright_is_far).experimental_get_tracing_count() == 1


@pytest.mark.parametrize("refine", [False, True])
def test_batches_give_what_single_photos_give(bright_is_far, tmp_path, refine):
    shapes = [(64, 96), (96, 64), (128, 192), (64, 96), (66, 98), (96, 64)]
    paths = []
    for number, shape in enumerate(shapes):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(photo_of(*shape, seed=number)).save(paths[-1])
    (tmp_path / "bad.png").write_text("no picture")
    paths.insert(2, tmp_path / "bad.png")
    batched = dict(estimate_maps(paths, bright_is_far, batch_size=3, refine=refine))
    assert set(batched) == set(paths)
    assert isinstance(batched.pop(tmp_path / "bad.png"), InputError)
    for path, depth in batched.items():
        alone = estimate_depth(np.array(Image.open(path)), bright_is_far, refine)
        np.testing.assert_array_equal(depth, alone)


def test_stretching_what_is_stretched_changes_nothing():
    depth = photo_of(200, 300)[..., 0]
    once = stretch(depth)
    assert (once.min(), once.max()) == (0, 255)
    np.testing.assert_array_equal(stretch(once), once)


def test_stretch_keeps_the_contrast_despite_outliers():
    values = np.linspace(0, 1, 10_000).reshape(100, 100)
    values[0, 0] = 1e6
    assert abs(stretch(values)[50, 50] - 127) <= 2
    assert stretch(np.full((3, 3), 7.0)).tolist() == [[0] * 3] * 3
    lone = np.zeros((100, 100))
    lone[5, 5] = 0.1
    assert stretch(lone)[5, 5] == 255


def test_command_makes_the_maps_of_a_folder_and_survives_a_bad_photo(
    bright_is_far, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(megadepth, "load", lambda _: megadepth.MegaDepth(bright_is_far))
    (tmp_path / "net.weights.h5").touch()
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(photo_of(64, 96)).save(photos / "wide.jpg")
    Image.fromarray(photo_of(97, 64)).save(photos / "tall.PNG")
    (photos / "bad.jpg").write_bytes((photos / "wide.jpg").read_bytes()[:300])
    command = ("photos", "--model", "net.weights.h5", "--output", "depth")
    assert main(command) == 1
    said = capsys.readouterr()
    assert "bad.jpg" in said.err
    assert "2 maps made, 0 were there already, 1 failed" in said.out
    sizes = {path.name: Image.open(path).size for path in (tmp_path / "depth").iterdir()}
    assert sizes == {"wide.png": (48, 32), "tall.png": (32, 48)}

    (photos / "bad.jpg").unlink()
    (tmp_path / "depth" / "tall.png").write_text("mine")
    assert main(command) == 0
    assert "all 2 maps are in depth already" in capsys.readouterr().out
    assert (tmp_path / "depth" / "tall.png").read_text() == "mine"


def test_one_photos_map_may_be_named(weights, tmp_path):
    Image.fromarray(photo_of(97, 64)).save(tmp_path / "tall.jpg")
    named = tmp_path / "new" / "map.png"
    arguments = [tmp_path / "tall.jpg", "--model", weights, "--output", named]
    assert main([str(argument) for argument in arguments]) == 0
    assert Image.open(named).size == (32, 48)


def test_overwriting_replaces_a_map(weights, tmp_path):
    Image.fromarray(photo_of(97, 64)).save(tmp_path / "tall.png")
    output = tmp_path / "depth"
    output.mkdir()
    (output / "tall.png").write_text("old")
    arguments = ["--model", weights, "--output", output, "--overwrite", "--refine"]
    assert main([str(argument) for argument in (tmp_path / "tall.png", *arguments)]) == 0
    assert Image.open(tmp_path / "depth" / "tall.png").size == (32, 48)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--output out", "name photos, or --normalize"),
        ("a.jpg --normalize . --output out", "name photos, or --normalize"),
        ("a.jpg --model none.weights.h5 --output out", "none.weights.h5 are not there"),
        ("none.jpg --model net.weights.h5 --output out", "none.jpg is not there"),
        ("empty --model net.weights.h5 --output out", "empty holds no file"),
        ("a.jpg a.png --model net.weights.h5 --output out", "both be written as a"),
        ("a.jpg --model net.weights.h5 --output .", "is the folder of a.jpg"),
        ("linked/a.jpg --model net.weights.h5 --output .", "is the folder of linked/a.jpg"),
        ("--normalize maps --photos . --output .", "holds the photos; name another folder"),
        ("a.jpg --model net.weights.h5 --output out --invert", "--invert is for --normalize"),
        ("--normalize . --output out --refine", "--refine is for photos"),
        ("--normalize . --output out --photos none", "--photos none is no folder"),
        ("--normalize . --output out --model net.weights.h5", "--model is for photos"),
        ("--normalize . --output out --batch_size 2", "--batch_size is for photos"),
        ("a.jpg --output out --batch_size 2", "--batch_size is for MegaDepth"),
        ("a.jpg --output out --refine", "--refine is for MegaDepth"),
        ("a.jpg linked --model net.weights.h5 --output out.png", "the name of one picture, and 2"),
        ("a.jpg --model net.weights.h5 --output out.jpg", "cannot be written; end it in .png"),
    ],
)
def test_mistakes_end_with_one_sentence(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "linked", "maps"):
        (tmp_path / name).mkdir()
    for name in ("a.jpg", "a.png", "net.weights.h5", "maps/b.png"):
        (tmp_path / name).touch()
    (tmp_path / "linked" / "a.jpg").symlink_to(tmp_path / "a.jpg")
    with pytest.raises(InputError) as error:
        main(arguments.split())
    assert said in str(error.value)
    assert not (tmp_path / "out").exists()


def test_command_reports_a_mistake_without_a_stack_trace(tmp_path):
    command = [sys.executable, "-m", "pynet_tf.depth", "none.jpg", "--output", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "pynet_tf.depth: error: none.jpg is not there; check the name\n"


def test_pytorch_weights_are_sent_to_the_converter(tmp_path):
    Image.fromarray(photo_of(64, 64)).save(tmp_path / "a.png")
    (tmp_path / "net.pth").write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
    command = [str(tmp_path / "a.png"), "--model", str(tmp_path / "net.pth"), "--output", "out"]
    with pytest.raises(InputError, match=r"of MegaDepth's \.pth tools/convert_megadepth\.py makes"):
        main(command)
