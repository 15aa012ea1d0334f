import matplotlib
import numpy as np
import pytest
from PIL import Image

from pynet_tf.depth.command import main
from pynet_tf.depth.normalization import normalize_files, normalize_map, read_map
from pynet_tf.errors import InputError

DISTANCES = np.tile(np.geomspace(0.5, 20, 60), (40, 1))
# Near = bright, 0..255: the nearest column is the first.
EXPECTED = np.round((1 / DISTANCES - 1 / 20) / (1 / 0.5 - 1 / 20) * 255).astype(np.uint8)
MILLIMETRES = np.round(DISTANCES * 1000).astype(np.uint16)
LEVELS = (EXPECTED.astype(np.uint16) * 257)[:, ::-1]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("map.png", EXPECTED),
        ("map.png", MILLIMETRES),
        ("map.tif", MILLIMETRES),
        ("map.tiff", DISTANCES.astype(np.float32)),
        ("map.npy", EXPECTED),
        ("map.npy", MILLIMETRES),
        ("map.npy", DISTANCES),
    ],
)
def test_reads_every_bit(tmp_path, name, values):
    if name.endswith("npy"):
        np.save(tmp_path / name, values)
    else:
        Image.fromarray(values).save(tmp_path / name)
    np.testing.assert_array_equal(read_map(tmp_path / name), values)


@pytest.mark.parametrize("shape", [(1, 40, 60), (40, 60, 1), (1, 1, 40, 60)])
def test_extra_sides_of_arrays_are_dropped(tmp_path, shape):
    np.save(tmp_path / "map.npy", DISTANCES.reshape(shape))
    np.testing.assert_array_equal(read_map(tmp_path / "map.npy"), DISTANCES)


@pytest.mark.parametrize(
    ("values", "invert"),
    [
        (EXPECTED, None),
        (255 - EXPECTED, "auto"),
        (LEVELS[:, ::-1], None),
        (65535 - LEVELS[:, ::-1], "levels"),
        (1 / DISTANCES, None),
        (-5 / DISTANCES + 3, "levels"),
        (DISTANCES, "auto"),
        (DISTANCES.astype(np.float16), "auto"),
        (DISTANCES * 1e30, "distance"),
        (MILLIMETRES, "distance"),
    ],
)
def test_every_form_of_the_same_scene_gives_the_same_map(values, invert):
    depth = normalize_map(values, invert)
    assert depth.dtype == np.uint8
    assert abs(depth.astype(int) - EXPECTED).max() <= 1


def test_missing_distances_are_filled_from_beside_and_infinite_ones_are_far():
    values = DISTANCES.copy()
    values[3:5, 10:12] = 0
    values[7, 20] = np.nan
    values[8, 30] = -1
    depth = normalize_map(values, "distance")
    assert abs(depth.astype(int) - EXPECTED).max() <= 255 * 0.1
    values[:, -1] = np.inf
    assert (normalize_map(values, "distance")[:, -1] == 0).all()


@pytest.mark.parametrize("values", [np.full((4, 4), 3), np.full((4, 4), np.nan), np.zeros((4, 4))])
@pytest.mark.parametrize("invert", [None, "levels", "distance"])
def test_map_without_content_is_refused(values, invert):
    with pytest.raises(InputError, match="nothing to stretch"):
        normalize_map(values, invert)


def test_becomes_half_the_photos_size():
    depth = normalize_map(EXPECTED, photo_size=(201, 300))
    assert depth.shape == (100, 150)
    assert (depth.min(), depth.max()) == (0, 255)
    assert normalize_map(EXPECTED.T, photo_size=(300, 200)).shape == (150, 100)


def test_grey_in_three_channels_is_read_and_false_colour_refused(tmp_path):
    Image.fromarray(np.repeat(EXPECTED[..., None], 3, -1)).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_map(tmp_path / "grey.png"), EXPECTED)
    colour = np.stack([EXPECTED, 255 - EXPECTED, EXPECTED // 2], -1)
    Image.fromarray(colour).save(tmp_path / "colour.png")
    with pytest.raises(InputError, match=r"colour\.png is coloured"):
        read_map(tmp_path / "colour.png")


def test_wrong_arrays_are_refused_and_pickles_not_run(tmp_path):
    good = tmp_path / "good.npy"
    np.save(good, DISTANCES)
    bad = {name: tmp_path / f"{name}.npy" for name in ("cut", "pickle", "text", "rgb", "words")}
    bad["cut"].write_bytes(good.read_bytes()[:-8])
    np.save(bad["pickle"], np.array([{"a": 1}]), allow_pickle=True)
    bad["text"].write_text("no array")
    np.save(bad["rgb"], np.zeros((4, 5, 3)))
    np.save(bad["words"], np.array([["a", "b"], ["c", "d"]]))
    bad["huge"] = tmp_path / "huge.npy"
    with open(bad["huge"], "wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**7, 10**7)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(1000))
    bad["missing"] = tmp_path / "missing.npy"
    bad["empty"] = tmp_path / "empty.npy"
    bad["empty"].touch()
    for path in bad.values():
        with pytest.raises(InputError) as error:
            read_map(path)
        assert str(path) in str(error.value)


def test_zeros_are_holes_where_what_is_beside_them_is_far_from_zero():
    # Dark = near, and the nearest column is 0: no hole.
    values = (255 - EXPECTED).copy()
    values[3:6, 30:34] = 0
    values[20, 59] = 0
    said = []
    depth = normalize_map(values, "levels", say=said.append)
    assert abs(depth.astype(int) - EXPECTED).max() <= 6
    assert said == [
        "0.54% of its values are 0, far from those beside them, and taken for holes, which are "
        "filled from beside"
    ]


def test_zeros_of_a_sensor_that_begins_far_from_zero_are_holes():
    values = 500 + np.tile(np.arange(60, dtype=np.uint16) * 40, (40, 1))
    whole = normalize_map(values, "levels")
    # A shadow of the sensor: beside what is nearest.
    values[:, 2:5] = 0
    assert abs(normalize_map(values, "levels").astype(int) - whole).max() <= 9


def test_what_is_no_map_of_its_photo_is_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    maps = {"across": EXPECTED.T, "beside": np.hstack([EXPECTED, EXPECTED])}
    for name, values in maps.items():
        np.save(tmp_path / f"{name}.npy", values)
        Image.new("RGB", (120, 80)).save(tmp_path / "photos" / f"{name}.jpg")
    paths = [tmp_path / f"{name}.npy" for name in maps]
    across, beside = (error for _, error in normalize_files(paths, photos=tmp_path / "photos"))
    assert "across.npy is 40x60" in str(across)
    assert "beside its photo" in str(beside)


def test_coloured_maps_are_turned_back(tmp_path):
    coloured = matplotlib.colormaps["inferno"](EXPECTED, bytes=True)[..., :3]
    Image.fromarray(coloured).save(tmp_path / "map.png")
    said = []
    values = read_map(tmp_path / "map.png", said.append)
    assert abs(values.astype(int) - EXPECTED).max() <= 2
    assert said == ["read back from the colours of inferno"]


def test_a_map_that_seems_turned_over_is_named(tmp_path):
    np.save(tmp_path / "map.npy", np.linspace(255, 0, 40)[:, None] * np.ones(60))
    said = []
    list(normalize_files([tmp_path / "map.npy"], say=said.append))
    assert "give --invert levels" in said[0]
    said.clear()
    np.save(tmp_path / "map.npy", np.linspace(10, 255, 40)[:, None] * np.ones(60))
    list(normalize_files([tmp_path / "map.npy"], "levels", say=said.append))
    assert "leave --invert out" in said[0]


def test_command_normalizes_a_folder(tmp_path, monkeypatch, capsys):
    maps, photos = tmp_path / "maps", tmp_path / "photos"
    maps.mkdir()
    photos.mkdir()
    Image.fromarray(MILLIMETRES).save(maps / "a.png")
    Image.fromarray(MILLIMETRES).save(maps / "alone.tiff")
    Image.fromarray(MILLIMETRES).save(maps / "across.png")
    (maps / "bad.png").write_text("no picture")
    Image.new("RGB", (180, 120)).save(photos / "a.JPG")
    Image.new("RGB", (120, 180)).save(photos / "across.jpg")
    command = ("--normalize", "maps", "--output", "depth", "--photos", "photos")
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--invert", "distance"]) == 1
    said = capsys.readouterr()
    assert "bad.png" in said.err
    assert "across.png is 60x40 and photos/across.jpg is 120x180" in said.err
    assert "alone.tiff: photos holds no photo of this name, so it keeps its size" in said.out
    assert "2 maps made, 0 were there already, 2 failed" in said.out
    assert sorted(path.name for path in (tmp_path / "depth").iterdir()) == ["a.png", "alone.png"]
    assert Image.open(tmp_path / "depth" / "a.png").size == (90, 60)
    alone = np.array(Image.open(tmp_path / "depth" / "alone.png"))
    assert abs(alone.astype(int) - EXPECTED).max() <= 1
