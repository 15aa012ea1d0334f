"""Measures what methods make of test photos: `python -m pynet_tf.evaluate`.

In: a model and a prepared data set. Out: PSNR, SSIM, MS-SSIM, a report and pictures. Imports
`inference`, `data`, `lens` and what lies under them.
"""
