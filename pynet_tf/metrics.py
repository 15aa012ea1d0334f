"""PSNR, SSIM and MS-SSIM of pictures in [0, 1], one figure per picture.

All take two float32 tensors `[B, H, W, 3]` in [0, 1] and return `[B]` float32. Where the pictures
are too small for a metric's filter it is not available: nan, never an error and never zero.
"""

import tensorflow as tf

# tf.image's Gaussian filter has 11 taps; MS-SSIM applies it to the picture halved four times.
SSIM_SMALLEST = 11
MS_SSIM_SMALLEST = 11 * 2**4


def psnr(picture: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Returns the peak signal-to-noise ratio in dB; infinite for equal pictures."""
    return tf.image.psnr(picture, target, max_val=1.0)


def ssim(picture: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Returns the structural similarity; nan below 11 pixels a side."""
    return _if_large(picture, target, SSIM_SMALLEST, tf.image.ssim)


def ms_ssim(picture: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Returns the multi-scale structural similarity; nan below 176 pixels a side."""
    return _if_large(picture, target, MS_SSIM_SMALLEST, tf.image.ssim_multiscale)


def _if_large(picture, target, smallest: int, metric) -> tf.Tensor:
    picture, target = tf.convert_to_tensor(picture), tf.convert_to_tensor(target)

    def missing():
        return tf.fill(tf.shape(picture)[:1], tf.constant(float("nan")))

    side = tf.reduce_min(tf.shape(picture)[1:3])
    known = tf.get_static_value(side)
    if known is not None:
        return metric(picture, target, max_val=1.0) if known >= smallest else missing()
    return tf.cond(side >= smallest, lambda: metric(picture, target, max_val=1.0), missing)
