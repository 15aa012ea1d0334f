"""The input pipeline: windows, scales, order; what a step sees depends on seed and step alone."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import write_pair
from PIL import Image

from pynet_tf import model
from pynet_tf.data import pipeline, whole_samples
from pynet_tf.io import images
from pynet_tf.lens import focus

DEFOCUS = model.input_format("defocus")


@pytest.fixture(scope="module")
def split(tiny_ebb):
    return pipeline.open_split(tiny_ebb, "train")


def _take(count, *arguments, **options):
    batches = pipeline.training(*arguments, **options).take(count)
    return [(image.numpy(), target.numpy()) for image, target in batches]


@pytest.mark.parametrize("level", range(1, 8))
def test_shapes_and_ranges_at_every_level(split, level):
    [(image, target)] = _take(1, split, level, 64, 3, seed=1)
    side = 128 // 2 ** (level - 1)
    assert pipeline.target_size(64, level) == side
    assert image.shape == (3, 64, 64, 4)
    assert target.shape == (3, side, side, 3)
    for values in (image, target):
        assert values.dtype == np.float32
        assert values.min() >= 0
        assert 0.2 < values.max() <= 1


def test_paper_sizes():
    sizes = [pipeline.target_size(512, level) for level in (7, 6, 5, 4, 3, 2, 1)]
    assert sizes == [16, 32, 64, 128, 256, 512, 1024]


def test_resumed_batches_are_those_of_an_uninterrupted_run(split):
    whole = _take(7, split, 5, 64, 4, seed=3)
    resumed = _take(4, split, 5, 64, 4, seed=3, first_step=3)
    for (image, target), (image_again, target_again) in zip(whole[3:], resumed, strict=True):
        np.testing.assert_array_equal(image, image_again)
        np.testing.assert_array_equal(target, target_again)


def test_seed_decides(split):
    [(one, _)], [(other, _)] = (_take(1, split, 7, 64, 4, seed=seed) for seed in (0, 1))
    assert np.abs(one - other).max() > 0.1


def test_every_photo_once_per_epoch_in_changing_order(split):
    """Five photos of five sizes, each known by the mean of its only or likeliest window."""
    known = {
        tuple(np.round(np.sort(sample["image"].mean((0, 1))), 0)): sample["name"]
        for sample in whole_samples.photos(split)
    }
    assert len(known) == 5
    # Windows larger than every photo: each sample is a whole photo, tiled by mirroring.
    orders = []
    samples = iter(pipeline.training(split, 7, 256, 1, seed=5))
    for _ in range(3):
        names = []
        for _ in range(5):
            image = next(samples)[0].numpy()[0]
            distances = {
                sample["name"]: min(
                    np.abs(turn[:16, :16] - sample["image"][:16, :16] / 255).mean()
                    for k in range(4)
                    for turn in (np.rot90(image, k), np.rot90(image, k)[::-1])
                )
                for sample in whole_samples.photos(split)
            }
            names.append(min(distances, key=distances.get))
        assert sorted(names) == sorted(known.values())
        orders.append(tuple(names))
    assert len(set(orders)) > 1


@pytest.mark.parametrize(("workers", "replicas"), [(2, 1), (1, 2), (2, 2)])
def test_workers_and_devices_share_a_step_without_overlap(split, workers, replicas):
    whole = _take(3, split, 6, 32, 8, seed=2)
    parts = [
        _take(3 * replicas, split, 6, 32, 8, seed=2, worker=w, workers=workers, replicas=replicas)
        for w in range(workers)
    ]
    for step in range(3):
        images_of_step = [
            parts[worker][step * replicas + replica][0]
            for worker in range(workers)
            for replica in range(replicas)
        ]
        np.testing.assert_array_equal(np.concatenate(images_of_step), whole[step][0])


def test_target_belongs_to_the_image(split):
    """The tiny set's wide shot is the photo, dimmer: halved, it must be the image times 0.8."""
    for image, target in _take(6, split, 2, 64, 5, seed=9):
        np.testing.assert_allclose(target, 0.8 * image[..., :3], atol=0.06)
        assert np.abs(target - 0.8 * image[..., :3]).mean() < 0.01


def test_all_turns_occur(split):
    dataset = pipeline.training(split, 2, 64, 64, seed=0).take(1)
    [(images_, _)] = list(dataset)
    still = next(iter(pipeline.validation(split, 2, 64, 5)))[0].numpy()
    # The 128x128 photo has one window only: every sample of it is one of its eight turns.
    square = next(s for s in whole_samples.photos(split) if s["photo"].shape[:2] == (128, 128))
    photo = square["image"].astype(np.float32) / 255
    turns = [np.rot90(p, k) for p in (photo, photo[::-1]) for k in range(4)]
    seen = {
        number
        for sample in images_.numpy()
        for number, turn in enumerate(turns)
        if np.allclose(sample, turn, atol=1e-6)
    }
    assert len(seen) >= 6
    assert still.shape == (5, 64, 64, 4)


def test_window_larger_than_the_photo_is_filled_by_mirroring(split):
    [(image, target)] = list(pipeline.validation(split, 2, 160, 5).take(1))
    assert image.shape == (5, 160, 160, 4)
    assert target.shape == (5, 160, 160, 3)
    sample = next(whole_samples.photos(split))
    height, width = sample["image"].shape[:2]
    first = image[0].numpy()
    np.testing.assert_allclose(first[:height, :width] * 255, sample["image"], atol=1e-3)
    np.testing.assert_array_equal(first[height : 2 * height], first[height - 1 :: -1][:height])
    np.testing.assert_array_equal(first[:, width], first[:, width - 1])
    np.testing.assert_allclose(target, 0.8 * image[..., :3], atol=0.08)


def test_validation_counts_every_photo_once_and_the_partial_batch(split):
    sizes = [image.shape[0] for image, _ in pipeline.validation(split, 7, 32, 3)]
    assert sizes == [3, 2]
    assert [i.shape[0] for i, _ in pipeline.validation(split, 7, 32, 50)] == [5]
    assert [i.shape[0] for i, _ in pipeline.validation(split, 7, 32, 2, count=3)] == [2, 1]


def test_without_depth(split):
    [(image, _)] = _take(
        1, split, 7, 32, 2, seed=0, form=model.input_format("original", depth=False)
    )
    assert image.shape == (2, 32, 32, 3)


def test_windows_of_the_whole_photo_are_turned_like_the_target(split):
    plain = _take(4, split, 1, 64, 2, seed=0)
    folded = _take(4, split, 1, 64, 2, seed=0, form=DEFOCUS)
    for (image, target), (whole, same) in zip(plain, folded, strict=True):
        np.testing.assert_array_equal(target, same)
        assert whole.shape == (2, 64, 64, 13)
        photo = tf.nn.depth_to_space(whole[..., :12], 2)
        halved = tf.image.resize(photo, [64, 64], "bicubic", antialias=True)
        assert np.abs(halved - image[..., :3])[:, 2:-2, 2:-2].max() < 3 / 255


def test_defocus_is_that_of_the_whole_photo_cut_and_turned_with_the_window(split):
    whole = {}
    for sample in whole_samples.photos(split):
        largest = focus.largest_radius(sample["blur"], *sample["photo"].shape[:2])
        defocus = focus.defocus(sample["sharp_depth"], sample["focus"], largest)
        whole[sample["name"]] = defocus / model.DEFOCUS_UNIT
    order = [whole_samples.facts(split, index)["name"] for index in range(len(split))]
    for name, (image, _) in zip(order, pipeline.validation(split, 1, 64, 1, DEFOCUS), strict=True):
        height, width = whole[name].shape
        top, left = (height - 64) // 2, (width - 64) // 2
        expected = whole[name][top : top + 64, left : left + 64]
        np.testing.assert_allclose(image[0, ..., 12], expected, atol=1e-5)
    turned = np.concatenate([image for image, _ in _take(6, split, 1, 64, 2, seed=0, form=DEFOCUS)])
    for image in turned[..., 12]:
        assert any(_holds(defocus, image) for defocus in whole.values())


def _holds(whole, window):
    """Tells whether a window, turned or not, lies somewhere in a map."""
    turns = [np.rot90(p, k) for p in (window, window[::-1]) for k in range(4)]
    places = np.lib.stride_tricks.sliding_window_view(whole, window.shape)
    return any(
        np.abs(places[..., ::9, ::9] - turn[::9, ::9]).max((2, 3)).min() < 1e-5 for turn in turns
    )


def test_level_targets_are_pillows_antialiased_bicubic(tmp_path, split):
    for sample, (_, target) in zip(
        whole_samples.photos(split), pipeline.validation(split, 3, 64, 1), strict=True
    ):
        rows, columns = (
            slice((side - 128) // 4 * 2, (side - 128) // 4 * 2 + 128)
            for side in sample["bokeh"].shape[:2]
        )
        window = Image.fromarray(sample["bokeh"][rows, columns])
        expected = np.asarray(window.resize((32, 32), Image.Resampling.BICUBIC), np.float32)
        # Pillow rounds between its two passes, TensorFlow does not.
        assert np.abs(target[0].numpy() * 255 - expected).max() <= 2


def test_halving_is_pillows(tmp_path):
    write_pair(tmp_path, "1", 128, 192, 7)
    photo = images.read_photo(tmp_path / "original" / "1.jpg")
    pillow = Image.open(tmp_path / "original" / "1.jpg").resize((96, 64), Image.Resampling.BICUBIC)
    assert np.abs(images.halve(photo).astype(int) - np.asarray(pillow)).max() <= 1


def test_memory_does_not_depend_on_the_position(split):
    """A start far into training reads nothing of what came before."""
    [(image, _)] = _take(1, split, 7, 32, 2, seed=0, first_step=10**9)
    assert image.shape == (2, 32, 32, 4)
