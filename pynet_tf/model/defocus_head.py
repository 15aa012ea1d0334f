"""The head `defocus`: renders each level in linear light as a lens does, and learns the rest.

The head is told how far every pixel is out of focus. It divides the photo into two layers: what
is in focus or farther, and what is nearer. From the coarsest level to the finest each layer keeps
what detail a disc of the pixel's radius leaves; the near layer, spread over its discs' reach, is
laid over the other. So near things out of focus spread over sharp ones behind them, and far ones
do not spread over sharp ones before them. Where everything around is in focus the photo comes
back exactly, whatever is learned.

A level learns a change of the far layer's radius, in parts of the largest around, and a
correction of its brightness. An untrained network is a thin lens.

    photo      [B, 2H, 2W, 3] float32 in [0, 1], the whole photo; above 1 what is brighter
    defocus    [B, H, W, 1] float32, signed radius of the circle of confusion, positive nearer
               than the focus, in units of `architecture.DEFOCUS_UNIT` pixels of the whole photo
    radius     [B, h, w, 1] float32, without sign, in pixels of its level

All tensors of a level have its size, those of the coarser level half of that.
"""

from pynet_tf.model.blocks import Kernels, add, conv, conv_head, join, up
from pynet_tf.model.lens_layers import (
    CoarsestStep,
    Compose,
    Divide,
    EnlargeLayers,
    FinestStep,
    HalveParts,
    LargestRadius,
    Light,
    NearBlur,
    NearRadius,
    Reach,
    ReadParts,
    Step,
)
from pynet_tf.model.residual_head import averages


class DefocusHead:
    """Finishes the levels of one pyramid; `outputs` holds their pictures by name.

    Args:
        photo: see the module.
        defocus: see the module.
        kernels: the initial ones, see `blocks`.
    """

    def __init__(self, photo, defocus, kernels: Kernels):
        self.outputs: dict = {}
        self._kernels = kernels
        self._light, self._bright = Light("photo_light")(photo)
        self._averages = averages(self._light, 1, 7, "average_light")
        self._photo, self._radius, self._signed, near = {}, {}, {}, {}
        # Of the far layer's pixels.
        self._weight = {}
        divided = Divide("level_2_parts")(self._bright, self._averages[2], defocus)
        self._photo[2], self._radius[2], self._signed[2], self._weight[2], parts = divided
        near[2] = NearRadius("level_2_near_radius", 2)(self._signed[2])
        for level in range(3, 8):
            parts = HalveParts(f"level_{level}_parts")(parts)
            read = ReadParts(f"level_{level}_read", level)(parts)
            self._photo[level], self._radius[level], self._signed[level], self._weight[level] = read
            near[level] = NearRadius(f"level_{level}_near_radius", level)(near[level - 1])
        reach = Reach("level_7_reach")(near[7])
        self._near_radius = {}
        for level in range(6, 1, -1):
            reach = Reach(f"level_{level}_reach")(near[level], reach)
            blur = NearBlur(f"level_{level}_near_blur")
            self._near_radius[level] = blur(reach, self._signed[level])
        self._largest = {6: LargestRadius("level_6_largest_radius", 6)(self._radius[6])}
        for level in range(5, 1, -1):
            self._largest[level] = LargestRadius(f"level_{level}_largest_radius", level)(
                self._largest[level + 1]
            )
        # What each level's layers have more than the photo's, and what it learned of the radius.
        self._changes, self._learned = {}, {}

    def sees(self, level: int, features):
        """Returns the features that a level computes with: these, the defocus and the radius."""
        return join(features, self._signed[level], self._radius[level])

    def finish(self, level: int, features) -> None:
        """Makes a level's picture `[B, h, w, 3]`, about [0, 1], of its last features."""
        name = f"level_{level}"
        photo, radius = self._photo.get(level), self._radius.get(level)
        if level == 1:
            self.outputs[name] = FinestStep(name)(
                self._light, self._bright, *self._coarse, conv_head(features, 4, f"{name}_head")
            )
            return
        if level == 7:
            maps = conv_head(features, 3, f"{name}_head")
            changes = CoarsestStep(f"{name}_layers")(photo, radius, maps)
        else:
            maps = conv_head(self.sees(level, features), 4, f"{name}_head")
            # Levels 2 and 1 have few features to learn a radius of their own from.
            inherited = self._learned[3] if level == 2 else None
            enlarge = EnlargeLayers(f"{name}_enlarged")
            changes, coarse = enlarge(
                self._changes[level + 1], self._photo[level + 1], self._weight[level + 1]
            )
            changes, radius, self._learned[level] = Step(f"{name}_layers", level)(
                photo,
                self._weight[level],
                changes,
                coarse,
                radius,
                self._largest[level],
                self._near_radius[level],
                maps,
                inherited,
            )
        self._changes[level] = changes
        compose = Compose(name, level)
        light, cover, self.outputs[name] = compose(photo, changes, radius, self._averages[level])
        self._coarse = photo[..., :3], light, radius, cover

    def level_2_features(self, features, image):
        """Returns level 2's features, which have seen the photo and its defocus again.

        The edges that its radius and level 1's have to follow are too fine for level 3's features.
        """
        channels = features.shape[-1]
        seen = self.sees(2, join(features, image))
        features = add(conv(seen, channels, 3, "level_2_g2", self._kernels, norm=False), features)
        return add(conv(features, channels, 1, "level_2_g3", self._kernels, norm=False), features)

    def level_1_features(self, features, channels: int):
        """Returns level 1's features: those of level 2 and its defocus, enlarged."""
        return up(self.sees(2, features), channels, "level_1_up", self._kernels)
