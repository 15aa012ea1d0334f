"""Rendering one's own photos: from the command line, from files to files."""

import re
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from pynet_tf import model
from pynet_tf.depth import sources
from pynet_tf.depth.estimators import choosing
from pynet_tf.errors import InputError
from pynet_tf.export import saved_model
from pynet_tf.inference import large_lens, litert_cache, loading, renderer, tiling
from pynet_tf.io import images
from pynet_tf.lens import optics
from pynet_tf.render import command as render
from pynet_tf.runs.run_directory import RunDirectory

RENDER = [sys.executable, "-m", "pynet_tf.render"]
# Columns well inside the near and the far half of the photos that are 192 wide.
NEAR, FAR = slice(0, 72), slice(120, 192)


def photo_of(height, width, seed=0):
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (height // 16 + 2, width // 16 + 2, 3), np.uint8)
    return images.resize(small, height, width)


def depth_of(height, width):
    """Near in the left half, far in the right half."""
    depth = np.full((height // 2, width // 2), 30, np.uint8)
    depth[:, : width // 4] = 220
    return depth


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Photos `a.jpg` and `ünser Foto.png` with their depth maps; the working folder."""
    for number, name in enumerate(("a.jpg", "ünser Foto.png")):
        images.write_image(tmp_path / "photos" / name, photo_of(128, 192, number))
        stem = name.partition(".")[0]
        images.write_image(tmp_path / "depth" / f"{stem}.png", depth_of(128, 192))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_lens(*more, photos="photos", depth="depth"):
    return render.main([photos, "--depth", depth, "--method", "lens", "--output", "out", *more])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A small pyramid as a run directory and as a SavedModel."""
    place = tmp_path_factory.mktemp("models")
    narrow = {"width": 0.05, "largest_kernel": 3}
    pyramid = model.pynet(**narrow)
    rng = np.random.default_rng(0)
    for weight in pyramid.weights:
        if len(weight.shape) == 4:
            kernel = rng.standard_normal(weight.shape) * 1.4 / np.sqrt(np.prod(weight.shape[:3]))
            weight.assign(kernel)
    # Level 1's picture needs some contrast, to be compared.
    head = pyramid.get_layer("level_1_head").kernel
    head.assign(3 * head)
    for level in (1, 3):
        RunDirectory(place / f"run_{level}").save(level, pyramid, {}, **narrow)
    saved_model.write(pyramid, RunDirectory(place / "run_1").level(1).describe(), place / "saved")
    return place


def test_help_is_quick_and_complete(folder):
    start = time.monotonic()
    done = subprocess.run([*RENDER, "--help"], capture_output=True, text=True, check=True)
    assert time.monotonic() - start < 3
    assert "--focus" in done.stdout
    code = "import sys, pynet_tf.render.command; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_one_bad_photo_does_not_stop_the_folder(nursery, folder):
    (folder / "photos" / "broken.jpg").write_bytes(b"no picture")
    images.write_image(folder / "photos" / "lonely.png", photo_of(128, 192))
    given = ("photos", "--depth", "depth", "--method", "lens", "--output", "out")
    done = nursery.run("pynet_tf.render", *given, cwd=folder)
    assert done.status == 1
    assert names(folder / "out") == ["a.jpg", "ünser Foto.png"]
    for complaint in ("broken.jpg", "lonely.png has no depth map"):
        assert complaint in done.err
    assert "Traceback" not in done.err
    assert "2 of 4 pictures written" in done.out


def test_lens_keeps_the_focus_sharp_and_blurs_the_rest(folder):
    photo = images.read_photo(folder / "photos" / "ünser Foto.png").astype(int)
    for focus, sharp in (("0.1,0.5", 0), ("0.9,0.5", 1)):
        assert run_lens("--focus", focus, "--blur", "6", "--overwrite") == 0
        picture = images.read_photo(folder / "out" / "ünser Foto.png").astype(int)
        assert picture.shape == photo.shape
        # Away from the border between near and far, over which blur spreads.
        change = [
            np.abs(half - half_photo).mean()
            for half, half_photo in (
                (picture[:, :64], photo[:, :64]),
                (picture[:, 128:], photo[:, 128:]),
            )
        ]
        assert change[sharp] < 2
        assert change[1 - sharp] > 5


def test_blades_and_highlights_reach_the_lens(folder):
    photo = images.read_photo(folder / "photos" / "ünser Foto.png").copy()
    photo[60:63, 150:153] = 255
    images.write_image(folder / "photos" / "ünser Foto.png", photo)
    pictures = []
    for more in ((), ("--blades", "5"), ("--highlights", "30")):
        chosen = ("--focus", "0.1,0.5", "--blur", "5", "--overwrite", *more)
        run_lens(*chosen, photos="photos/*.png")
        pictures.append(images.read_photo(folder / "out" / "ünser Foto.png"))
    assert (pictures[0] != pictures[1]).any()
    assert (pictures[0] != pictures[2]).any()


def test_pictures_that_are_there_are_left_alone(folder, capsys):
    (folder / "out").mkdir()
    (folder / "out" / "a.jpg").write_bytes(b"mine")
    assert run_lens() == 0
    assert (folder / "out" / "a.jpg").read_bytes() == b"mine"
    assert names(folder / "out") == ["a.jpg", "ünser Foto.png"]
    assert "left alone" in capsys.readouterr().out
    assert run_lens("--overwrite") == 0
    assert images.read_photo(folder / "out" / "a.jpg").shape == (128, 192, 3)


def test_photo_is_upright_and_keeps_its_camera(folder):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 8, "Zeiss"
    Image.fromarray(photo_of(192, 128)).save(folder / "photos" / "a.jpg", exif=exif)
    assert run_lens(photos="photos/a.jpg") == 0
    with Image.open(folder / "out" / "a.jpg") as picture:
        assert picture.size == (192, 128)
        assert picture.getexif()[0x010F] == "Zeiss"
        assert 0x0112 not in picture.getexif()


def test_sixteen_bits_and_transparency_stay(folder, capsys):
    photo = photo_of(128, 192).astype(np.uint16) * 257 + 7
    alpha = np.full((128, 192), 12345, np.uint16)
    images.write_image(folder / "photos" / "a.png", photo, alpha=alpha)
    assert run_lens(photos="photos/a.png") == 0
    made = images.read(folder / "out" / "a.png")
    assert (made.pixels % 257 != 7).mean() > 0.1, "blurred in 16 bits"
    np.testing.assert_array_equal(made.options["alpha"], alpha)
    assert "photos/a.png: " not in capsys.readouterr().out
    assert run_lens("--blur", "0", "--overwrite", photos="photos/a.png") == 0
    np.testing.assert_array_equal(images.read(folder / "out" / "a.png").pixels, photo)
    assert run_lens("--format", "jpg", photos="photos/a.png") == 0
    told = capsys.readouterr().out
    assert "photos/a.png: a .jpg file cannot keep its transparency; a PNG can" in told
    assert "photos/a.png: a .jpg file holds 8 of its 16 bits a channel" in told


def test_a_lossless_webp_without_blur_comes_back(folder):
    images.write_image(folder / "photos" / "a.webp", photo_of(128, 192), lossless=True)
    assert run_lens("--blur", "0", photos="photos/a.webp") == 0
    made = images.read(folder / "out" / "a.webp")
    np.testing.assert_array_equal(made.pixels, photo_of(128, 192))


def test_format(folder):
    run_lens("--format", "jpg")
    assert names(folder / "out") == ["a.jpg", "ünser Foto.jpg"]


def test_pictures_never_share_a_name(folder):
    images.write_image(folder / "photos" / "a.png", photo_of(128, 192))
    run_lens()
    assert names(folder / "out") == ["a.jpg", "a.png", "ünser Foto.png"]
    with pytest.raises(InputError, match=r"a\.jpg and .*a\.png would both become out/a\.png"):
        run_lens("--format", "png")
    images.write_image(folder / "more" / "A.JPG", photo_of(64, 64))
    with pytest.raises(InputError, match="would both become"):
        render.main(
            ["photos", "more", "--depth", "depth", "--method", "lens", "--output", "elsewhere"]
        )


def test_photos_and_depth_maps_cannot_be_overwritten(folder):
    for output in ("photos", "depth", "photos/../photos"):
        with pytest.raises(InputError, match="is the folder of"):
            run_lens("--overwrite", "--output", output)
    (folder / "linked").mkdir()
    (folder / "linked" / "a.jpg").symlink_to(folder / "photos" / "a.jpg")
    with pytest.raises(InputError, match="is the folder of"):
        run_lens("--overwrite", "--output", "photos", photos="linked")
    with pytest.raises(InputError, match="the name of one picture, and 2 are to be made"):
        run_lens("--output", "photos/a.jpg")
    with pytest.raises(InputError, match="is what is read; name another file"):
        run_lens("--overwrite", "--output", "photos/../photos/a.jpg", photos="photos/a.jpg")
    with pytest.raises(InputError, match="is the depth map; name another file"):
        run_lens(
            *("--overwrite", "--output", "depth/a.png"), photos="photos/a.jpg", depth="depth/a.png"
        )


def test_one_photos_picture_may_be_named(folder, capsys):
    photo = "photos/a.jpg"
    assert run_lens(photos=photo) == 0
    for name in ("new/bokeh.JPG", "bokeh.png"):
        assert run_lens("--output", name, photos=photo) == 0
        assert (folder / name).is_file()
        assert Image.open(name).size == (192, 128)
    assert Image.open("bokeh.png").format == "PNG"
    assert (folder / "new/bokeh.JPG").read_bytes() == (folder / "out/a.jpg").read_bytes()
    before = (folder / "bokeh.png").read_bytes()
    assert run_lens("--output", "bokeh.png", "--blur", "5", photos=photo) == 0
    assert "left alone" in capsys.readouterr().out
    assert (folder / "bokeh.png").read_bytes() == before
    assert run_lens("--output", "bokeh.png", "--blur", "5", "--overwrite", photos=photo) == 0
    assert (folder / "bokeh.png").read_bytes() != before
    with pytest.raises(InputError, match=r"bokeh.heic cannot be written; end it in \.jpg"):
        run_lens("--output", "bokeh.heic", photos=photo)
    with pytest.raises(InputError, match="do not agree"):
        run_lens("--output", "bokeh2.png", "--format", "jpg", photos=photo)
    # A folder may be called like a picture.
    (folder / "album.png").mkdir()
    assert run_lens("--output", "album.png") == 0
    assert names(folder / "album.png") == ["a.jpg", "ünser Foto.png"]


def test_kept_depth_maps_take_nothings_place(folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for place in ("photos", "depth", "photos/../photos"):
        with pytest.raises(InputError, match=r"--keep_depth .* is the folder of"):
            run_lens("--overwrite", "--keep_depth", place)
    with pytest.raises(InputError, match="is the folder of"):
        run_lens("--keep_depth", "out")
    with pytest.raises(InputError, match="is a file; name a folder"):
        run_lens("--keep_depth", "photos/a.jpg")
    assert not (folder / "out").exists()
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert run_lens("--keep_depth", "kept") == 0
    with pytest.raises(InputError, match=r"kept/a\.png is there already; give --overwrite"):
        run_lens("--output", "other", "--keep_depth", "kept")
    assert run_lens("--output", "other", "--keep_depth", "kept", "--overwrite") == 0


def test_depth_map_of_another_view_is_refused(folder, capsys):
    images.write_image(folder / "depth" / "a.png", depth_of(192, 128))
    assert run_lens() == 1
    complaint = capsys.readouterr().err
    assert "a.png is 64x96" in complaint
    assert "a.jpg is 192x128" in complaint


def test_a_photo_is_not_its_own_depth_map(folder):
    images.write_image(folder / "depth" / "b.png", photo_of(64, 64))
    source = sources.given([folder / "depth" / "b.png"], folder / "depth")
    with pytest.raises(InputError, match="has no depth map"):
        source(folder / "depth" / "b.png")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("photos --depth depth --output out --model nowhere", "nowhere is not there; leave it out"),
        ("photos --model no --depth depth --output out", "pynet_tf.train"),
        ("photos --model depth/a.png --depth depth --output out", "a.png is no model; give a"),
        ("photos --method lens --output out --depth nowhere", "nowhere is not there"),
        ("photos --method lens --output out --depth depth/a.png", "one file for 2 photos"),
        ("photos/a.jpg --output out --depth photos/a.jpg", "a.jpg is the photo itself"),
        ("photos --method lens --output out --depth depth --level 2", "--level belongs to"),
        ("photos --model depth --output out --depth depth --blades 5", "--blades belongs to"),
        ("nothing --method lens --output out --depth depth", "nothing is not there"),
        ("photos --output out --depth depth --depth_model w.weights.h5", "leave one out"),
    ],
)
def test_mistakes_are_told_before_anything_is_loaded(folder, arguments, complaint, monkeypatch):
    monkeypatch.setattr(renderer, "load", lambda *_: pytest.fail("loaded"))
    with pytest.raises(InputError, match=complaint):
        render.main(arguments.split())
    assert not (folder / "out").exists()


@pytest.mark.parametrize("value", ["--focus=2,0.5", "--focus=left", "--blur=-1", "--blur=nan"])
def test_values_out_of_range(folder, value, capsys):
    with pytest.raises(SystemExit) as ended:
        run_lens(value)
    assert ended.value.code == 2
    assert value.partition("=")[2] in capsys.readouterr().err


def test_net_renders_photos_from_a_run_and_from_a_saved_model(folder, models):
    arguments = ["photos", "--depth", "depth", "--output"]
    done = subprocess.run(
        [*RENDER, *arguments, "run", "--model", models / "run_1"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert render.main([*arguments, "saved", "--model", str(models / "saved")]) == 0
    pyramid, _ = RunDirectory(models / "run_1").load()
    for name in ("a.jpg", "ünser Foto.png"):
        image = images.stack(images.read_photo(folder / "photos" / name), depth_of(128, 192))
        expected = 255 * np.clip(pyramid(image[None].astype(np.float32) / 255)["level_1"][0], 0, 1)
        assert expected.std() > 10
        for output in ("run", "saved"):
            difference = np.abs(images.read_photo(folder / output / name) - expected)
            # Half a level of rounding, and where the two ways of halving differ by a level.
            assert difference.mean() < (4 if name == "a.jpg" else 0.5)


def test_without_a_model_the_small_one_of_the_project_renders(folder):
    assert render.main(["photos", "--depth", "depth", "--blur", "10", "--output", "out"]) == 0
    for name in ("a.jpg", "ünser Foto.png"):
        photo, picture = (images.read_photo(folder / place / name) for place in ("photos", "out"))
        difference = picture.astype(float) - photo
        assert picture.shape == photo.shape
        # Blur keeps light; the mean of the values grows where contrast goes.
        light = [optics.to_light(shot).mean((0, 1)) for shot in (photo, picture)]
        assert np.abs(light[1] / light[0] - 1).max() < 0.03, "the colours are the photo's"
        # The left half is near, the right half far.
        steps = [np.abs(np.diff(shot.astype(float), axis=0)) for shot in (picture, photo)]
        near, far = (steps[0][:, part].mean() / steps[1][:, part].mean() for part in (NEAR, FAR))
        assert 0.95 < near < 1.05, "the subject is as sharp as the photo"
        assert far < 0.6, "the rest is blurred"
        assert np.abs(difference[:, NEAR]).mean() < 2


def test_a_small_model_that_was_not_installed_is_named(folder, monkeypatch):
    monkeypatch.setattr(litert_cache, "_BOXED", (folder / "small",))
    with pytest.raises(InputError, match=r"small.*is not there; .*--model"):
        render.main(["photos", "--depth", "depth", "--output", "out"])


@pytest.mark.slow
def test_fast_renders_with_8_bit_weights_that_are_kept(folder, models, capfd, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    run = models / "run_3"
    arguments = ["photos/a.jpg", "--depth", "depth", "--format", "png", "--model", str(run)]
    for more in (["--output", "exact"], ["--output", "quick", "--fast"]):
        assert render.main([*arguments, *more]) == 0
    exact, quick = (images.read_photo(f"{kind}/a.png").astype(float) for kind in ("exact", "quick"))
    assert exact.shape == quick.shape
    assert 0 < np.abs(exact - quick).mean() < 4
    [kept] = (folder / "cache").rglob("*.tflite")
    made = kept.stat().st_mtime_ns
    assert render.main([*arguments, "--output", "again", "--fast"]) == 0
    assert kept.stat().st_mtime_ns == made
    assert "INFO" not in capfd.readouterr().err


def test_coarser_levels_are_enlarged_to_the_photos_size(folder, models, capsys):
    render.main(["photos", "--depth", "depth", "--output", "out", "--model", str(models / "run_3")])
    assert images.read_photo(folder / "out" / "a.jpg").shape == (128, 192, 3)
    assert "level 3 are enlarged" in capsys.readouterr().out


def test_a_photo_without_a_depth_map_gets_an_estimated_one(folder, monkeypatch, capsys):
    class Estimator:
        name = "the test"

        def estimate(self, photo):
            return depth_of(*photo.shape[:2])

    monkeypatch.setattr(choosing, "loader", lambda *_: Estimator)
    given = ["photos/ünser Foto.png", "--method", "lens", "--output"]
    assert render.main([*given, "estimated", "--keep_depth", "kept"]) == 0
    told = capsys.readouterr().out
    assert "depth estimated by the test; sharp at depth 0.86, the nearest subject" in told
    point = re.search(r"for example at (\d\S*)", told)[1]
    assert render.main([*given, "given", "--depth", "kept"]) == 0
    assert render.main([*given, "there", "--depth", "kept", "--focus", point]) == 0
    pictures = [
        images.read_photo(folder / made / "ünser Foto.png")
        for made in ("estimated", "given", "there")
    ]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    np.testing.assert_array_equal(pictures[0], pictures[2])


@pytest.mark.parametrize("kind", ["run_3", "saved"])
def test_large_photos_are_rendered_as_small_ones_are(models, kind):
    loaded = loading.load_model(models / kind)
    height, width = 641, 767
    photo, depth = photo_of(height, width), depth_of(height, width)
    counts = []

    def progress(parts, count):
        counts.append(count)
        return parts

    tiled = tiling.renderer(loaded, area=5000, progress=progress)(photo, depth)
    whole = tiling.renderer(loaded, progress=progress)(photo, depth)
    assert len(counts) == 1
    assert counts[0] > 1
    np.testing.assert_array_equal(whole, loaded.render(photo, depth))
    difference = np.abs(tiled.astype(int) - whole)
    assert tiled.shape == whole.shape
    # Where a value is close to a half, rounding may go either way.
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


def test_a_photo_that_needs_too_much_memory_is_named_and_the_others_are_done(
    folder, monkeypatch, capsys
):
    def with_little_memory(photo, *_, **__):
        if photo.shape[0] > 128:
            raise MemoryError("Unable to allocate 9 GiB")
        return photo

    monkeypatch.setattr(large_lens, "render", with_little_memory)
    images.write_image(folder / "photos" / "large.png", photo_of(256, 192))
    images.write_image(folder / "depth" / "large.png", depth_of(256, 192))
    assert run_lens() == 1
    said = capsys.readouterr().err
    assert "large.png: the memory is too small for it; close other programs" in said
    assert names(folder / "out") == ["a.jpg", "ünser Foto.png"]
    with pytest.raises(InputError, match="too small"):
        run_lens("--output", "alone", photos="photos/large.png")
