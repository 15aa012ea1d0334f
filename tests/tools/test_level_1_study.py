"""`tools/studies/level_1.py`: trains variants once each and draws them."""

import json

from PIL import Image

from pynet_tf import model
from pynet_tf.runs.run_directory import RunDirectory


def test_variants_are_trained_and_drawn(tiny_ebb, nursery, tmp_path):
    def study(*arguments):
        return nursery.run("tools/studies/level_1.py", *arguments, cwd=tmp_path)

    narrow = {"width": 0.05, "largest_kernel": 3}
    RunDirectory(tmp_path / "run").save(2, model.pynet(**narrow), {}, **narrow)
    arguments = (
        "train", tmp_path / "run", "--data_dir", tiny_ebb, "--output", tmp_path / "study",
        "--variants", "2020", "enlarged", "--steps", 2, "--every", 1,
    )  # fmt: skip
    done = study(*arguments)
    assert done.status == 0, done.err
    results = {p.name: json.loads(p.read_text()) for p in (tmp_path / "study").iterdir()}
    assert set(results) == {"run.2020.0.json", "run.enlarged.0.json"}
    for result in results.values():
        assert [point["step"] for point in result["curve"]] == [0, 1, 2]
        assert result["curve"][2]["gradients"]["level_1"] > 0
    # Level 2 enlarged is bilinear, the start is not.
    enlarged = results["run.enlarged.0.json"]
    assert abs(enlarged["curve"][0]["psnr"] - enlarged["level_2"]["psnr"]) < 0.2

    done = study("draw", tmp_path / "study", "--ablation", "run", "--output", tmp_path / "a.png")
    assert done.status == 0, done.err
    assert Image.open(tmp_path / "a.png").size[0] > 500
    done = study("draw", tmp_path / "study", "--ablation", "none", "--output", tmp_path / "b.png")
    assert done.status == 2
    assert "has no figures of none" in done.err
