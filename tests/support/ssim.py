"""The structural similarity (SSIM) of two pictures (Wang et al., IEEE Trans. Image Processing 13.4,
2004), with windows of 8 by 8 pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WINDOW = 8
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
LUMA = np.array([0.299, 0.587, 0.114])


def ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Return the similarity of the brightness of two pictures, (height, width, 3): 1 if it is the
    same, about 0 if they have nothing in common."""
    x, y = a @ LUMA, b @ LUMA
    mean_x, mean_y = _means(x), _means(y)
    var_x, var_y = _means(x * x) - mean_x**2, _means(y * y) - mean_y**2
    covariance = _means(x * y) - mean_x * mean_y
    values = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    values /= (mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2)
    return float(values.mean())


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each window."""
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    n = WINDOW
    inside: NDArray[np.float64] = sums[n:, n:] - sums[:-n, n:] - sums[n:, :-n] + sums[:-n, :-n]
    return inside / n**2
