"""Picture grids: every picture is there, whole and in its place."""

import numpy as np
import pytest

from pynet_tf.io import image_grid
from pynet_tf.io.image_grid import Panel


def _flat(colour, height=40, width=60):
    return np.full((height, width, 3), colour, np.uint8)


def _count(figure, colour):
    return int((figure == np.array(colour)).all(axis=-1).sum())


def test_all_panels_are_drawn_at_one_height():
    red, green, blue = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    rows = [[Panel(_flat(red)), Panel(_flat(green, 200, 100))], [Panel(_flat(blue, 10, 10))]]
    figure = image_grid.grid(rows, height=100)
    assert _count(figure, red) == 100 * 150
    assert _count(figure, green) == 100 * 50
    assert _count(figure, blue) == 100 * 100


def test_coarse_pictures_are_enlarged_by_whole_pixels():
    checks = (np.indices((4, 4)).sum(axis=0) % 2 * 255).astype(np.uint8)
    figure = image_grid.grid([[Panel(checks)]], height=200, gap=10)
    assert set(np.unique(figure[10:210, 10:210])) == {0, 255}
    assert figure[10:210, 10:210, 0].mean() == pytest.approx(127.5)


def test_texts_take_room_and_ink_and_long_ones_are_broken():
    panel = Panel(_flat((0, 0, 255)), "a title", "one caption")
    bare = image_grid.grid([[Panel(panel.picture)]], height=200)
    labelled = image_grid.grid([[panel]], height=200)
    long = image_grid.grid([[Panel(panel.picture, "a title", "many words " * 20)]], height=200)
    assert bare.shape[0] < labelled.shape[0] < long.shape[0]
    assert bare.shape[1] == labelled.shape[1] == long.shape[1]
    assert labelled.min(axis=-1)[:20].min() < 60, "the title is dark"
    red = image_grid.grid([[Panel(panel.picture, "", "mind this", warning=True)]], height=200)
    below = red[-30:].astype(int)
    assert (below[..., 0] - below[..., 2]).max() > 100


def test_outline_marks_the_window_in_a_copy():
    picture = _flat((10, 10, 10), 100, 100)
    marked = image_grid.outline(picture, 20, 30, 40, 50, thickness=2)
    assert (picture == 10).all()
    changed = np.argwhere((marked != picture).any(axis=-1))
    assert changed.min(axis=0).tolist() == [20, 30]
    assert changed.max(axis=0).tolist() == [59, 79]
    assert (marked[25:55, 35:75] == 10).all()


def test_a_figure_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one panel"):
        image_grid.grid([[], []])
