"""The graph's focus, sharpened depth and defocus beside those of `lens`."""

import numpy as np
import pytest
import tensorflow as tf

from pynet_tf import lens
from pynet_tf.inference import depth_graph
from pynet_tf.lens import depth_edges
from pynet_tf.lens.defocus_map import defocus_map
from pynet_tf.lens.focus import LensSettings
from pynet_tf.synthetic import pairs


@pytest.fixture(scope="module")
def views():
    """Photos with estimated depth maps of other sizes: `(photo, depth)`."""
    made = []
    for seed, (rows, columns) in enumerate([(128, 192), (60, 90), (200, 300)]):
        pair = pairs.pair(7, seed, 256, 384)
        depth = depth_edges.resized(pair.depth, rows, columns)
        made.append((pair.photo, depth.round().astype(np.uint8)))
    return made


def test_automatic_focus(views):
    for _, depth in views:
        found = depth_graph.nearest_subject(tf.constant(depth[None]))[0]
        assert float(found) == pytest.approx(lens.nearest_subject(depth), abs=1e-6)


@pytest.mark.parametrize("point", [(0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.31, 0.77), (1.0, 0.2)])
def test_focus_at_a_point(views, point):
    for _, depth in views:
        found = depth_graph.focus_at(tf.constant(depth), tf.constant(point, tf.float32))
        assert float(found) == pytest.approx(lens.focus_at(depth, *point), abs=1e-6)


def test_depth_is_sharpened_alike(views):
    for photo, depth in views:
        for cut in (photo, photo[:-1, :-1]):
            found = depth_graph.sharpened(tf.constant(depth[None]), tf.constant(cut[None]))[0]
            expected = depth_edges.sharpened(depth, cut)
            assert found.shape == expected.shape
            # Pixels that belong to both sides equally well may go to the other one.
            assert (np.abs(found - expected) > 0.01).mean() < 0.002
            assert not np.array_equal(expected, depth_edges.resized(depth, *expected.shape) / 255)


def test_defocus_of_a_batch(views):
    photos = np.stack([photo for photo, _ in views[:1]] * 2)
    depths = np.stack([views[0][1], 255 - views[0][1]])
    focuses = depth_graph.nearest_subject(depths)
    found = depth_graph.defocus(photos, depths, focuses, 2.0).numpy()
    for one, photo, depth in zip(found, photos, depths, strict=True):
        expected = defocus_map(photo, depth, LensSettings(blur=2.0))
        assert (np.abs(one - expected) > 0.05).mean() < 0.002
        assert expected.min() < -3
