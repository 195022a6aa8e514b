"""Measures of a clip's mattes against true ones, frame by frame.

Scales are those of the matting literature as RobustVideoMatting tabulates them: MAD and MSE times 10^3, gradient and
connectivity error summed over the picture and divided by 10^3, dtSSD times 10^2. A clip's number is the mean of its
frames' (dtSSD: of its N - 1 changes); over several clips it is the mean of the clips' numbers, long or short.

Mattes and truth are 8-bit pictures, as ``--matte-out`` writes them. Nothing is stretched.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.evaluate.boundary import boundary_f
from livebg.evaluate.lag import LagMeter
from livebg.frame import Image

Alpha = NDArray[np.float32]

PER_FRAME = ("mad", "mse", "grad", "conn", "dtssd", "iou", "boundary_f")
"""The measures that each frame has (dtSSD: each but the first)."""

_HALF = 128  # the least 8-bit value not under 0.5


@dataclass(frozen=True, slots=True, eq=False)
class ClipScore:
    """A clip's numbers over time.

    Attributes:
        series: Each of ``PER_FRAME``, and ``flicker`` where it was measured, in order; dtSSD and flicker begin at
            the second frame. ``None`` where a frame has no value.
        lag: Frames by which the mattes come late; ``None`` where too little moves to tell.
    """

    series: dict[str, list[float | None]]
    lag: float | None

    def means(self) -> dict[str, float | None]:
        """The mean of every series over the frames that have a value."""
        row: dict[str, float | None] = {}
        for name, values in self.series.items():
            known = [value for value in values if value is not None]
            row[name] = float(np.mean(known)) if known else None
        return row | {"lag": self.lag}


class ClipMeter:
    """Takes a clip's mattes and true mattes in order; holds a few frames, not the clip."""

    def __init__(self) -> None:
        self._series: dict[str, list[float | None]] = {name: [] for name in PER_FRAME}
        self._lag = LagMeter()
        self._before: tuple[Alpha, Alpha] | None = None

    def add(self, matte: Image, truth: Image) -> None:
        """Measure one more frame; both (H, W) uint8."""
        ours, true = _alpha(matte), _alpha(truth)
        now: dict[str, float] = {
            "mad": mean_absolute_difference(ours, true),
            "mse": mean_squared_error(ours, true),
            "grad": gradient_error(ours, true),
            "conn": connectivity_error(ours, true),
            "iou": iou(matte, truth),
            "boundary_f": boundary_f(matte >= _HALF, truth >= _HALF),
        }
        if self._before is not None:
            now["dtssd"] = dtssd(ours, self._before[0], true, self._before[1])
        self._before = (ours, true)
        for name, value in now.items():
            self._series[name].append(round(value, 6))
        self._lag.add(ours, true)

    def score(self) -> ClipScore:
        """The numbers so far."""
        return ClipScore({name: list(values) for name, values in self._series.items()}, self._lag.lag())


def mean_absolute_difference(ours: Alpha, true: Alpha) -> float:
    """MAD x 10^3."""
    return float(np.abs(ours - true).mean(dtype=np.float64)) * 1e3


def mean_squared_error(ours: Alpha, true: Alpha) -> float:
    """MSE x 10^3."""
    return float(np.square(ours - true).mean(dtype=np.float64)) * 1e3


def gradient_error(ours: Alpha, true: Alpha) -> float:
    """Squared difference of gradient magnitudes, summed over the picture, x 10^-3.

    Source: Rhemann et al., "A perceptually motivated online benchmark for image matting", CVPR 2009; first-order
    Gaussian derivatives of sigma 1.4, filters of nine taps and unit norm, edges repeated.
    """
    return float(np.square(_gradient(ours) - _gradient(true)).sum(dtype=np.float64)) / 1000


def connectivity_error(ours: Alpha, true: Alpha) -> float:
    """How differently pixels hang on to the largest region sure in both, summed over the picture, x 10^-3.

    Source: Rhemann et al., CVPR 2009, with the customary ten levels, 4-connected regions and a slack of 0.15.
    """
    both = np.minimum(ours, true)
    level = np.ones_like(both)
    attached = np.ones(both.shape, np.bool_)
    for step in range(1, 11):
        still = attached & _largest_region(both >= step / 10)
        level[attached & ~still] = (step - 1) / 10
        attached = still
    return float(np.abs(_hold(ours, level) - _hold(true, level)).sum(dtype=np.float64)) / 1000


def dtssd(ours: Alpha, ours_before: Alpha, true: Alpha, true_before: Alpha) -> float:
    """Root mean square of the change that the truth does not have, x 10^2.

    Source: Erofeev et al., "Perceptually motivated benchmark for video matting", BMVC 2015.
    """
    change = (ours - ours_before) - (true - true_before)
    return float(np.sqrt(np.square(change).mean(dtype=np.float64))) * 1e2


def iou(matte: Image, truth: Image) -> float:
    """Intersection over union at 0.5 of both; 1 where both are empty."""
    ours, true = matte >= _HALF, truth >= _HALF
    union = int(np.count_nonzero(ours | true))
    return int(np.count_nonzero(ours & true)) / union if union else 1.0


def _alpha(matte: Image) -> Alpha:
    return matte.astype(np.float32) / np.float32(255)


def _gaussian_derivative(sigma: float = 1.4, half: int = 4) -> tuple[Alpha, Alpha]:
    at = np.arange(-half, half + 1, dtype=np.float64)
    bell = np.exp(-(at**2) / (2 * sigma**2))
    slope = -at * bell
    return (slope / np.linalg.norm(slope)).astype(np.float32), (bell / np.linalg.norm(bell)).astype(np.float32)


_SLOPE, _BELL = _gaussian_derivative()


def _gradient(alpha: Alpha) -> Alpha:
    across = cv2.sepFilter2D(alpha, cv2.CV_32F, _SLOPE, _BELL, borderType=cv2.BORDER_REPLICATE)
    down = cv2.sepFilter2D(alpha, cv2.CV_32F, _BELL, _SLOPE, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _largest_region(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=4)
    if count < 2:
        return np.zeros(inside.shape, np.bool_)
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def _hold(alpha: Alpha, level: Alpha) -> Alpha:
    above = alpha - level
    return np.where(above >= np.float32(0.15), 1 - above, np.float32(1))
