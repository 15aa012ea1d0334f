"""The first weights of levels 2 and 1 with the head `original`: the coarser level's picture.

In the 2020 code the new layers of a level start near zero: the untrained level is plain grey,
whatever the coarser level has learned. At the paper's rate Adam needs thousands of steps to bring
weights of 0.01 to the size of 1. During these steps the coarser levels, which are trained along,
learn to serve a picture that is not there yet. Levels 2 and 1 can start as the coarser level's
picture instead, without a change of the architecture.

Both are a transposed convolution, a leaky unit (slope 0.2) and a convolution. The transposed
convolution makes four equal pixels of each. Level 2 has room for every colour map x and for -x:
leaky(x) - leaky(-x) = 1.2 x. Level 1 has three maps only, which the leaky unit would darken where
they are negative: a constant in level 2's bias makes them positive, and the last bias takes it
away again. The levels from 3 on have no such way from the coarser level to their output.
"""

import keras
import numpy as np

# Added to level 2's maps z: colours are 0.58 tanh(z) + 0.5, and black is z = -1.30.
SHIFT = 1.5
_SLOPE = 0.2
# With stride 2, the first two of three taps make two equal pixels of each.
_REPEAT = (slice(0, 2), slice(0, 2))
_MIDDLE = (1, 1)


def start_as_coarser_level(pyramid: keras.Model, level: int) -> None:
    """Sets the new layers of a level so that it shows the coarser level, enlarged by two.

    Args:
        pyramid: with the head `original` and the coarser level trained; changed in place.
        level: 2, nearly (level 3's last convolution is taken as one of a single pixel), or 1,
            exactly. Level 2's own output is too bright from then on, as nothing keeps it right
            while level 1 is trained.

    Raises:
        ValueError: the level is another one.
    """
    if level == 2:
        _start_level_2(pyramid)
    elif level == 1:
        _start_level_1(pyramid)
    else:
        raise ValueError(f"level is {level}, but has to be 2 or 1")


def _start_level_2(pyramid: keras.Model) -> None:
    coarser = pyramid.get_layer("level_3_head")
    colours = np.sum(coarser.kernel.numpy(), axis=(0, 1)).T
    up, head = (pyramid.get_layer(f"level_2_{name}").kernel for name in ("up", "head"))
    kernel = up.numpy()
    kernel[..., :6, :] = 0
    kernel[*_REPEAT, :3] = colours
    kernel[*_REPEAT, 3:6] = -colours
    up.assign(kernel)
    kernel = np.zeros(head.shape, np.float32)
    kernel[*_MIDDLE, :3] = np.eye(3) / (1 + _SLOPE)
    kernel[*_MIDDLE, 3:6] = -np.eye(3) / (1 + _SLOPE)
    head.assign(kernel)
    pyramid.get_layer("level_2_head").bias.assign(coarser.bias)


def _start_level_1(pyramid: keras.Model) -> None:
    coarser = pyramid.get_layer("level_2_head").bias
    coarser.assign(coarser + SHIFT)
    up, head = (pyramid.get_layer(f"level_1_{name}").kernel for name in ("up", "head"))
    kernel = np.zeros(up.shape, np.float32)
    kernel[*_REPEAT] = np.eye(3)
    up.assign(kernel)
    kernel = np.zeros(head.shape, np.float32)
    kernel[*_MIDDLE] = np.eye(3)
    head.assign(kernel)
    pyramid.get_layer("level_1_head").bias.assign(np.full(3, -SHIFT, np.float32))
