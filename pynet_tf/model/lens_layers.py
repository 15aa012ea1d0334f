"""The steps of the head `defocus` as Keras layers: without weights, in float32 always.

Of each level two layers of the scene are kept in seven channels: the far one, 3 of light; and the
near one, 3 of light times its cover, and 1 of cover. See `defocus_head.py`.
"""

from typing import ClassVar

from keras import KerasTensor, layers, ops

from pynet_tf.model import lens_ops
from pynet_tf.model.architecture import DEFOCUS_UNIT
from pynet_tf.model.disc import COVERED, NEAR_FROM, SHARP_RADIUS

# Of the learned changes of the radius, in parts of the largest radius around: what a map has wrong
# is a depth, and that is wrong by the same part of the blur whatever the blur is. A lens blurs a
# fine detail away within a few hundredths of the depth; radii made of small maps learn that step
# slowly.
STEEPNESS = 2.0
# Of the corrections of light. Near black a value moves many times as far as its light does: at the
# pace of the radii, training kept staining what is dark.
PACE = 1 / 8
# The largest correction of light.
_LARGEST_CORRECTION = 0.58
# In the light around it a pixel of the far layer weighs this much where it is sharp, or its light
# would glow into the blur beside it, and 1 more from this radius on, in level 2's pixels. Hidden
# ones weigh next to nothing; not 0, or there would be nothing where all is hidden.
_LEAST_WEIGHT = 0.01
_FULL_WEIGHT_RADIUS = 6.0
_HIDDEN_WEIGHT = 1e-4


class Float32(layers.Layer):
    """A layer without weights that computes in float32 under every policy.

    Attributes:
        level: of the pyramid, where it matters.
        results: the channels of each result; None: those of the first argument.
        scale: the results' size in parts of the first argument's.
    """

    results: ClassVar[tuple[int | None, ...]] = (None,)
    scale: float = 1

    def __init__(self, name: str, level: int | None = None):
        super().__init__(name=name, dtype="float32")
        self.level = level

    def compute_output_spec(self, first, *_, **__):
        """Tells the results' shapes, which JAX cannot find for sizes that are free."""
        batch, *sides, channels = first.shape
        sides = [None if side is None else int(side * self.scale) for side in sides]
        found = [
            KerasTensor((batch, *sides, result or channels), self.compute_dtype)
            for result in self.results
        ]
        return found[0] if len(found) == 1 else tuple(found)


class Light(Float32):
    """Makes light of a photo's values."""

    results = (None, None)

    def call(self, photo):
        """Returns the light as it shows, and with small clipped lights as bright as they were."""
        light = lens_ops.to_light(photo)
        return light, light * lens_ops.highlight_gain(photo)


class Enlarge(Float32):
    """Enlarges by 2, bilinearly."""

    scale = 2

    def call(self, x):
        """Returns `[B, 2h, 2w, C]`."""
        return lens_ops.enlarge(x)


class Divide(Float32):
    """Divides the photo's light into the far and the near layer, at level 2."""

    results, scale = (7, 1, 1, 10), 1 / 2

    def call(self, light, defocus):
        """Returns level 2's layers, radius and signed radius, and the parts of coarser levels."""
        light, signed = lens_ops.halve(light), defocus * (DEFOCUS_UNIT / 2)
        radius = ops.abs(signed)
        near = lens_ops.ramp(signed, 1.0, -NEAR_FROM)
        # Beside something sharp a pixel holds some of its light, and is none to take light from.
        eroded = -lens_ops.max_pool(-radius)
        weight = lens_ops.ramp(eroded, 1 / _FULL_WEIGHT_RADIUS) + _LEAST_WEIGHT
        weight = weight * (1.0 - near) + _HIDDEN_WEIGHT
        parts = [light * weight, weight, radius * weight, light * near, near, signed]
        both = ops.concatenate([light, light * near, near], axis=-1)
        return both, radius, signed, ops.concatenate(parts, axis=-1)


class HalveParts(Float32):
    """Takes the parts to the next coarser level."""

    scale = 1 / 2

    def call(self, parts):
        """Returns the parts at half the size."""
        return lens_ops.halve(parts)


class ReadParts(Float32):
    """Makes a level's layers, radius and signed radius of its parts."""

    results = (7, 1, 1)

    def call(self, parts):
        """Returns the three."""
        far, weight, radius, near, signed = ops.split(parts, [3, 4, 5, 9], axis=-1)
        pixel = 2.0 ** (self.level - 2)
        both = ops.concatenate([far / weight, near], axis=-1)
        return both, radius / (weight * pixel), signed * (1 / pixel)


class NearRadius(Float32):
    """Takes the largest radii of near things to the next coarser level, or, at 2, begins."""

    @property
    def scale(self) -> float:
        """The radii's size in parts of what they are taken from."""
        return 1 if self.level == 2 else 1 / 2

    def call(self, radius):
        """Returns the radii, in the level's pixels."""
        if self.level == 2:
            return ops.relu(radius)
        return 0.5 * ops.max_pool(radius, 2, strides=2, data_format="channels_last")


class Reach(Float32):
    """Finds how large the discs of near things are that reach each pixel."""

    def call(self, own, coarser=None):
        """Returns the radii."""
        return lens_ops.reach(own, coarser)


class LargestRadius(Float32):
    """Finds the largest radius around each pixel at level 6, or takes it to finer levels."""

    @property
    def scale(self) -> float:
        """The radii's size in parts of what they are taken from."""
        return 1 if self.level == 6 else 2

    def call(self, radius):
        """Returns the radii, in the level's pixels."""
        return lens_ops.max_pool(radius) if self.level == 6 else 2.0 * lens_ops.enlarge(radius)


class CoarsestStep(Float32):
    """Finishes level 7: the photo's two layers, and what the level corrects of their light."""

    def call(self, photo, radius, maps):
        """Returns what the layers have more than the photo's."""
        light, cover = _correction(maps), photo[..., 6:]
        far = light * lens_ops.ramp(radius, 1 / SHARP_RADIUS)
        return ops.concatenate([far, light * cover, 0.0 * cover], axis=-1)


class Step(Float32):
    """Finishes both layers of one of levels 6 to 2.

    A layer is that of the coarser level, enlarged, plus what a disc leaves of the photo's detail.
    It is kept as what it has more than the photo's own, which is nothing where all is sharp.
    """

    results = (7, 1, 1)

    def call(
        self, photo, coarse_photo, coarse_changes, radius, largest, reach, maps, inherited=None
    ):
        """Returns the changes, the far layer's radius and what of it is learned."""
        light, change = _correction(maps[..., :3]), maps[..., 3:]
        learned = STEEPNESS * change
        if inherited is not None:
            learned = learned + lens_ops.enlarge(inherited)
        radius = _changed(radius, largest, learned)
        both = lens_ops.enlarge(ops.concatenate([coarse_changes, coarse_photo], axis=-1))
        changes, coarse = ops.split(both, 2, axis=-1)
        kept = [lens_ops.kept_detail(r, self.level) for r in (radius, reach)]
        blurred = [lens_ops.ramp(r, 1 / SHARP_RADIUS) for r in (radius, reach)]
        detail = photo - coarse
        left = lens_ops.left_of(detail, coarse, _of_layers(*kept))
        cover = photo[..., 6:]
        added = ops.concatenate([light, light * cover, 0.0 * cover], axis=-1)
        return (changes - detail + left + added) * _of_layers(*blurred), radius, learned


class Compose(Float32):
    """Lays the near layer over the far one, at levels 7 to 2."""

    results = (3, 1, 3)

    def call(self, photo, changes, radius, average):
        """Returns the light, the cover, and the level's picture.

        The finer level enlarges the layers without the detail that smooth sums lack of a photo
        whose pixels are the means of what they cover; a picture that is looked at, or compared
        with a target, has what a disc leaves of that.
        """
        far, near, cover = ops.split(photo + changes, [3, 6], axis=-1)
        seen = 1.0 - cover
        light = near + seen * far
        finer = lens_ops.kept_detail(2.0 * radius, max(self.level - 1, 2)) * seen
        around = photo[..., :3]
        left = lens_ops.left_of(average - around, around, finer)
        return light, cover, lens_ops.from_light(light + left)


class FinestStep(Float32):
    """Finishes level 1, where the near layer has no detail of its own."""

    def call(self, photo, bright, coarse_photo, coarse_light, coarse_radius, coarse_cover, maps):
        """Returns the picture; what is sharp shows the photo, what is blurred the bright one."""
        light, change = _correction(maps[..., :3]), maps[..., 3:]
        # One by one: to take large maps apart costs more than all the rest.
        blurred_light, coarse = lens_ops.enlarge(coarse_light), lens_ops.enlarge(coarse_photo)
        radius, cover = lens_ops.enlarge(2.0 * coarse_radius), lens_ops.enlarge(coarse_cover)
        # At most doubled: maps as large as the photo, of the largest around, cost too much.
        radius = _changed(radius, 2.0 * radius, STEEPNESS * change)
        kept = lens_ops.kept_detail(radius, 1) * (1.0 - cover)
        blurred = lens_ops.ramp(radius, 1 / SHARP_RADIUS) + lens_ops.ramp(cover, 1 / COVERED)
        lens = blurred_light + lens_ops.left_of(bright - coarse, coarse, kept) + light
        return lens_ops.from_light(photo + (lens - photo) * ops.minimum(blurred, 1.0))


def _changed(radius, largest, learned):
    """Changes a radius by learned parts of the largest around, up to that.

    Where the radius is 0 it stays so.
    """
    changed = radius + largest * learned * lens_ops.ramp(radius, 1 / SHARP_RADIUS)
    return ops.clip(changed, 0.0, ops.maximum(radius, largest))


def _correction(maps):
    """Makes a correction of brightness alone of three maps.

    A lens adds no colour. With a correction for each colour, networks left coloured clouds beside
    large near things, and were no nearer to the true bokeh (by 0.005 dB).
    """
    colours = _LARGEST_CORRECTION * ops.tanh(PACE * maps)
    return ops.repeat(ops.mean(colours, axis=-1, keepdims=True), 3, axis=-1)


def _of_layers(far, near):
    """Returns the two layers' factors for their seven channels."""
    return ops.concatenate([far] * 3 + [near] * 4, axis=-1)
