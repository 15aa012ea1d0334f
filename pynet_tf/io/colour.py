"""Colours of any kind as RGB that looks the same.

    values    [H, W, C] uint8 or uint16, what the file holds
    space     what C stands for: `gray`, `rgb`, `cmyk` (255 is full ink) or `lab` (CIE L*a*b* of
              D50; a and b are shifted so that 0 is in the middle)
    profile   an ICC profile; None where the file has none

RGB stays in the space of its profile, which the picture is given again. Everything else, and RGB
that is far from being spread over its values as sRGB is (linear light), becomes sRGB: networks
know that, and a picture without a profile is taken for it.
"""

import functools

import numpy as np

# What a profile says of itself, and what we call it.
_SPACES = {b"RGB ": "rgb", b"GRAY": "gray", b"CMYK": "cmyk", b"Lab ": "lab"}
# A grey of half the values is sRGB's too, give or take this much of all. Gammas of 1.8 and 2.6
# are nearer, light itself (0.73) is not.
_AS_SPREAD = 0.12
# PNG's gamma is sRGB's within this much, as libpng takes it.
_GAMMA_TOLERANCE = 0.05
SRGB_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


def to_rgb(
    values: np.ndarray, space: str, profile: bytes | None
) -> tuple[np.ndarray, bytes | None]:
    """Makes RGB of a photo's values.

    Args:
        values: see the module.
        space: likewise.
        profile: likewise; one of another space or a damaged one counts as none.

    Returns:
        `[H, W, 3]` of the same type, and its profile; None for sRGB.
    """
    if profile is None or _SPACES.get(profile[16:20]) != space:
        profile = None
    if space == "rgb" and (profile is None or _is_spread_as_srgb(profile)):
        return values, profile
    if space == "lab" and profile is None:
        profile = _codecs().cms_profile("lab4")
    if profile is not None:
        converted = _to_srgb(values, space, profile)
        if converted is not None:
            return converted, None
    if space == "cmyk":
        return _without_ink(values), None
    return np.repeat(values, 3, axis=-1) if space == "gray" else values, None


def of_png(gamma: float | None, primaries: tuple | None, space: str) -> bytes | None:
    """Makes a profile of what a PNG without one says in its chunks gAMA and cHRM.

    Args:
        gamma: as stored, 0.45455 for that of most screens; None if not stored.
        primaries: x and y of white, red, green and blue; None if not stored.
        space: `gray` or `rgb`.

    Returns:
        None if they say nothing or what is true of sRGB.
    """
    if not gamma or not 0.1 < gamma < 10:
        return None
    primaries = primaries or SRGB_PRIMARIES
    usual = abs(gamma * 2.2 - 1) < _GAMMA_TOLERANCE
    if usual and (space == "gray" or np.allclose(primaries, SRGB_PRIMARIES, atol=1e-3)):
        return None
    if space == "gray":
        return _codecs().cms_profile("gray", gamma=1 / gamma)
    return rgb_profile(primaries, 1 / gamma)


def rgb_profile(
    primaries: tuple, gamma: float | None, curve: np.ndarray | None = None
) -> bytes | None:
    """Makes a profile.

    Args:
        primaries: x and y of white, red, green and blue.
        gamma: of the values; None for a curve.
        curve: `[N]` uint16, light of values from 0 to 1.

    Returns:
        None for primaries that are no colours.
    """
    (white, *colours) = ((*place, 1.0) for place in np.reshape(primaries, (4, 2)).tolist())
    try:
        return _codecs().cms_profile(
            "rgb",
            whitepoint=white,
            primaries=sum(colours, ()),
            gamma=gamma,
            transferfunction=curve,
        )
    except (RuntimeError, ValueError):
        return None


def adobe_rgb() -> bytes:
    """Returns the profile of Adobe RGB, which cameras name in their EXIF data only."""
    return _codecs().cms_profile("adobergb")


def _to_srgb(values: np.ndarray, space: str, profile: bytes) -> np.ndarray | None:
    """Converts by the profile; None if it is damaged."""
    cms = _codecs().CMS
    # Tables made beforehand are wrong by 6 levels in dark greys and by 40 in strong Lab.
    flags = cms.FLAGS.HIGHRESPRECALC if space == "cmyk" else cms.FLAGS.NOOPTIMIZE
    try:
        return _codecs().cms_transform(
            np.ascontiguousarray(values[..., 0] if space == "gray" else values),
            profile,
            _srgb(),
            colorspace=space,
            outcolorspace="rgb",
            # What programs for prints do unless they are told otherwise: full ink is black.
            intent=cms.INTENT.RELATIVE_COLORIMETRIC,
            flags=flags | cms.FLAGS.BLACKPOINTCOMPENSATION,
        )
    except (RuntimeError, ValueError):
        return None


def _without_ink(values: np.ndarray) -> np.ndarray:
    """Makes RGB of CMYK by the rule of thumb that programs without profiles use."""
    most = np.iinfo(values.dtype).max
    left = most - values[..., :3].astype(np.float32)
    left *= (most - values[..., 3:].astype(np.float32)) / most
    return np.rint(left).astype(values.dtype)


@functools.lru_cache(maxsize=8)
def _is_spread_as_srgb(profile: bytes) -> bool:
    middle = _to_srgb(np.full((1, 1, 3), 32768, np.uint16), "rgb", profile)
    # Nobody can say of a damaged one.
    return middle is None or abs(middle.mean() / 65535 - 0.5) < _AS_SPREAD


@functools.cache
def _srgb() -> bytes:
    return _codecs().cms_profile("srgb")


def _codecs():
    # It takes a quarter of a second, and most photos do without.
    import imagecodecs

    return imagecodecs
