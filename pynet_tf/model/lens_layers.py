"""The steps of the head `defocus` as Keras layers: without weights, in float32 always.

Of each level two layers of the scene are kept in seven channels: the far one, 3 of light; and the
near one, 3 of light times its cover, and 1 of cover. See `defocus_head.py`.
"""

from typing import ClassVar

import keras
from keras import KerasTensor, layers, ops

from pynet_tf.model import lens_ops
from pynet_tf.model.architecture import DEFOCUS_UNIT
from pynet_tf.model.disc import COVERED, NEAR_FROM, SHARP_RADIUS

# Of the learned changes of the radius, in parts of the largest radius around: what a map has wrong
# is a depth, and that is wrong by the same part of the blur whatever the blur is. A lens blurs a
# fine detail away within a few hundredths of the depth; radii made of small maps learn that step
# slowly.
STEEPNESS = 2.0
# Of a radius this part stays, whatever is learned. Maps are wrong most often beside edges, and
# networks learned to doubt them there: strips of the background stayed sharp around things.
_LEAST_RADIUS = 0.5
# Of the corrections of light, and how far they go, in parts of the light. A part of it, since near
# black a value moves many times as far as its light does, and training kept staining what is dark;
# of all colours alike, since a lens adds no colour, and networks left coloured clouds beside large
# near things.
PACE = 1 / 8
_LARGEST_CORRECTION = 0.25
# In the light of the four pixels around it a sharp pixel weighs this much to one out of focus.
_LEAST_WEIGHT = 0.001
# In the far layer a pixel weighs as much as its radius, up to this one, in level 2's pixels: of two
# things out of focus, the nearer to the focus shines less far into the other. Something sharp
# weighs this much, or its light would glow into the blur beside it: a hundredth of a white thing's
# light would be a tenth of white beside it in the dark. Hidden ones weigh next to nothing; not 0,
# or there would be nothing where all is hidden.
_FULL_WEIGHT_RADIUS = 16.0
_SHARP_WEIGHT = 0.0004
_HIDDEN_WEIGHT = 1e-5
# The discs that reach a near pixel count from so many times its own on. Where things come nearer
# little by little, the larger discs beside are those of the same thing, and not of another.
_REACHED = 2.0


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

    def __init_subclass__(cls, **how):
        super().__init_subclass__(**how)
        keras.saving.register_keras_serializable("pynet_tf")(cls)

    def get_config(self):
        """Tells what the layer is made from, for `.keras` files."""
        return {"name": self.name, "level": self.level}

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

    results, scale = (7, 1, 1, 1, 10), 1 / 2

    def call(self, light, average, defocus):
        """Returns level 2's layers, radius, signed radius, weights, and the coarser parts."""
        signed = defocus * (DEFOCUS_UNIT / 2)
        radius = ops.abs(signed)
        # What is out of focus takes no light of the sharp pixels beside it; those keep their own.
        blurred = lens_ops.ramp(radius, 2 / SHARP_RADIUS)
        counted = ops.concatenate([blurred + _LEAST_WEIGHT] * 4, axis=-1)
        counted = ops.depth_to_space(counted, 2)
        halves = lens_ops.halve(ops.concatenate([light * counted, counted], axis=-1))
        own, counted = ops.split(halves, [3], axis=-1)
        light = average + blurred * (own / counted - average)
        near = lens_ops.ramp(signed, 1.0, -NEAR_FROM)
        # Beside something sharp a pixel holds some of its light, and is none to take light from.
        eroded = -lens_ops.max_pool(-radius)
        weight = lens_ops.ramp(eroded, 1 / _FULL_WEIGHT_RADIUS) + _SHARP_WEIGHT
        weight = weight * (1.0 - near) + _HIDDEN_WEIGHT
        parts = [light * weight, weight, radius * weight, light * near, near, signed]
        both = ops.concatenate([light, light * near, near], axis=-1)
        return both, radius, signed, weight, ops.concatenate(parts, axis=-1)


class HalveParts(Float32):
    """Takes the parts to the next coarser level."""

    scale = 1 / 2

    def call(self, parts):
        """Returns the parts at half the size."""
        return lens_ops.halve(parts)


class ReadParts(Float32):
    """Makes a level's layers, radius and signed radius of its parts."""

    results = (7, 1, 1, 1)

    def call(self, parts):
        """Returns the three, and what the far layer of each pixel weighs."""
        far, weight, radius, near, signed = ops.split(parts, [3, 4, 5, 9], axis=-1)
        pixel = 2.0 ** (self.level - 2)
        both = ops.concatenate([far / weight, near], axis=-1)
        return both, radius / (weight * pixel), signed * (1 / pixel), weight


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


class NearBlur(Float32):
    """Finds by what radius the near layer is blurred."""

    def call(self, reach, signed):
        """Returns a near pixel's own radius, or that of the larger discs that reach it."""
        own = ops.relu(signed)
        return ops.minimum(reach, own + 2.0 * ops.relu(reach - _REACHED * own))


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
        far, near, cover = ops.split(_corrections(maps, photo), [3, 6], axis=-1)
        far = far * lens_ops.ramp(radius, 1 / SHARP_RADIUS)
        return ops.concatenate([far, near, cover], axis=-1)


class EnlargeLayers(Float32):
    """Enlarges both layers by 2, the far one as its pixels weigh.

    Cells that hold nothing but a sharp thing keep its colours. Without weights they would shine
    into the blur beside it.
    """

    results, scale = (7, 7), 2

    def call(self, changes, photo, weight):
        """Returns the changes and the photo."""
        far, near = ops.split(changes, [3], axis=-1)
        far_photo, near_photo = ops.split(photo, [3], axis=-1)
        together = [far * weight, far_photo * weight, weight, near, near_photo]
        enlarged = lens_ops.enlarge(ops.concatenate(together, axis=-1))
        far, far_photo, weight, near, near_photo = ops.split(enlarged, [3, 6, 7, 11], axis=-1)
        one = 1.0 / weight
        changes = ops.concatenate([far * one, near], axis=-1)
        return changes, ops.concatenate([far_photo * one, near_photo], axis=-1)


class Step(Float32):
    """Finishes both layers of one of levels 6 to 2.

    A layer is that of the coarser level, enlarged, plus what a disc leaves of the photo's detail.
    It is kept as what it has more than the photo's own, which is nothing where all is sharp.
    """

    results = (7, 1, 1)

    def call(
        self, photo, weight, changes, coarse, radius, largest, near_radius, maps, inherited=None
    ):
        """Returns the changes, the far layer's radius and what of it is learned.

        Args:
            photo: both layers of the photo.
            weight: of the far layer's pixels.
            changes: what both have more than that at the coarser level, enlarged.
            coarse: both layers of the photo at the coarser level, enlarged.
            radius: of the far layer.
            largest: the largest radius around.
            near_radius: of the near layer.
            maps: three of a correction of light, one of a change of the radius.
            inherited: what the coarser level has learned of the radius.
        """
        learned = STEEPNESS * maps[..., 3:]
        if inherited is not None:
            learned = learned + lens_ops.enlarge(inherited)
        radius = _changed(radius, largest, learned)
        far_blurred, near_blurred = (
            lens_ops.ramp(r, 1 / SHARP_RADIUS) for r in (radius, near_radius)
        )
        far, near = ops.split(photo - coarse, [3], axis=-1)
        far_coarse, near_coarse = ops.split(coarse, [3], axis=-1)
        shares = lens_ops.kept_halves(radius, self.level)
        far = lens_ops.left_of_halves(far, far_coarse, shares, weight) - far
        # Its cover has a twin in `lens.pyramid`, and is blurred by large discs mostly.
        kept = lens_ops.kept_detail(near_radius, self.level)
        near = lens_ops.left_of(near, near_coarse, kept) - near
        changes = changes + ops.concatenate([far, near], axis=-1)
        changes = changes + _corrections(maps[..., :3], photo)
        return changes * _of_layers(far_blurred, near_blurred), radius, learned


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
        # How much of a pixel is the lens' and not the photo's own.
        share = lens_ops.ramp(coarse_radius, 2 / SHARP_RADIUS)
        share = ops.minimum(share + lens_ops.ramp(coarse_cover, 1 / COVERED), 1.0)
        weight = share + _LEAST_WEIGHT
        # One by one: to take large maps apart costs more than all the rest.
        share = lens_ops.enlarge(share)
        one = 1.0 / (share + _LEAST_WEIGHT)
        blurred_light = one * lens_ops.enlarge(weight * coarse_light)
        coarse = one * lens_ops.enlarge(weight * coarse_photo)
        radius, cover = lens_ops.enlarge(2.0 * coarse_radius), lens_ops.enlarge(coarse_cover)
        # At most doubled: maps as large as the photo, of the largest around, cost too much.
        radius = _changed(radius, 2.0 * radius, STEEPNESS * maps[..., 3:])
        kept = [part * (1.0 - cover) for part in lens_ops.kept_halves(radius, 1)]
        left = lens_ops.left_of_halves(bright - coarse, coarse, kept)
        lens = blurred_light + left + _part(maps[..., :3]) * coarse
        return lens_ops.from_light(photo + (lens - photo) * share)


def _changed(radius, largest, learned):
    """Changes a radius by learned parts of the largest around, from half of it up to that.

    Where the radius is 0 it stays so.
    """
    changed = radius + largest * learned * lens_ops.ramp(radius, 1 / SHARP_RADIUS)
    return ops.clip(changed, _LEAST_RADIUS * radius, ops.maximum(radius, largest))


def _corrections(maps, photo):
    """Makes corrections of both layers' light, of a level's maps; their cover stays."""
    return ops.concatenate([_part(maps) * photo[..., :6], 0.0 * photo[..., 6:]], axis=-1)


def _part(maps):
    """Makes of three maps by what part of it light is corrected."""
    return _LARGEST_CORRECTION * ops.tanh(PACE * ops.mean(maps, axis=-1, keepdims=True))


def _of_layers(far, near):
    """Returns the two layers' factors for their seven channels."""
    return ops.concatenate([far] * 3 + [near] * 4, axis=-1)
