"""Light and apertures: the sRGB transfer, and what an aperture makes of planes of light.

Blur adds up light, so it must work on linear light, not on sRGB values. All functions take
`[..., H, W]` planes; radii are in pixels of those planes.
"""

import functools
from collections.abc import Iterator

import numpy as np
from scipy import fft

from pynet_tf.errors import InputError

# Below this radius a disc changes nothing that one could see.
SHARP = 0.5
# Values of 255 from here on may be clipped light.
CLIPPED = 250


def to_light(srgb: np.ndarray) -> np.ndarray:
    """Undoes the sRGB transfer: uint8, or float in [0, 1], to float32 linear light."""
    if srgb.dtype == np.uint8:
        return _decode(np.arange(256) / 255).astype(np.float32)[srgb]
    return _decode(srgb).astype(np.float32)


def to_srgb(light: np.ndarray, dtype: np.dtype = np.uint8) -> np.ndarray:
    """Applies the sRGB transfer to linear light, clipped to [0, 1]; uint8 is rounded."""
    light = np.clip(light, 0.0, 1.0)
    if dtype == np.uint8:
        # 65536 steps keep every one of the 256 values apart, the dark ones too.
        table = np.round(_encode(np.arange(65536) / 65535) * 255).astype(np.uint8)
        return table[(light * 65535 + 0.5).astype(np.uint16)]
    return _encode(light).astype(dtype)


def unclipped(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Tells where neither of two shots `[H, W, 3]` uint8 is clipped, `[H, W]`."""
    return ((first < CLIPPED) & (second < CLIPPED)).all(axis=-1)


def exposure_gain(
    light: np.ndarray, other: np.ndarray, usable: np.ndarray, dtype: np.dtype = np.float32
) -> np.ndarray:
    """Returns how many times as much light another shot of a scene has, `[3]`, for each colour.

    A lens moves light and loses none, so that blur changes nothing of it.

    Args:
        light: `[H, W, 3]` float32, linear.
        other: of the same shape.
        usable: `[H, W]`, the pixels that count, see `unclipped`.
        dtype: of the sums; those of large pictures need more than 24 bits.
    """
    have, want = (shot[usable].sum(axis=0, dtype=dtype) for shot in (light, other))
    return want / np.maximum(have, 1e-6)


def aperture(radius: float, blades: int = 0) -> np.ndarray:
    """Draws the image of a point of light out of focus.

    Args:
        radius: in pixels of the picture to be blurred.
        blades: 0 for a disc, else a regular polygon of the same area with that many corners.

    Returns:
        `[n, n]` float32, n odd; antialiased, sum 1.

    Raises:
        InputError: 1 or 2 blades, or no whole number of them.
    """
    if blades != int(blades) or blades < 0 or blades in (1, 2):
        raise InputError(f"blades is {blades}; give 0 for a round aperture, or 3 or more")
    reach = aperture_reach(radius, blades)
    fine = 8
    at = (np.arange((2 * reach + 1) * fine) + 0.5) / fine - reach - 0.5
    y, x = np.meshgrid(at, at, indexing="ij")
    distance = np.hypot(y, x)
    if blades:
        sector = 2 * np.pi / blades
        angle = np.mod(np.arctan2(y, x) + 0.3, sector) - sector / 2
        inradius = np.sqrt(np.pi / (blades * np.tan(np.pi / blades)))
        distance = distance * np.cos(angle) / inradius
    inside = (distance <= radius).astype(np.float32)
    cells = inside.reshape(2 * reach + 1, fine, 2 * reach + 1, fine).mean(axis=(1, 3))
    return cells / cells.sum()


def aperture_reach(radius: float, blades: int = 0) -> int:
    """Returns how many pixels around its centre `aperture` may cover."""
    # The corners of a triangle are 1.56 radii of the disc of equal area away.
    return int(np.ceil(radius * (1.0 if blades == 0 else 1.6)))


def blur(planes: np.ndarray, radius: float, blades: int = 0) -> np.ndarray:
    """Blurs planes with an aperture; beyond the edge the picture is mirrored.

    Args:
        planes: `[..., H, W]` float32.
        radius: in pixels of the planes; below `SHARP` they are returned as they are.
        blades: see `aperture`.

    Returns:
        `[..., H, W]` float32, nowhere below 0 where the planes are not.
    """
    return next(blurs(planes, [radius], blades))


def blurs(planes: np.ndarray, radii: list[float], blades: int = 0) -> Iterator[np.ndarray]:
    """Blurs the same planes with several radii, one after another; see `blur`."""
    reach = max(aperture_reach(radius, blades) for radius in radii)
    height, width = planes.shape[-2:]
    margin = [(0, 0)] * (planes.ndim - 2) + [(reach, reach)] * 2
    shape = [fft.next_fast_len(size + 2 * reach, real=True) for size in (height, width)]
    spectrum = None
    for radius in radii:
        if radius < SHARP:
            yield planes
            continue
        if spectrum is None:
            padded = np.pad(planes, margin, mode="symmetric")
            spectrum = fft.rfft2(padded, shape, overwrite_x=True)
        kernel = aperture(radius, blades)
        change = fft.rfft2(kernel, shape)
        blurred = fft.irfft2(spectrum * change, shape, overwrite_x=True)
        first = reach + kernel.shape[0] // 2
        blurred = blurred[..., first : first + height, first : first + width]
        yield np.maximum(blurred, 0.0)


def spread(light: np.ndarray, radius: float, blades: int = 0) -> np.ndarray:
    """Returns what an aperture makes of a small light before the dark.

    Args:
        light: `[..., h, w]` float32, 0 and more; dark beyond its edge.
        radius: in pixels; counted in quarters, of which the apertures are kept.
        blades: see `aperture`.

    Returns:
        `[..., h + 2r, w + 2r]` float32, 0 and more; r is the aperture's reach.
    """
    kernel = _kept_aperture(round(4 * float(radius)) / 4, blades)
    shape = [side + more - 1 for side, more in zip(light.shape[-2:], kernel.shape, strict=True)]
    padded = [fft.next_fast_len(side, real=True) for side in shape]
    wide = fft.irfft2(fft.rfft2(light, padded) * fft.rfft2(kernel, padded), padded)
    return np.maximum(wide[..., : shape[0], : shape[1]], 0.0)


@functools.lru_cache(maxsize=64)
def _kept_aperture(radius: float, blades: int) -> np.ndarray:
    return aperture(radius, blades)


def _decode(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _encode(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
