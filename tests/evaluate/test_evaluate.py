"""Evaluation: the figures are the protocols', nothing is measured twice, mistakes are said."""

import csv
import json
import math
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from conftest import ROOT, write_pair
from PIL import Image

from pynet_tf import model
from pynet_tf.data import ebb_layout, pipeline
from pynet_tf.errors import InputError
from pynet_tf.evaluate import command as evaluate
from pynet_tf.evaluate import comparison, methods, protocol
from pynet_tf.evaluate.protocol import Candidate, Picture, Store
from pynet_tf.export import saved_model
from pynet_tf.io import images
from pynet_tf.prepare import build_shards
from pynet_tf.runs.run_directory import RunDirectory

DEPTH, PHOTO_ALONE = model.input_format("original"), model.input_format("original", depth=False)
DEFOCUS = model.input_format("defocus")


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
    }


def _psnr(first, second):
    return -10 * math.log10(np.mean((first.astype(float) - second) ** 2) / 255**2)


def test_both_protocols_of_doing_nothing_against_plain_arithmetic():
    sample = _sample(1, 480, 512)
    _, nothing = methods.doing_nothing(1).load()
    figures = protocol.measure(nothing(sample), sample["bokeh"], 1)
    inside = (slice(32, -32), slice(32, -32))
    photo, bokeh = sample["photo"], sample["bokeh"]
    assert figures["full_psnr"] == pytest.approx(_psnr(photo, bokeh), abs=1e-3)
    assert figures["whole_psnr"] == pytest.approx(_psnr(photo, bokeh), abs=1e-3)
    assert figures["scaled_psnr"] == pytest.approx(_psnr(photo[inside], bokeh[inside]), abs=1e-3)
    wanted = tf.image.ssim(photo[inside], bokeh[inside], max_val=255).numpy()
    assert figures["scaled_ssim"] == pytest.approx(wanted, abs=1e-3)
    wanted = tf.image.ssim_multiscale(photo, bokeh, max_val=255).numpy()
    assert figures["full_ms_ssim"] == pytest.approx(wanted, abs=1e-3)


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
        figures = protocol.measure(nothing(sample), sample["bokeh"], level)
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
    picture = methods.network_picture(network, form, sample, level)
    assert seen[0][1] % 32 == seen[0][2] % 32 == 0
    assert picture.level.shape[:2] == protocol.level_size(height, width, level)
    assert picture.full.shape == photo.shape
    assert protocol.measure(picture, photo, level)["whole_psnr"] > 45
    # The last half pixel of an odd half size leans on what reflection made of it.
    assert np.abs(picture.full.astype(float) - photo)[:-4, :-4].max() < 3


def test_sizes_differ_without_tracing_again(tmp_path):
    RunDirectory(tmp_path).save(3, model.pynet(0.02), {}, width=0.02)
    _, picture = methods.model(tmp_path, 3, "run").load()
    before = None
    for height, width in [(128, 192), (192, 128), (130, 214)]:
        sample = _sample(0, height, width)
        protocol.measure(picture(sample), sample["bokeh"], 3)
        count = protocol.three_metrics.experimental_get_tracing_count()
        assert before in (None, count)
        before = count
    assert before == 1


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
        return Candidate("counting", 1, lambda: (self.fingerprint, self._picture))

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
        protocol.evaluate(first.candidate(), samples, Store(path))
    with path.open("a") as file:
        file.write('{"key": "cut sho')
    second = _Counting()
    result = protocol.evaluate(second.candidate(), samples, Store(path))
    assert second.calls == ["2", "3"]
    assert list(result.figures) == ["0", "1", "2", "3"]
    direct = protocol.evaluate(_Counting().candidate(), samples, Store(tmp_path / "other"))
    np.testing.assert_equal(result.figures, direct.figures)

    third = _Counting()
    protocol.evaluate(third.candidate(), samples, Store(path))
    assert third.calls == []
    other = _Counting("two")
    protocol.evaluate(other.candidate(), samples, Store(path))
    assert len(other.calls) == 4, "another model"
    samples[1]["bokeh"] = samples[1]["bokeh"][::-1]
    changed = _Counting()
    protocol.evaluate(changed.candidate(), samples, Store(path))
    assert changed.calls == ["1"], "another target"


def test_fingerprint_follows_the_weights(tmp_path):
    for name, seed in [("a", 0), ("b", 1)]:
        RunDirectory(tmp_path / name).save(7, model.pynet(0.02, seed=seed), {}, width=0.02)
    a, again, b = (methods.model(tmp_path / n, 7, n).load()[0] for n in ("a", "a", "b"))
    assert a == again != b


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """Level 7 with weights of its own, levels 6 to 3 with those of level 3."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    RunDirectory(folder).save(3, model.pynet(0.02), {}, width=0.02)
    RunDirectory(folder).save(7, model.pynet(0.02, seed=1), {}, width=0.02)
    return folder


def test_levels_come_from_their_own_checkpoints(run_dir):
    assert methods.trained_levels(run_dir) == [3, 4, 5, 6, 7]
    sample = _sample(7)
    image = sample["image"][None] / np.float32(255)
    for level, seed in [(7, 1), (3, 0)]:
        _, picture = methods.model(run_dir, level, "run").load()
        expected = model.pynet(0.02, seed=seed)(image)[f"level_{level}"][0]
        np.testing.assert_allclose(picture(sample).level, expected, atol=1e-5)
    with pytest.raises(InputError, match="no level 1"):
        methods.model(run_dir, 1, "run").load()


def test_an_exported_model_gives_what_its_run_gives(tmp_path):
    run_dir, exported = tmp_path / "run", tmp_path / "exported"
    RunDirectory(run_dir).save(6, model.pynet(0.02, depth=False), {}, width=0.02, depth=False)
    saved_model.write(*RunDirectory(run_dir).load(), exported)
    assert methods.trained_levels(exported) == methods.trained_levels(run_dir) == [6, 7]
    sample = _sample(8, 130, 214)
    pictures = [methods.model(path, 6, "m").load()[1](sample).level for path in (run_dir, exported)]
    np.testing.assert_allclose(*pictures, atol=1e-5)


def test_command_writes_the_whole_report_and_measures_nothing_twice(
    tiny_ebb, run_dir, tmp_path, monkeypatch
):
    command = [sys.executable, "-m", "pynet_tf.evaluate", "--data_dir", tiny_ebb]
    command += ["--model", run_dir, "--levels", "--lens_blur", "2", "4", "--output", "report"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    report = tmp_path / "report"
    stored = (report / "results.jsonl").read_text()
    split = pipeline.open_split(tiny_ebb, "test")
    expected = {s["name"]: _psnr(s["photo"], s["bokeh"]) for s in pipeline.photos(split)}

    parsed = json.loads((report / "report.json").read_text())
    assert parsed["photos"] == {name: [128, 192] for name in expected}
    rows = {(row["method"], row["level"]): row for row in parsed["results"]}
    nothing = rows["doing nothing", 1]
    for name, psnr in expected.items():
        assert nothing["photos"][name]["full_psnr"] == pytest.approx(psnr, abs=1e-3)
    assert nothing["mean"]["full_psnr"]["mean"] == pytest.approx(np.mean([*expected.values()]))
    assert nothing["mean"]["full_ms_ssim"]["mean"] is None
    assert ("run", 3) in rows
    assert [row["level"] for row in parsed["levels"]["run"]] == [7, 6, 5, 4, 3]
    assert {search["max_blur"] for search in parsed["lens_search"]} == {2, 4}
    best = max(parsed["lens_search"], key=lambda search: search["full_psnr"])["max_blur"]
    assert (f"thin lens, blur {best:g}", 1) in rows

    text = (report / "report.md").read_text()
    assert "| doing nothing |  | " in text
    assert "not available" in text, "MS-SSIM of photos 128 high"
    assert "| 1 | 192x128 |" in text
    assert "not trained" in text
    with (report / "per_image.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {line["photo"] for line in lines} == set(expected)
    keys = [(line["method"], line["level"], line["photo"]) for line in lines]
    assert len(set(keys)) == len(keys)
    comparison_shape = images.read_photo(report / "comparison.png").shape
    assert comparison_shape[0] > 3 * 340
    assert comparison_shape[1] > 4 * 340 * 1.5
    assert images.read_photo(report / "levels.png").std() > 20

    # Only the pictures are made again.
    monkeypatch.setattr(protocol, "measure", lambda *_: pytest.fail("measured twice"))
    monkeypatch.chdir(tmp_path)
    evaluate.main([str(part) for part in command[3:] if part != "--levels"])
    assert (report / "results.jsonl").read_text() == stored
    assert json.loads((report / "report.json").read_text())["results"] == parsed["results"]


def test_photos_are_chosen_by_name_and_by_count(tiny_ebb, tmp_path):
    by_name = comparison.Plan(tiny_ebb, names=("102", "100"))
    outcome = comparison.compare(by_name, Store(tmp_path / "a"))
    assert list(outcome.sizes) == ["100", "102"]
    by_count = comparison.Plan(tiny_ebb, "train", count=2)
    assert list(comparison.compare(by_count, Store(tmp_path / "b")).sizes) == ["0", "4"]
    with pytest.raises(InputError, match="test split has no photo 7, 8; its 3 photos are named"):
        comparison.compare(comparison.Plan(tiny_ebb, names=("7", "8")), Store(tmp_path / "c"))


def test_a_run_without_fine_levels_is_shown_but_not_measured(tiny_ebb, tmp_path):
    run = tmp_path / "coarse"
    RunDirectory(run).save(5, model.pynet(0.02), {}, width=0.02)
    plan = comparison.Plan(tiny_ebb, models={"coarse": run})
    with pytest.raises(InputError, match="trained down to level 5 only"):
        comparison.plan_levels(plan)
    plan = comparison.Plan(tiny_ebb, models={"coarse": run}, every_level=True, count=1)
    outcome = comparison.compare(plan, Store(tmp_path / "store"))
    assert outcome.models == []
    assert [result.level for result in outcome.levels["coarse"]] == [7, 6, 5]
    plan = comparison.Plan(tiny_ebb, models={"coarse": run}, level=3)
    with pytest.raises(InputError, match="has the levels 5, 6, 7, not 3"):
        comparison.plan_levels(plan)


def test_mistakes_are_said_in_one_sentence(tiny_ebb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pair(tmp_path / "only_train", "1", 64, 64, 0)
    build_shards.build(ebb_layout.scan(tmp_path / "only_train"), tmp_path / "data")
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
