"""Two shots of a scene, by narrow and by wide aperture, made into an aligned pair.

As the authors of EBB! describe it (Ignatov et al., CVPRW 2020, section 3.1): SIFT keypoints are
matched, RANSAC finds the homography between the shots, and both are cropped to what they share
and resized to one height. The wide shot is the one that is warped: it has less detail to lose.

Blurred places give few keypoints. Where those that are left do not hold a homography down, because
they sit in one corner or contradict each other (a hand-held camera has moved, and near and far do
not fit together any more), a similarity (shift, turn and scale) is fitted to the finest keypoints,
those of what is in focus: a homography would bend wildly where it has nothing to hold on to.

Needs OpenCV, an optional extra: `pip install opencv-python-headless`.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from pynet_tf.errors import InputError

# Keypoints are sought in pictures of at most this height: finer detail is noise.
SEARCH_HEIGHT = 1440
# OpenCV counts the pixels of what it warps in 16 bits.
LARGEST_SIDE = 32_000
# Lowe's ratio between the best and the second best match.
_RATIO = 0.75
# Of a match, in pixels of the searched picture.
_TOLERANCE = 2.0
# A homography needs inliers over this share of the picture, and this share of the matches.
_HOMOGRAPHY_COVER = 0.4
_HOMOGRAPHY_AGREE = 0.6
# Diameter of keypoints that only a sharp picture has, in pixels of the searched picture.
_FINE = 6.0


@dataclass(frozen=True)
class Match:
    """How the wide shot lies on the narrow one.

    Attributes:
        homography: `[3, 3]` float64, from pixel centres (x, y, 1) of the wide shot to those of
            the narrow shot.
        inliers: matched keypoints that agree with it.
        matches: matched keypoints in all.
        residual: median distance of the inliers in pixels of the narrow shot.
        cover: share of the picture's area that the inliers span, 0..1.
        model: `homography`, or `similarity` if the keypoints do not support one.
    """

    homography: np.ndarray
    inliers: int
    matches: int
    residual: float
    cover: float
    model: str


def require_opencv():
    """Imports and returns OpenCV.

    Raises:
        InputError: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise InputError(
            "aligning pictures needs OpenCV; install it: pip install opencv-python-headless"
        ) from error
    return cv2


def match(narrow: np.ndarray, wide: np.ndarray, min_inliers: int = 40) -> Match:
    """Finds the homography between two shots.

    Args:
        narrow: `[H, W, 3]` uint8, the sharp shot.
        wide: `[h, w, 3]` uint8, the shot with the blurred background.
        min_inliers: fewer agreeing keypoints are not trusted.

    Raises:
        InputError: a shot is too large, too few keypoints agree, or the homography is none
            between two shots from one place; the message says which and begins with a verb, for
            the caller's name before it.
    """
    cv2 = require_opencv()
    if max(*narrow.shape, *wide.shape) > LARGEST_SIDE:
        raise InputError(
            f"have more than {LARGEST_SIDE} pixels in a row or column, which cannot be aligned; "
            "make them smaller"
        )
    source, destination, fine = _matches(cv2, narrow, wide)
    if len(source) < max(4, min_inliers):
        raise InputError(_too_few(len(source), min_inliers, "match"))
    tolerance = _TOLERANCE * max(1.0, narrow.shape[0] / SEARCH_HEIGHT)
    options = {"ransacReprojThreshold": tolerance, "maxIters": 5000, "confidence": 0.9999}
    cv2.setRNGSeed(0)
    model = "homography"
    matrix, mask = cv2.findHomography(source, destination, cv2.RANSAC, **options)
    agree = _inliers(matrix, mask, len(source))
    cover = _cover(cv2, destination[agree], narrow)
    if cover < _HOMOGRAPHY_COVER or agree.mean() < _HOMOGRAPHY_AGREE:
        model = "similarity"
        if fine.sum() >= min_inliers:
            source, destination = source[fine], destination[fine]
        matrix, mask = cv2.estimateAffinePartial2D(
            source, destination, method=cv2.RANSAC, refineIters=50, **options
        )
        agree = _inliers(matrix, mask, len(source))
        cover = _cover(cv2, destination[agree], narrow)
        matrix = np.eye(3) if matrix is None else np.vstack([matrix, [0, 0, 1]])
    if agree.sum() < max(4, min_inliers):
        raise InputError(_too_few(int(agree.sum()), min_inliers, "agree"))
    _refuse_implausible(matrix, narrow, wide)
    error = np.linalg.norm(transform(matrix, source[agree]) - destination[agree], axis=1)
    return Match(matrix, int(agree.sum()), len(source), float(np.median(error)), cover, model)


def transform(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Applies a homography to points (x, y): `[N, 2]` -> `[N, 2]`."""
    projected = np.c_[points, np.ones(len(points))] @ homography.T
    return projected[:, :2] / projected[:, 2:]


def crop_pair(
    narrow: np.ndarray, wide: np.ndarray, homography: np.ndarray, height: int = 1024
) -> tuple[np.ndarray, np.ndarray]:
    """Warps the wide shot onto the narrow one and cuts out what both show.

    Args:
        narrow: `[H, W, 3]` uint8.
        wide: `[h, w, 3]` uint8.
        homography: see `Match`.
        height: of the result, even; both shots are reduced to it by antialiased bicubic.

    Returns:
        Photo and bokeh, both `[height, width, 3]` uint8, width even.

    Raises:
        InputError: what both show is smaller than the result.
    """
    cv2 = require_opencv()
    left, top, right, bottom = _common(narrow, wide, homography)
    scale = height / (bottom - top)
    width = int((right - left) * scale) // 2 * 2
    if bottom - top < height or width < 64:
        raise InputError(
            f"have {max(0, right - left):.0f}x{max(0, bottom - top):.0f} pixels in common, fewer "
            f"than the {height} rows wanted; use larger shots or a smaller --height"
        )
    size = (narrow.shape[1], narrow.shape[0])
    warped = cv2.warpPerspective(
        wide, homography, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    # Both go through the same box, so that they stay aligned to fractions of a pixel.
    box = (left, top, left + width / scale, bottom)
    photo, bokeh = (
        np.asarray(Image.fromarray(shot).resize((width, height), Image.Resampling.BICUBIC, box=box))
        for shot in (narrow, warped)
    )
    return photo, bokeh


def overlay(photo: np.ndarray, bokeh: np.ndarray) -> np.ndarray:
    """Lays two shots over each other, red and cyan: what is not aligned has coloured edges.

    Args:
        photo: `[H, W, 3]` uint8, shown in red.
        bokeh: `[H, W, 3]` uint8, shown in cyan.

    Returns:
        `[H, W, 3]` uint8.
    """
    red, cyan = (np.asarray(Image.fromarray(shot).convert("L")) for shot in (photo, bokeh))
    return np.stack([red, cyan, cyan], axis=-1)


def _matches(cv2, narrow: np.ndarray, wide: np.ndarray):
    """Returns matched keypoints (x, y) in the wide and the narrow shot, and which are fine."""
    shots = [_keypoints(cv2, shot) for shot in (wide, narrow)]
    (source, source_size, source_text), (destination, size, text) = shots
    pairs = []
    if min(len(source), len(destination)) > 1:
        candidates = cv2.BFMatcher(cv2.NORM_L2).knnMatch(source_text, text, k=2)
        pairs = [best for best, second in candidates if best.distance < _RATIO * second.distance]
    first = np.array([pair.queryIdx for pair in pairs], int)
    other = np.array([pair.trainIdx for pair in pairs], int)
    fine = np.maximum(source_size[first], size[other]) < _FINE
    return source[first], destination[other], fine


def _keypoints(cv2, shot: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Returns keypoints (x, y) in the shot's own pixels, their diameters and descriptors."""
    grey = cv2.cvtColor(shot, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, SEARCH_HEIGHT / grey.shape[0])
    if scale < 1:
        width = max(1, round(grey.shape[1] * scale))
        grey = cv2.resize(grey, (width, SEARCH_HEIGHT), interpolation=cv2.INTER_AREA)
    # Blurred places have little contrast.
    detector = cv2.SIFT_create(nfeatures=12000, contrastThreshold=0.02)
    found, descriptors = detector.detectAndCompute(grey, None)
    points = np.array([keypoint.pt for keypoint in found], np.float64).reshape(-1, 2)
    sizes = np.array([keypoint.size for keypoint in found])
    factors = np.array([shot.shape[1] / grey.shape[1], shot.shape[0] / grey.shape[0]])
    # Pixel centres lie at whole numbers: the edge of the picture is at -0.5.
    return (points + 0.5) * factors - 0.5, sizes, descriptors


def _inliers(matrix: np.ndarray | None, mask: np.ndarray | None, count: int) -> np.ndarray:
    return np.zeros(count, bool) if matrix is None else mask.ravel().astype(bool)


def _cover(cv2, points: np.ndarray, shot: np.ndarray) -> float:
    """Returns the share of the shot's area that the points span."""
    if len(points) < 3:
        return 0.0
    hull = cv2.convexHull(points.astype(np.float32))
    return float(cv2.contourArea(hull) / (shot.shape[0] * shot.shape[1]))


def _too_few(count: int, least: int, verb: str) -> str:
    return (
        f"do not show the same scene clearly enough: {count} keypoints {verb}, at least {least} "
        "are needed; check that the two shots belong together"
    )


def _refuse_implausible(homography: np.ndarray, narrow: np.ndarray, wide: np.ndarray) -> None:
    """Refuses a homography that turns, shears or scales more than a tripod's tremble does."""
    corners = _corners(wide)
    there = transform(homography, corners)
    expected = corners * (narrow.shape[0] / wide.shape[0])
    moved = np.abs(there - expected).max() / max(narrow.shape[:2])
    if not moved < 0.15:
        raise InputError(
            f"are not two shots from one place: aligning them would move a corner by "
            f"{moved:.0%} of the picture; check that they belong together"
        )


def _corners(shot: np.ndarray) -> np.ndarray:
    height, width = shot.shape[:2]
    right, bottom = width - 0.5, height - 0.5
    return np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]])


def _common(narrow: np.ndarray, wide: np.ndarray, homography: np.ndarray):
    """Returns the box (left, top, right, bottom) in the narrow shot that both shots cover."""
    # Cubic interpolation looks two pixels past the place that it computes.
    margin = 2.0
    top_left, top_right, bottom_right, bottom_left = transform(homography, _corners(wide)) + 0.5
    left = max(0.0, top_left[0] + margin, bottom_left[0] + margin)
    top = max(0.0, top_left[1] + margin, top_right[1] + margin)
    right = min(narrow.shape[1], top_right[0] - margin, bottom_right[0] - margin)
    bottom = min(narrow.shape[0], bottom_left[1] - margin, bottom_right[1] - margin)
    return left, top, right, bottom
