"""Evaluation: the figures are the protocols', nothing is measured twice, mistakes are said."""

import csv
import dataclasses
import json
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from conftest import ROOT
from PIL import Image

from pynet_tf import lens, metrics, model
from pynet_tf.data import pipeline, shards, whole_samples
from pynet_tf.errors import InputError
from pynet_tf.evaluate import command as evaluate
from pynet_tf.evaluate import comparison, methods, previews, protocol, results
from pynet_tf.evaluate.methods import Candidate
from pynet_tf.evaluate.protocol import Picture
from pynet_tf.evaluate.results import Store
from pynet_tf.export import saved_model
from pynet_tf.inference import renderer
from pynet_tf.io import images
from pynet_tf.lens import optics
from pynet_tf.runs.description import ARCHITECTURE, Description
from pynet_tf.runs.run_directory import RunDirectory

DEPTH, PHOTO_ALONE = model.input_format("original"), model.input_format("original", depth=False)
DEFOCUS = model.input_format("defocus")
# Few layers, which are what takes the time.
NARROW = {"width": 0.02, "largest_kernel": 3}


def _pictures(seed, height, width):
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 256, (2, height // 8, width // 8, 3), np.uint8)
    return [images.resize(picture, height, width) for picture in cells]


def _sample(seed=0, height=128, width=192):
    photo, bokeh = _pictures(seed, height, width)
    depth = np.full((height // 2, width // 2), 128, np.uint8)
    return {
        "name": str(seed),
        "photo": photo,
        "image": images.stack(photo, depth),
        "bokeh": bokeh,
        "sharp_depth": depth,
        "focus": 0.5,
        "blur": 1.0,
    }


def _psnr(first, second):
    return -10 * math.log10(np.mean((first.astype(float) - second) ** 2) / 255**2)


def test_a_picture_that_equals_its_target_leaves_the_means_finite():
    sample = _sample(1, 96, 128)
    _, nothing = methods.doing_nothing(1).load()
    figures = protocol.measure(nothing(sample)(None), sample["photo"], 1)
    assert figures["full_psnr"] == pytest.approx(protocol.MOST_PSNR)
    assert np.isfinite(protocol.mean_interval([figures["full_psnr"], 30.0])).all()


def test_both_protocols_of_doing_nothing_against_plain_arithmetic():
    sample = _sample(1, 480, 512)
    _, nothing = methods.doing_nothing(1).load()
    figures = protocol.measure(nothing(sample)(None), sample["bokeh"], 1)
    inside = (slice(32, -32), slice(32, -32))
    photo, bokeh = sample["photo"], sample["bokeh"]
    assert figures["full_psnr"] == pytest.approx(_psnr(photo, bokeh), abs=1e-3)
    assert figures["whole_psnr"] == pytest.approx(_psnr(photo, bokeh), abs=1e-3)
    assert figures["scaled_psnr"] == pytest.approx(_psnr(photo[inside], bokeh[inside]), abs=1e-3)
    wanted = tf.image.ssim(photo[inside], bokeh[inside], max_val=255).numpy()
    assert figures["scaled_ssim"] == pytest.approx(wanted, abs=1e-3)
    wanted = tf.image.ssim_multiscale(photo, bokeh, max_val=255).numpy()
    assert figures["full_ms_ssim"] == pytest.approx(wanted, abs=1e-3)


def test_a_shot_of_another_exposure_counts_as_well_where_pictures_are_exposed_alike():
    sample = _sample(1, 240, 320)
    _, nothing = methods.doing_nothing(1).load()
    light = optics.to_light(sample["photo"]) * np.float32([1.6, 1.5, 1.4])
    shot = optics.to_srgb(light)
    brighter = protocol.measure(nothing(sample)(None), shot, 1)
    assert brighter["full_psnr"] < 20
    assert brighter["exposed_psnr"] > 35
    # Neither what is dark nor what is clipped decides, however much of the picture it is.
    for value, as_shot in ((6, 10), (0, 0), (255, 255)):
        photo, other = sample["photo"].copy(), shot.copy()
        photo[:140], other[:140] = value, as_shot
        figures = protocol.measure(Picture(photo, photo), other, 1)
        assert figures["exposed_psnr"] > 33 > figures["full_psnr"] + 8
    # A blur is no exposure.
    blurred = optics.to_srgb(optics.blur(light.transpose(2, 0, 1), 12).transpose(1, 2, 0))
    assert protocol.measure(nothing(sample)(None), blurred, 1)["exposed_psnr"] < 30


@pytest.mark.parametrize("level", [2, 3, 5])
def test_target_is_pillows_reduction_of_the_ground_that_the_level_covers(level):
    bokeh = _sample(2, 150, 214)["bokeh"]
    height, width = protocol.level_size(150, 214, level)
    scale = 2 ** (level - 1)
    # Pillow's float pictures have one channel; its 8-bit ones are rounded on the way.
    planes = bokeh[: height * scale, : width * scale].astype(np.float32).transpose(2, 0, 1)
    reduced = [Image.fromarray(p).resize((width, height), Image.Resampling.BICUBIC) for p in planes]
    expected = np.clip(np.stack([np.asarray(plane) for plane in reduced], axis=-1), 0, 255)
    target = protocol.target(bokeh, level)
    assert target.shape == (height, width, 3)
    assert np.abs(target * 255 - expected).max() <= 0.05


def test_figures_that_a_small_photo_cannot_have_are_nan():
    sample = _sample(3, 64, 96)
    for level in range(1, 8):
        _, nothing = methods.doing_nothing(level).load()
        figures = protocol.measure(nothing(sample)(None), sample["bokeh"], level)
        assert math.isfinite(figures["whole_psnr"])
        assert math.isnan(figures["scaled_psnr"])
        assert math.isfinite(figures["full_ssim"]) == (level <= 3)
        assert math.isnan(figures["full_ms_ssim"])


def test_output_is_clipped_and_rounded_to_eight_bit():
    sample = _sample(4)
    height, width = sample["photo"].shape[:2]
    output = np.linspace(-0.5, 1.5, height * width * 3, dtype=np.float32)
    output = output.reshape(1, height, width, 3)
    picture = methods.network_picture(lambda image: tf.constant(output), DEPTH, sample, 1)
    assert picture.full.min() == 0
    assert picture.full.max() == 255
    clipped = np.clip(output[0], 0, 1)
    assert np.abs(picture.full - clipped * 255).max() <= 0.5 + 1e-4
    figures = protocol.measure(picture, images.resize(picture.full, height, width), 1)
    assert figures["whole_psnr"] > 55, "the output is clipped before it is measured"


@pytest.mark.parametrize(("height", "width"), [(128, 192), (130, 214), (72, 66)])
@pytest.mark.parametrize(
    ("level", "form"), [(1, DEPTH), (1, DEFOCUS), (2, DEPTH), (2, DEFOCUS), (3, PHOTO_ALONE)]
)
def test_whole_photos_of_any_size_stay_in_place(height, width, level, form):
    smooth = np.add.outer(np.arange(height), np.arange(width)) * 0.5
    photo = np.repeat(smooth.astype(np.uint8)[..., None], 3, axis=-1)
    image = images.stack(photo, np.zeros((height // 2, width // 2), np.uint8))
    seen = []

    def network(padded):
        seen.append(padded.shape)
        assert padded.shape[-1] == form.channels
        size = [int(side * 2 ** (2 - level)) for side in padded.shape[1:3]]
        if form.whole_photo:
            padded = tf.nn.depth_to_space(padded[..., :12], 2)
        return tf.image.resize(padded[..., :3], size, "bicubic", antialias=True)

    sample = {"name": "a", "photo": photo, "image": image, "bokeh": photo}
    sample |= {"sharp_depth": image[..., 3], "focus": 0.5, "blur": 1.0}
    settings = methods.lens_settings("told", sample) if form.is_told_defocus else None
    picture = methods.network_picture(network, form, sample, level, settings)
    assert seen[0][1] % 32 == seen[0][2] % 32 == 0
    assert picture.level.shape[:2] == protocol.level_size(height, width, level)
    assert picture.full.shape == photo.shape
    assert protocol.measure(picture, photo, level)["whole_psnr"] > 45
    # The last half pixel of an odd half size leans on what reflection made of it.
    assert np.abs(picture.full.astype(float) - photo)[:-4, :-4].max() < 3


def test_interval_holds_the_mean_and_has_the_textbook_width():
    values = np.random.default_rng(5).normal(20, 2, 400)
    mean, low, high = protocol.mean_interval(values)
    assert mean == pytest.approx(values.mean())
    half = 1.96 * values.std() / math.sqrt(400)
    assert mean - low == pytest.approx(half, rel=0.1)
    assert high - mean == pytest.approx(half, rel=0.1)
    assert protocol.mean_interval(values) == (mean, low, high)
    assert protocol.mean_interval([*values, math.nan]) == (mean, low, high)
    assert protocol.mean_interval([3.0])[0] == 3
    assert all(map(math.isnan, protocol.mean_interval([math.nan])))


class _Counting:
    """A candidate that counts its pictures and can be made to stop."""

    def __init__(self, fingerprint="one"):
        self.fingerprint, self.calls, self.left = fingerprint, [], math.inf

    def candidate(self):
        return Candidate("counting", 1, lambda: (self.fingerprint, self._opened))

    def _opened(self, sample):
        return lambda _: self._picture(sample)

    def _picture(self, sample):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.calls.append(sample["name"])
        return Picture(sample["photo"] / np.float32(255), sample["photo"])


def test_interrupted_evaluation_goes_on_and_stale_results_are_not_used(tmp_path):
    path = tmp_path / "report" / "results.jsonl"
    samples = [_sample(seed, 64, 64) for seed in range(4)]
    first = _Counting()
    first.left = 2
    with pytest.raises(KeyboardInterrupt):
        results.evaluate(first.candidate(), samples, Store(path))
    with path.open("a") as file:
        file.write('{"key": "cut sho')
    second = _Counting()
    (result,) = results.evaluate(second.candidate(), samples, Store(path))
    assert second.calls == ["2", "3"]
    assert list(result.figures) == ["0", "1", "2", "3"]
    (direct,) = results.evaluate(_Counting().candidate(), samples, Store(tmp_path / "other"))
    np.testing.assert_equal(result.figures, direct.figures)

    third = _Counting()
    results.evaluate(third.candidate(), samples, Store(path))
    assert third.calls == []
    other = _Counting("two")
    results.evaluate(other.candidate(), samples, Store(path))
    assert len(other.calls) == 4, "another model"
    samples[1]["bokeh"] = samples[1]["bokeh"][::-1]
    changed = _Counting()
    results.evaluate(changed.candidate(), samples, Store(path))
    assert changed.calls == ["1"], "another target"


def test_a_result_belongs_to_the_focus_and_the_blur_that_it_was_made_with(tmp_path):
    path, samples, seen = tmp_path / "results.jsonl", [_sample(0, 64, 64)], []

    def opened(sample):
        opens.append(sample["name"])

        def render(settings):
            seen.append((settings.focus, settings.blur))
            return Picture(sample["photo"], sample["photo"])

        return render

    opens = []
    candidate = Candidate("lens", 1, lambda: ("one", opened), methods.LENSES)
    rows = results.evaluate(candidate, samples, Store(path))
    assert [row.name for row in rows] == ["lens, told", "lens, automatic"]
    assert seen == [(0.5, 1.0), (None, 1.0)]
    results.evaluate(candidate, samples, Store(path))
    assert opens == ["0"], "prepared once for both, and not for what is known"
    for change in ({"focus": 0.6}, {"blur": 2.0}):
        samples = [samples[0] | change]
        results.evaluate(candidate, samples, Store(path))
        results.evaluate(candidate, samples, Store(path))
    assert seen[2:] == [(0.6, 1.0), (0.6, 2.0)], "what is automatic has not changed"


def _through_lenses(candidate, sample):
    _, opened = candidate.load()
    render = opened(sample)
    return [render(methods.lens_settings(name, sample)) for name in candidate.lenses]


def test_told_and_automatic_are_what_the_lens_makes_of_both():
    sample = _sample(5) | {"blur": 4.0}
    sample["image"][..., 3] = np.linspace(10, 200, 96).astype(np.uint8)
    candidate = methods.thin_lens()
    made = _through_lenses(candidate, sample)
    depth = sample["image"][..., 3]
    settings = lens.LensSettings(0.5, 4.0), lens.LensSettings(lens.nearest_subject(depth), 1.0)
    for picture, setting in zip(made, settings, strict=True):
        expected = lens.refocus(sample["photo"], depth, setting)
        assert np.abs(picture.full.astype(int) - expected).max() <= 1
    assert _psnr(made[0].full, made[1].full) < 40


def test_a_told_network_gives_what_rendering_gives_with_the_same_lens(tmp_path, monkeypatch):
    def run(image):
        # A network that shows what it is told.
        photo = tf.nn.depth_to_space(image[..., :12], 2)
        return photo * (
            1 - 0.2 * tf.tanh(tf.abs(tf.repeat(tf.repeat(image[..., 12:], 2, 1), 2, 2)))
        )

    described = Description(1, **ARCHITECTURE | {"head": "defocus"}, settings={})
    monkeypatch.setattr(methods, "trained_levels", lambda path: [1])
    monkeypatch.setattr(methods, "_described", lambda *_: described)
    monkeypatch.setattr(methods, "_loaded", lambda *_: ("weights", run))
    sample = _sample(6) | {"blur": 4.0}
    sample["image"][..., 3] = np.linspace(10, 200, 96).astype(np.uint8)
    candidate = methods.network(tmp_path, 1, "run")
    network = renderer.ToldNetwork(lambda image: run(tf.constant(image)).numpy(), 1, "run")
    made = _through_lenses(candidate, sample)
    for picture, told in zip(made, ({"focus": 0.5, "blur": 4.0}, {}), strict=True):
        expected = network.render(sample["photo"], sample["image"][..., 3], **told)
        np.testing.assert_array_equal(picture.full, expected)
        assert picture.level is picture.full, "measured once"
    assert _psnr(made[0].full, made[1].full) < 50


def test_previews_keep_small_pictures_and_reduce_large_ones():
    small, large = _pictures(3, 96, 128)[0], _pictures(4, 680, 1000)[0]
    made = previews.preview(Picture(small / np.float32(255) + 1e-4, large))
    np.testing.assert_array_equal(previews.decoded(made.level), small)
    assert previews.decoded(made.full).shape == (previews.HEIGHT, 500, 3)
    assert _psnr(previews.decoded(made.full), images.resize(large, previews.HEIGHT, 500)) > 35


@pytest.fixture(scope="module")
def pyramids():
    """Two networks that are told the defocus, of different weights."""
    return [model.pynet(**NARROW, head="defocus", seed=seed) for seed in range(2)]


@pytest.fixture(scope="module")
def run_dir(pyramids, tmp_path_factory):
    """Level 7 with weights of its own, levels 6 to 3 with those of level 3."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    for level, pyramid in ((3, pyramids[0]), (7, pyramids[1])):
        RunDirectory(folder).save(level, pyramid, {}, **NARROW, head="defocus")
    return folder


def test_levels_come_from_their_own_checkpoints(run_dir, pyramids):
    assert methods.trained_levels(run_dir) == [3, 4, 5, 6, 7]
    sample, fingerprints = _sample(7, 128, 192), set()
    settings = methods.lens_settings("told", sample)
    for level, pyramid in [(7, pyramids[1]), (3, pyramids[0])]:
        fingerprint, picture = methods.network(run_dir, level, "run").load()
        fingerprints.add(fingerprint)

        def expected(image, level=level, pyramid=pyramid):
            return pyramid(image)[f"level_{level}"]

        wanted = methods.network_picture(expected, DEFOCUS, sample, level, settings)
        np.testing.assert_allclose(picture(sample)(settings).level, wanted.level, atol=1e-5)
    assert len(fingerprints) == 2, "the fingerprint follows the weights"
    with pytest.raises(InputError, match="no level 1"):
        methods.network(run_dir, 1, "run")


def test_sizes_differ_without_tracing_again(run_dir):
    _, picture = methods.network(run_dir, 7, "run").load()
    counts = set()
    for height, width in [(128, 192), (192, 128), (130, 214)]:
        sample = _sample(0, height, width)
        made = picture(sample)(methods.lens_settings("told", sample))
        protocol.measure(made, sample["bokeh"], 7)
        # Level 7's pictures are too small for SSIM.
        protocol.measure(Picture(sample["photo"], sample["photo"]), sample["bokeh"], 1)
        counts.add(metrics._finest_scale.experimental_get_tracing_count())
    assert counts == {1}


def test_an_exported_model_gives_what_its_run_gives(tmp_path):
    run_dir, exported = tmp_path / "run", tmp_path / "exported"
    RunDirectory(run_dir).save(6, model.pynet(**NARROW, depth=False), {}, **NARROW, depth=False)
    saved_model.write(*RunDirectory(run_dir).load(), exported)
    assert methods.trained_levels(exported) == methods.trained_levels(run_dir) == [6, 7]
    assert methods.network(exported, 6, "m").lenses == (), "it chooses focus and blur by itself"
    sample = _sample(8, 130, 214)
    pictures = [
        methods.network(path, 6, "m").load()[1](sample)(None).level for path in (run_dir, exported)
    ]
    np.testing.assert_allclose(*pictures, atol=1e-5)


def test_command_writes_the_whole_report_and_measures_nothing_twice(
    tiny_ebb, run_dir, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    arguments = ["--data_dir", str(tiny_ebb), "--model", str(run_dir)]
    evaluate.main([*arguments, "--lens_blur", "2", "4"])
    report = tmp_path / "report"
    stored = (report / "results.jsonl").read_text()
    split = pipeline.open_split(tiny_ebb, "test")
    samples = {sample["name"]: sample for sample in whole_samples.photos(split)}
    expected = {name: _psnr(s["photo"], s["bokeh"]) for name, s in samples.items()}

    parsed = json.loads((report / "report.json").read_text())
    assert parsed["photos"] == {name: [128, 192] for name in expected}
    rows = {(row["method"], row["level"]): row for row in parsed["results"]}
    nothing = rows["doing nothing", 1]
    for name, psnr in expected.items():
        assert nothing["photos"][name]["full_psnr"] == pytest.approx(psnr, abs=1e-3)
    assert nothing["mean"]["full_psnr"]["mean"] == pytest.approx(np.mean([*expected.values()]))
    assert nothing["mean"]["full_ms_ssim"]["mean"] is None
    assert rows["thin lens, told", 1]["lens"] == "told"
    assert rows["thin lens, automatic", 3]["lens"] == "automatic"
    assert rows["run, told", 3]["model"] == rows["run, automatic", 3]["model"] == "run"
    assert {search["max_blur"] for search in parsed["lens_search"]} == {2, 4}
    best = max(parsed["lens_search"], key=lambda search: search["full_psnr"])["max_blur"]
    assert (f"thin lens, blur {best:g}", 1) in rows
    for name, known in parsed["lenses"].items():
        assert known["blur"] == pytest.approx(samples[name]["blur"])
        nearest = lens.nearest_subject(samples[name]["image"][..., 3])
        assert known["automatic_focus"] == pytest.approx(nearest)

    text = (report / "report.md").read_text()
    assert "| doing nothing |  | " in text
    assert "| thin lens, told |  | " in text
    assert "*Told*: with the focus and the blur of the pair's own bokeh shot" in text
    assert "not available" in text, "MS-SSIM of photos 128 high"
    table = [line for line in text.splitlines() if line.startswith("|")]
    head, nothing_cells, lens_cells = (
        [cell.strip() for cell in table[place].split("|")] for place in (0, 2, 3)
    )
    place = head.index("exposed alike (dB)")
    told = rows["thin lens, told", 1]["mean"]["exposed_psnr"]["mean"]
    assert lens_cells[place].startswith(f"{told:.2f}")
    gained = told - nothing["mean"]["exposed_psnr"]["mean"]
    assert lens_cells[place + 1].startswith(f"{gained:.2f}")
    assert len(nothing_cells) == len(lens_cells) == len(head)
    with (report / "per_image.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {line["photo"] for line in lines} == set(expected)
    keys = [(line["method"], line["level"], line["photo"]) for line in lines]
    assert len(set(keys)) == len(keys)
    blurs = {line["blur"] for line in lines if line["method"] == "thin lens, automatic"}
    assert blurs == {"1"}
    comparison_shape = images.read_photo(report / "comparison.png").shape
    assert comparison_shape[0] > 3 * 340
    assert comparison_shape[1] > 6 * 340 * 1.5

    # Only the pictures are made again.
    monkeypatch.setattr(protocol, "measure", lambda *_: pytest.fail("measured twice"))
    evaluate.main([*arguments, "--no_lens"])
    assert (report / "results.jsonl").read_text() == stored
    again = json.loads((report / "report.json").read_text())["results"]
    assert again == [row for row in parsed["results"] if not row["method"].startswith("thin lens")]


def test_photos_are_chosen_by_name_and_by_count(tiny_ebb, tmp_path):
    by_name = comparison.Plan(tiny_ebb, names=("102", "100"), lens=False)
    outcome = comparison.compare(by_name, Store(tmp_path / "a"))
    assert list(outcome.photos) == ["100", "102"]
    by_count = comparison.Plan(tiny_ebb, "train", count=2, lens=False)
    assert list(comparison.compare(by_count, Store(tmp_path / "b")).photos) == ["0", "4"]
    with pytest.raises(InputError, match="test split has no photo 7, 8; its 3 photos are named"):
        comparison.compare(comparison.Plan(tiny_ebb, names=("7", "8")), Store(tmp_path / "c"))


def test_a_run_without_fine_levels_is_shown_but_not_measured(
    tiny_ebb, pyramids, tmp_path, monkeypatch
):
    run = tmp_path / "coarse"
    RunDirectory(run).save(6, pyramids[0], {}, **NARROW, head="defocus")
    plan = comparison.Plan(tiny_ebb, models={"coarse": run})
    with pytest.raises(InputError, match="trained down to level 6 only"):
        comparison.plan_levels(plan)
    with pytest.raises(InputError, match="has the levels 6, 7, not 3"):
        comparison.plan_levels(dataclasses.replace(plan, level=3))
    monkeypatch.chdir(tmp_path)
    arguments = ["--model", "coarse", "--levels", "--no_lens", "--count", "1"]
    evaluate.main(["--data_dir", str(tiny_ebb), *arguments])
    parsed = json.loads((tmp_path / "report" / "report.json").read_text())
    assert {row["method"] for row in parsed["results"]} == {"doing nothing"}
    assert [row["level"] for row in parsed["levels"]["coarse"]] == [7, 6]
    text = (tmp_path / "report" / "report.md").read_text()
    assert "| 1 | 192x128 |" in text
    assert "not trained" in text
    assert images.read_photo(tmp_path / "report" / "levels.png").std() > 20


def test_mistakes_are_said_in_one_sentence(tiny_ebb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_ebb, "data")
    info = shards.folder("data") / "dataset_info.json"
    described = json.loads(info.read_text())
    described["splits"] = [split for split in described["splits"] if split["name"] == "train"]
    info.write_text(json.dumps(described))
    given = ["--data_dir", str(tiny_ebb)]
    with pytest.raises(InputError, match="has no samples for test, only train"):
        evaluate.main(["--data_dir", "data"])
    with pytest.raises(InputError, match="holds no prepared EBB! set"):
        evaluate.main(["--data_dir", "nowhere"])
    with pytest.raises(InputError, match="gone is not a folder"):
        evaluate.main([*given, "--model", "gone"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="neither a run directory"):
        evaluate.main([*given, "--model", "empty"])
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file is a file"):
        evaluate.main([*given, "--output", "file"])
    for contradiction in (["--no_lens", "--lens_blur", "3"], ["--photos", "1", "--count", "1"]):
        with pytest.raises(InputError, match="give one"):
            evaluate.main([*given, *contradiction])
    for wrong in (["--level", "4"], ["--count", "0"], ["--lens_blur", "-1"]):
        with pytest.raises(SystemExit):
            evaluate.main([*given, *wrong])
    assert not (tmp_path / "report").exists()


def test_models_are_named_after_as_much_of_the_path_as_tells_them_apart(tmp_path):
    paths = [tmp_path / "a" / "run", tmp_path / "b" / "run"]
    for path in paths:
        path.mkdir(parents=True)
    assert list(evaluate._labels(paths)) == ["a/run", "b/run"]
    assert list(evaluate._labels(paths[:1])) == ["run"]


def test_arguments_are_read_without_tensorflow():
    check = "import pynet_tf.evaluate.command, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT).returncode == 0
