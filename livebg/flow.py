"""Dense flow between two small gray pictures, and the two measures of how far to trust it; see ``motion``.

Why the flow back may be found in haste, without variational refinement: as a check of the other one it has a slack of
half a pixel and more. It costs half, and mattes come out alike (DAVIS camel, every 4th frame: MAD 92.3, and 92.5).
Mattes that are themselves carried back want it fine: in haste, looking three frames ahead, dtSSD is 1 % higher.

Source: dense inverse search, Kroeger et al., ECCV 2016, by OpenCV; the check there and back is Sundaram et al.'s, ECCV
2010.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cv2.typing import MatLike

Field = NDArray[np.float32]
Gray = NDArray[np.uint8]

_ALIKE, _UNLIKE = np.float32(8), np.float32(24)  # steps of 8 bits: fully trusted up to here, not at all from here
_NOWHERE = 1e3  # pixels: a flow that meets nothing


class Flow:
    """Flow from one picture into another, there and back; keeps its buffers. For one thread at a time."""

    def __init__(self, *, fine_back: bool = False) -> None:
        """Choose how finely the flow back is found: as the other one, or in half the time."""
        self._there = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        back = cv2.DISOPTICAL_FLOW_PRESET_FAST if fine_back else cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST
        self._back = cv2.DISOpticalFlow.create(back)

    def there(self, here: Gray, there: Gray) -> Field:
        """float32 (h, w, 2): what lies at (x, y) in ``here`` lies at (x + dx, y + dy) in ``there``."""
        return _calculated(self._there, here, there)

    def back(self, here: Gray, there: Gray) -> Field:
        """The same, as finely as was chosen."""
        return _calculated(self._back, here, there)


@lru_cache(maxsize=8)
def grid(height: int, width: int) -> Field:
    """Each pixel's own place: float32 (height, width, 2) of x, y; shared, not to be written."""
    places = np.empty((height, width, 2), np.float32)
    places[..., 0] = np.arange(width, dtype=np.float32)
    places[..., 1] = np.arange(height, dtype=np.float32)[:, None]
    places.flags.writeable = False
    return places


def sample(
    picture: NDArray[Any], source: Field, *, into: NDArray[Any] | None = None, outside: float | None = None
) -> MatLike:
    """The picture at these places, bilinear; beyond its border the border again, or ``outside``."""
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    value = (outside or 0.0,) * 4
    # The stubs want a second map. There is none, and OpenCV 5 takes an empty one for coordinates.
    return cv2.remap(picture, source, None, cv2.INTER_LINEAR, dst=into, borderMode=border, borderValue=value)  # type: ignore[call-overload,no-any-return]


def cancelling(there: Field, back: Field) -> Field:
    """1 where a flow and the flow back cancel, falling to 0 at twice the slack of Sundaram et al.

    Computed on half the grid: DIS finds flow for every fourth pixel, what lies between is interpolated.
    """
    height, width = there.shape[:2]
    half = (width + 1) // 2, (height + 1) // 2
    there, back = (
        np.asarray(cv2.resize(each, half, interpolation=cv2.INTER_AREA), np.float32) for each in (there, back)
    )
    source = np.asarray(cv2.scaleAdd(there, 0.5, grid(half[1], half[0])), np.float32)
    returned = np.asarray(sample(back, source, outside=_NOWHERE), np.float32)
    gap = _squared(there + returned)
    gap /= 0.01 * (_squared(there) + _squared(returned)) + 0.5
    np.subtract(2, gap, out=gap)
    np.clip(gap, 0, 1, out=gap)
    return np.asarray(cv2.resize(gap, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def alike(then: Gray, now: Gray, meets: Field) -> Field:
    """1 where two pictures look alike around a pixel, falling to 0; a change of exposure is taken out.

    Args:
        then: Gray picture, (h, w).
        now: Another, of the same size.
        meets: (h, w): where it is over 0.5 the two show the same things, and exposure is measured.
    """
    gain, offset = _exposure(then, now, meets)
    difference = cv2.absdiff(cv2.convertScaleAbs(then, alpha=gain, beta=offset), now)
    unlike = np.asarray(cv2.boxFilter(difference, cv2.CV_32F, (3, 3)), np.float32)
    np.subtract(_UNLIKE, unlike, out=unlike)
    unlike *= 1 / (_UNLIKE - _ALIKE)
    return np.clip(unlike, 0, 1, out=unlike)


def _calculated(method: cv2.DISOpticalFlow, here: Gray, there: Gray) -> Field:
    # The stubs want a flow to begin with; None is a still picture, without a pass over it.
    return np.asarray(method.calc(here, there, None), np.float32)  # type: ignore[call-overload]


def _squared(field: Field) -> Field:
    """Each vector's squared length: by planes, numpy is slow along an axis of two."""
    across, down = cv2.split(field)
    return np.asarray(across * across + down * down, np.float32)


def _exposure(brought: Gray, now: Gray, meets: Field) -> tuple[float, float]:
    """Gain and offset that take one picture to the other where the flows meet; 1 and 0 where too little does."""
    mask = (meets > 0.5).view(np.uint8)
    if np.count_nonzero(mask) * 10 < mask.size:
        return 1.0, 0.0
    (mean_then, spread_then), (mean_now, spread_now) = (cv2.meanStdDev(each, mask=mask) for each in (brought, now))
    then, there = float(mean_then[0, 0]), float(mean_now[0, 0])
    gain = float(spread_now[0, 0] / spread_then[0, 0]) if spread_then[0, 0] > 1 else 1.0
    gain = min(max(gain, 0.7), 1.4)
    return gain, there - gain * then
