import io
import pickle
import unicodedata
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from ebb_pictures import picture, write_pair
from PIL import Image

import pynet_tf.ebb
from pynet_tf.data import ebb_layout, shards
from pynet_tf.ebb import builder
from pynet_tf.errors import InputError
from pynet_tf.io import images
from pynet_tf.prepare import build_shards

SIZES = {"2": (64, 96), "10": (96, 64), "3": (128, 130)}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    root = tmp_path_factory.mktemp("source")
    for seed, (name, (height, width)) in enumerate(SIZES.items()):
        write_pair(root, name, height, width, seed=seed, lens=False)
    return root


@pytest.fixture(scope="module")
def data_dir(source, tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("data")
    build_shards.build(ebb_layout.scan(source, test_range=(10, 11)), data_dir)
    return data_dir


def test_tfds_load_gives_what_went_in(source, data_dir):
    loaded = list(tfds.load("ebb", data_dir=data_dir, split="train").as_numpy_iterator())
    assert [sample["name"] for sample in loaded] == [b"2", b"3"]
    for sample in loaded:
        name = sample["name"].decode()
        photo = Image.open(source / "original" / f"{name}.jpg")
        half = photo.resize((photo.width // 2, photo.height // 2), Image.Resampling.BICUBIC)
        depth = np.asarray(Image.open(source / "original_depth" / f"{name}.png"))
        assert sample["image"].dtype == np.uint8
        assert np.abs(sample["image"][..., :3].astype(int) - np.asarray(half)).max() <= 1
        np.testing.assert_array_equal(sample["image"][..., 3], depth)
        # TFDS decodes by TensorFlow's quick method.
        assert sample["photo"].shape == np.asarray(photo).shape
        assert np.abs(sample["photo"].astype(int) - np.asarray(photo)).max() <= 8


def test_tfds_load_knows_the_splits(data_dir):
    test = tfds.load("ebb", data_dir=data_dir, split="test")
    assert [sample["name"] for sample in test.as_numpy_iterator()] == [b"10"]
    info = tfds.builder("ebb", data_dir=data_dir).info
    assert {name: split.num_examples for name, split in info.splits.items()} == {
        "train": 2,
        "test": 1,
    }
    assert "ignatov2020rendering" in info.citation
    assert pynet_tf.ebb.Ebb.name == "ebb"


def test_jpegs_are_taken_over_byte_by_byte_and_decode_as_in_pillow(source, data_dir):
    split = shards.open_split(data_dir, "train")
    for index in range(len(split)):
        sample = shards.parse(shards.read(split, index))
        for kind, folder in (("photo", "original"), ("bokeh", "bokeh")):
            path = source / folder / f"{sample['name'].numpy().decode()}.jpg"
            assert sample[kind].numpy() == path.read_bytes()
            decoded = tf.io.decode_jpeg(sample[kind], dct_method="INTEGER_ACCURATE")
            np.testing.assert_array_equal(decoded, np.asarray(Image.open(path)))


@pytest.mark.parametrize("kind", ["png", "rotated", "grey", "cmyk", "progressive", "other_end"])
def test_other_pictures_decode_as_in_pillow_too(kind, tmp_path):
    write_pair(tmp_path, "1", 64, 96, suffix=".png" if kind == "png" else ".jpg")
    path = next((tmp_path / "original").iterdir())
    pixels = picture(5, 64, 96)
    if kind == "rotated":
        exif = Image.Exif()
        exif[0x0112] = 6
        # Rotated by this tag, 96x64 becomes the 64x96 of the bokeh shot.
        Image.fromarray(np.rot90(pixels)).save(path, exif=exif)
    elif kind in ("grey", "cmyk"):
        Image.fromarray(pixels).convert({"grey": "L", "cmyk": "CMYK"}[kind]).save(path)
    elif kind == "progressive":
        Image.fromarray(pixels).save(path, progressive=True)
    elif kind == "other_end":
        path.write_bytes(path.read_bytes().removesuffix(b"\xff\xd9") + b"\xff\xdb")
    expected = images.read_photo(path)
    [pair] = ebb_layout.scan(tmp_path).splits["train"]
    sample = ebb_layout.read_sample(pair)
    decoded = tf.io.decode_jpeg(sample["photo"], channels=3, dct_method="INTEGER_ACCURATE")
    stored = np.asarray(Image.open(io.BytesIO(sample["photo"])).convert("RGB"))
    np.testing.assert_array_equal(decoded, stored)
    assert decoded.shape == (64, 96, 3)
    # The outer columns of a window are off where the colours are subsampled: libjpeg then lacks
    # the neighbours to interpolate from.
    window = tf.io.decode_and_crop_jpeg(
        sample["photo"], [8, 16, 32, 40], channels=3, dct_method="INTEGER_ACCURATE"
    )
    np.testing.assert_array_equal(window[:, 1:-1], stored[8:40, 17:55])
    taken_over = kind in ("grey", "progressive")
    assert (sample["photo"] == path.read_bytes()) == taken_over
    assert np.abs(stored.astype(int) - expected).max() <= (0 if taken_over else 2)
    np.testing.assert_array_equal(sample["image"][..., :3], images.halve(expected))


def test_depth_of_any_size_and_depth_is_resized(tmp_path):
    write_pair(tmp_path, "1", 64, 96)
    depth = picture(3, 120, 184)[..., 0]
    Image.fromarray(depth).save(tmp_path / "original_depth" / "1.png")
    [pair] = ebb_layout.scan(tmp_path).splits["train"]
    expected = Image.fromarray(depth).resize((48, 32), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(ebb_layout.read_sample(pair)["image"][..., 3], expected)


def ground() -> np.ndarray:
    """Near at the bottom, as the ground is in most photos."""
    return np.repeat(np.linspace(0, 255, 32).astype(np.uint8)[:, None], 48, axis=1)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.full((32, 48), 7, np.uint8), "the same everywhere"),
        (np.zeros((1, 1), np.uint8), "too few to be a depth map"),
        (ground().T, "its photo's proportions"),
        (np.hstack([ground(), ground()]), "beside its photo"),
    ],
)
def test_what_is_no_depth_map_of_the_photo_is_refused(values, told, tmp_path):
    write_pair(tmp_path, "1", 64, 96)
    Image.fromarray(values).save(tmp_path / "original_depth" / "1.png")
    [pair] = ebb_layout.scan(tmp_path).splits["train"]
    with pytest.raises(InputError, match=told):
        ebb_layout.read_sample(pair)


def test_odd_depth_maps_are_put_right_or_doubted(tmp_path):
    write_pair(tmp_path, "1", 64, 96)
    [pair] = ebb_layout.scan(tmp_path).splits["train"]
    coloured = matplotlib.colormaps["inferno"](ground(), bytes=True)[..., :3]
    Image.fromarray(coloured).save(pair.depth)
    sample = ebb_layout.read_sample(pair)
    assert np.abs(sample["image"][..., 3].astype(int) - ground()).max() <= 2
    assert sample["doubt"] == "read back from the colours of inferno"
    Image.fromarray(255 - ground()).save(pair.depth)
    assert "near is dark" in ebb_layout.read_sample(pair)["doubt"]
    Image.fromarray(ground()).save(pair.depth)
    assert ebb_layout.read_sample(pair)["doubt"] == ""


@pytest.mark.parametrize(
    ("suffix", "size", "progressive", "own_bytes"),
    [
        (".jpg", (75, 99), False, True),
        (".jpg", (76, 99), True, True),
        # A whole block of the JPEG falls away.
        (".jpg", (73, 98), False, False),
        (".png", (75, 98), False, False),
    ],
)
def test_odd_sides_lose_their_last_row_or_column_and_nothing_else_changes(
    suffix, size, progressive, own_bytes, tmp_path
):
    write_pair(tmp_path, "1", *size, suffix=suffix)
    [pair] = ebb_layout.scan(tmp_path).splits["train"]
    if progressive:
        Image.open(pair.photo).save(pair.photo, progressive=True, quality=95)
    height, width = (side // 2 * 2 for side in size)
    depth = picture(7, 80, 104)[: size[0], : size[1], 0]
    Image.fromarray(depth).save(pair.depth)
    sample = ebb_layout.read_sample(pair)
    for shot, path in (("photo", pair.photo), ("bokeh", pair.bokeh)):
        expected = images.read_photo(path)[:height, :width]
        decoded = tf.io.decode_jpeg(sample[shot], channels=3, dct_method="INTEGER_ACCURATE")
        assert np.abs(decoded.numpy().astype(int) - expected).max() <= 2
    original, kept = pair.photo.read_bytes(), sample["photo"]
    # All but the size in the header.
    assert (len(kept) == len(original) and kept[-60:] == original[-60:]) == own_bytes
    photo = images.read_photo(pair.photo)[:height, :width]
    np.testing.assert_array_equal(sample["image"][..., :3], images.halve(photo))
    # The map's own last column, which Pillow still weighs in at the edge, is all that may differ.
    wanted = images.halve(depth[:height, :width])
    np.testing.assert_array_equal(sample["image"][:-2, :-2, 3], wanted[:-2, :-2])
    assert np.abs(sample["image"][..., 3].astype(int) - wanted).max() < 16


def test_half_size_maps_of_odd_photos_stay_in_place(tmp_path):
    write_pair(tmp_path, "1", 65, 97)
    # Brighter from left to right, as a map of the whole photo has it.
    ramp = np.broadcast_to(np.linspace(0, 255, 49).astype(np.uint8), (33, 49))
    Image.fromarray(ramp).save(tmp_path / "original_depth" / "1.png")
    [pair] = ebb_layout.scan(tmp_path).splits["train"]
    found = ebb_layout.read_sample(pair)["image"][16, :, 3].astype(float)
    # A pixel's middle, in parts of the whole photo's width.
    middle = (np.arange(48) * 2 + 1) / 97
    expected = np.interp(middle * 49 - 0.5, np.arange(49), ramp[0])
    assert np.abs(found - expected)[1:-1].max() <= 1


@pytest.mark.parametrize(
    ("photo", "bokeh", "message"),
    [
        ((63, 96), (64, 96), "96x63 pixels; both sides must be at least 64"),
        ((65, 96), (64, 96), "must be equal"),
        ((64, 96), (96, 64), "must be equal"),
    ],
)
def test_wrong_sizes_are_named(photo, bokeh, message, tmp_path):
    write_pair(tmp_path, "7")
    Image.new("RGB", photo[::-1]).save(tmp_path / "original" / "7.jpg")
    Image.new("RGB", bokeh[::-1]).save(tmp_path / "bokeh" / "7.jpg")
    [pair] = ebb_layout.scan(tmp_path).splits["train"]
    with pytest.raises(InputError, match=message) as error:
        ebb_layout.read_sample(pair)
    assert "7.jpg" in str(error.value)


def test_names_sort_by_their_numbers_and_may_have_gaps(tmp_path):
    for name in ("10", "9", "100", "img_2", "b"):
        write_pair(tmp_path, name)
    source = ebb_layout.scan(tmp_path)
    names = [pair.name for pair in source.splits["train"]]
    assert names == ["9", "10", "100", "b", "img_2"]
    split = ebb_layout.scan(tmp_path, test_range=(2, 10)).splits
    assert [pair.name for pair in split["test"]] == ["9", "img_2"]
    assert [pair.name for pair in split["train"]] == ["10", "100", "b"]


def test_names_match_however_their_accents_are_written(tmp_path):
    composed, apart = (
        unicodedata.normalize(form, "\N{LATIN SMALL LETTER U WITH DIAERESIS}1")
        for form in ("NFC", "NFD")
    )
    write_pair(tmp_path, composed, lens=False)
    (tmp_path / "bokeh" / f"{composed}.jpg").rename(tmp_path / "bokeh" / f"{apart}.jpg")
    (tmp_path / "lens").mkdir()
    (tmp_path / "lens" / f"{apart}.json").write_text('{"focus": 0.5, "blur": 1.0}')
    listed = tmp_path / "list.txt"
    listed.write_text(f"{apart}\n", encoding="utf-8")
    [pair] = ebb_layout.scan(tmp_path).splits["train"]
    assert (pair.name, pair.lens) == (composed, (0.5, 1.0))
    with pytest.raises(InputError, match="no complete pair"):
        ebb_layout.scan(tmp_path, leave_out=listed)


def test_pictures_of_all_kinds_are_found_and_what_is_left_out_is_named(tmp_path):
    write_pair(tmp_path, "1", suffix=".gif")
    write_pair(tmp_path, "2")
    (tmp_path / "original" / "2.jpg").rename(tmp_path / "original" / "2.dng")
    (tmp_path / "original" / "2.xmp").touch()
    found = ebb_layout.scan(tmp_path)
    assert [pair.name for pair in found.splits["train"]] == ["1"]
    assert found.incomplete == {
        "train: in original raw files, which have to be developed to JPEG, PNG or TIFF first": (
            "2.dng",
        ),
        "train: no photo": ("2",),
    }


def test_shards_are_planned_in_order_and_small(source, tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "SHARD_BYTES", 40_000)
    listed = ebb_layout.scan(source)
    build_shards.build(listed, tmp_path)
    split = shards.open_split(tmp_path, "train")
    assert len(split.paths) == 2
    assert split.shard.tolist() == [0, 0, 1]
    loaded = tfds.load("ebb", data_dir=tmp_path, split="train").as_numpy_iterator()
    assert [sample["name"] for sample in loaded] == [b"2", b"3", b"10"]


def test_a_shard_left_empty_by_bad_files_is_no_trouble(source, tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "SHARD_BYTES", 1)
    pairs = ebb_layout.scan(source).splits["train"]
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(pairs[1].photo.read_bytes()[:300])
    bad = ebb_layout.Pair("3", broken, pairs[1].bokeh, pairs[1].depth)
    listed = ebb_layout.Source({"train": (pairs[0], bad, pairs[2])}, {})
    report = build_shards.build(listed, tmp_path)
    assert report.counts == {"train": 2}
    assert "broken.jpg" in report.failed[0]
    split = shards.open_split(tmp_path, "train")
    assert split.shard.tolist() == [0, 2]
    loaded = tfds.load("ebb", data_dir=tmp_path, split="train").as_numpy_iterator()
    assert [sample["name"] for sample in loaded] == [b"2", b"10"]


def test_the_builder_prepares_from_tfds_manual_folder(source, tmp_path):
    made = pynet_tf.ebb.Ebb(data_dir=tmp_path)
    config = tfds.download.DownloadConfig(manual_dir=source)
    made.download_and_prepare(download_config=config)
    assert len(shards.open_split(tmp_path, "train")) == 3


def test_every_shard_can_be_a_task_of_its_own(source, tmp_path, monkeypatch):
    """As Beam does it: sent to another process, in any order, each into a file of its own."""
    monkeypatch.setattr(builder, "SHARD_BYTES", 40_000)
    listed = ebb_layout.scan(source)
    build_shards.build(listed, tmp_path / "here")
    expected = [
        Path(path).read_bytes() for path in shards.open_split(tmp_path / "here", "train").paths
    ]
    made = pynet_tf.ebb.Ebb(source=listed, data_dir=tmp_path / "elsewhere")
    sent = [pickle.dumps(task) for task in made._shard_iterators_per_split(None)["train"]]
    assert len(sent) == len(expected) == 2
    for number in (1, 0):
        samples = pickle.loads(sent[number])()
        features = made.info.features
        examples = [(name, features.serialize_example(sample)) for name, sample in samples]
        made._example_writer().write(tmp_path / str(number), examples)
        assert (tmp_path / str(number)).read_bytes() == expected[number]
