"""PyNET: a pyramid of seven levels that turns photo + depth into bokeh.

Ignatov et al., "Rendering Natural Camera Bokeh Effect with Deep Learning", CVPRW 2020, section 3
and figure 4. Levels have the paper's numbers: 7 is the smallest, 1 has the size of the photo.

    input    [B, H, W, 4] float32 in [0, 1]: the half-size photo (RGB) and its depth map;
             H and W multiples of 32, free at every call. With the head `defocus` [B, H, W, 13]:
             the whole photo, each 2x2 of its pixels folded into 12 channels, and the defocus
    level_1  [B, 2H, 2W, 3]     level_2  [B, H, W, 3]     level_3  [B, H/2, W/2, 3]
    ...      level_7  [B, H/32, W/32, 3]; float32 about [0, 1], not clipped

Layers are named `<section>_<block>_...` in the notation of the seven sections below, so that
weights can be mapped by name.
"""

import keras

from pynet_tf.model.architecture import FOLDED, HEADS, KERNELS, LARGEST_KERNEL, input_format
from pynet_tf.model.blocks import add, halve, join, multi, small_normal, unit_variance, up
from pynet_tf.model.defocus_head import DefocusHead
from pynet_tf.model.original_head import OriginalHead
from pynet_tf.model.residual_head import ResidualHead

# Level 2's and 1's features however narrow the net is: two or one cannot carry three colours. With
# the head `defocus` level 3's too.
_FINE_CHANNELS = 8
# With the head `defocus` of level 3's last block, of which each place decides the radii of 4 places
# of level 2 and 16 of level 1.
_DEFOCUS_LAST_CHANNELS = 16


def pynet(
    width: float = 1.0,
    depth: bool = True,
    head: str = "original",
    seed: int | None = 0,
    largest_kernel: int = LARGEST_KERNEL,
) -> keras.Model:
    """Builds the whole pyramid.

    Args:
        width: scales every channel count but the colours' and, below 1, that of level 2, which
            keeps its 8; 1.0 has 47,551,791 parameters with the head `original`.
        depth: whether the input has a depth map as its fourth channel.
        head: what a level makes of its features: `original`, as in 2020; `residual`, a
            correction of the coarser level, untrained the photo itself; `defocus`, what a lens
            does at the defocus that it is told, untrained a thin lens. See the heads' modules.
        seed: of the initial kernels, which are all different. None leaves them zero, which is
            quicker, for weights that are then read from a file.
        largest_kernel: of levels 3 and 4, odd: 9 as in the paper (level 4 has 7x7 at most);
            with 5, a narrow net takes half the time.

    Returns:
        A model with a dict of outputs, `level_1` to `level_7`.

    Raises:
        ValueError: the width is not positive, the head or the largest kernel is unknown, or the
            head `defocus` is to do without a map.
    """
    if not width > 0:
        raise ValueError(f"width is {width}, but has to be above 0")
    if head not in HEADS:
        raise ValueError(f"head is {head!r}, but has to be one of {', '.join(HEADS)}")
    if largest_kernel not in KERNELS:
        raise ValueError(f"largest_kernel is {largest_kernel}, but has to be 3, 5, 7 or 9")
    if head == "defocus" and not depth:
        raise ValueError("the head defocus is made of the defocus, and that of a depth map")
    n8, n32, n64, n128, n256, n512 = (max(1, round(n * width)) for n in (8, 32, 64, 128, 256, 512))
    n8 = max(n8, _FINE_CHANNELS)
    f32 = n32
    if head == "defocus":
        n32, f32 = max(n32, _FINE_CHANNELS), max(n32, _DEFOCUS_LAST_CHANNELS)

    kernels = unit_variance(seed) if head == "defocus" else small_normal(seed)
    image = keras.Input((None, None, input_format(head, depth).channels), name="image")
    folded = keras.ops.space_to_depth(image, 2)
    # What the levels make of their features, see the heads' modules.
    if head == "original":
        levels = OriginalHead(kernels)
    elif head == "residual":
        levels = ResidualHead(image[..., :3], kernels)
    else:
        photo = keras.ops.depth_to_space(image[..., :FOLDED], 2)
        levels = DefocusHead(photo, image[..., FOLDED:], kernels)

    # Encoder. Level 3 and up have no norm, and so neither has the block that feeds them first.
    e3 = multi(folded, n32, 3, "encoder_e3", kernels, norm=False)
    e4 = multi(halve(e3, "encoder_pool4"), n64, 3, "encoder_e4", kernels)
    e5 = multi(halve(e4, "encoder_pool5"), n128, 3, "encoder_e5", kernels)
    e6 = multi(halve(e5, "encoder_pool6"), n256, 3, "encoder_e6", kernels)

    # Level 7, H/32.
    a1 = multi(halve(e6, "encoder_pool7"), n512, 3, "level_7_a1", kernels)
    a2 = add(multi(a1, n512, 3, "level_7_a2", kernels), a1)
    a3 = add(multi(a2, n512, 3, "level_7_a3", kernels), a2)
    a4 = multi(a3, n512, 3, "level_7_a4", kernels)
    up_a = up(a4, n256, "level_7_up_a", kernels)
    up_b = up(a4, n256, "level_7_up_b", kernels)
    levels.finish(7, a4)

    # Level 6, H/16.
    b2 = multi(levels.sees(6, join(e6, up_a)), n256, 3, "level_6_b2", kernels)
    b3 = add(multi(b2, n256, 3, "level_6_b3", kernels), b2)
    b4 = add(multi(b3, n256, 3, "level_6_b4", kernels), b3)
    b5 = join(multi(b4, n256, 3, "level_6_b5", kernels), up_b)
    b6 = multi(b5, n256, 3, "level_6_b6", kernels)
    up_a = up(b6, n128, "level_6_up_a", kernels)
    up_b = up(b6, n128, "level_6_up_b", kernels)
    levels.finish(6, b6)

    # Level 5, H/8.
    c2 = join(e5, up_a)
    c3 = add(multi(levels.sees(5, c2), n128, 5, "level_5_c3", kernels), c2)
    c4 = add(multi(c3, n128, 5, "level_5_c4", kernels), c3)
    c5 = add(multi(c4, n128, 5, "level_5_c5", kernels), c4)
    c6 = join(multi(c5, n128, 5, "level_5_c6", kernels), e5)
    c7 = join(c6, up_b)
    c8 = multi(c7, n128, 3, "level_5_c8", kernels)
    up_a = up(c8, n64, "level_5_up_a", kernels)
    up_b = up(c8, n64, "level_5_up_b", kernels)
    levels.finish(5, c8)

    # Level 4, H/4.
    k5, k7, k9 = (min(size, largest_kernel) for size in (5, 7, 9))
    d2 = levels.sees(4, join(e4, up_a))
    d3 = join(multi(d2, n64, k5, "level_4_d3", kernels), e4)
    d4 = multi(d3, n64, k7, "level_4_d4", kernels)
    if k7 == 7:  # or else they differ in channels
        d4 = add(d4, d3)
    d5 = add(multi(d4, n64, k7, "level_4_d5", kernels), d4)
    d6 = add(multi(d5, n64, k7, "level_4_d6", kernels), d5)
    d7 = join(multi(d6, n64, k7, "level_4_d7", kernels), e4)
    d8 = join(multi(d7, n64, k5, "level_4_d8", kernels), up_b)
    d9 = multi(d8, n64, 3, "level_4_d9", kernels)
    up_a = up(d9, n32, "level_4_up_a", kernels)
    up_b = up(d9, n32, "level_4_up_b", kernels)
    levels.finish(4, d9)

    # Level 3, H/2, without norm from here on.
    f2 = levels.sees(3, join(e3, up_a))
    f3 = join(multi(f2, n32, k5, "level_3_f3", kernels, norm=False), e3)
    f4 = multi(f3, n32, k7, "level_3_f4", kernels, norm=False)
    f5 = multi(f4, n32, k9, "level_3_f5", kernels, norm=False)
    f6 = add(multi(f5, n32, k9, "level_3_f6", kernels, norm=False), f5)
    f7 = add(multi(f6, n32, k9, "level_3_f7", kernels, norm=False), f6)
    f8 = add(multi(f7, n32, k9, "level_3_f8", kernels, norm=False), f7)
    f9 = join(multi(f8, n32, k7, "level_3_f9", kernels, norm=False), e3)
    f10 = join(multi(f9, n32, k5, "level_3_f10", kernels, norm=False), up_b)
    f11 = join(f10, e3)
    f12 = multi(f11, f32, 3, "level_3_f12", kernels, norm=False)
    levels.finish(3, f12)

    # Level 2, H.
    g = levels.level_2_features(up(f12, n8, "level_2_up", kernels), image)
    levels.finish(2, g)

    # Level 1, 2H.
    levels.finish(1, levels.level_1_features(g, n8))

    return keras.Model(image, levels.outputs, name="pynet")


def level_model(pyramid: keras.Model, level: int) -> keras.Model:
    """Returns one level of a pyramid, sharing its layers.

    Its `trainable_variables` are exactly those that the level's output depends on.

    Args:
        pyramid: from `pynet`.
        level: 7 (smallest) to 1.

    Raises:
        ValueError: the level is not one of the pyramid's.
    """
    if f"level_{level}" not in pyramid.output:
        raise ValueError(f"level is {level}, but has to be one of 1 to 7")
    return keras.Model(pyramid.input, pyramid.output[f"level_{level}"], name=f"level_{level}")
