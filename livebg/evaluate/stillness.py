"""What changes where nothing should: flicker on still pixels, and warping error where there is no truth.

Flicker is measured in a pass of its own, in which the pictures carry sensor noise (sigma 2/255, seeded by clip and
frame). Otherwise a stage could see from equal pixels that nothing changed and hold still there and only there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.frame import Frame, Image
from livebg.stages import Around, Source

NOISE = 2.0
"""Standard deviation of the sensor noise, in steps of 8 bits."""

STILL = 2
"""By how much a still pixel may differ from frame to frame in any channel: what codecs do, less than what moves."""

_FLOW_WIDTH = 640


class Noisy(Around):
    """A source whose pictures carry sensor noise: the same for the same seed, clip name and frame."""

    def __init__(self, source: Source, *, name: str, seed: int = 0, sigma: float = NOISE) -> None:
        super().__init__(source)
        self._sigma = sigma
        self._seed = (seed, zlib.crc32(name.encode()))

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            rng = np.random.default_rng((*self._seed, frame.index))
            noise = rng.standard_normal(frame.image.shape, np.float32) * np.float32(self._sigma)
            yield frame.with_image(np.clip(np.rint(frame.image + noise), 0, 255).astype(np.uint8))


class FlickerMeter:
    """Mean absolute change of alpha on still pixels, x 10^3: neither picture nor true alpha moved there.

    Attributes:
        series: Its value for each change from frame to frame; ``None`` where nothing was still.
        still: How many pixels were. A clip's flicker is the mean of the series, weighted by them.
    """

    def __init__(self) -> None:
        self._before: tuple[Image, Image, Image] | None = None
        self.series: list[float | None] = []
        self.still: list[int] = []
        self._sum = 0.0

    def add(self, matte: Image, truth: Image, image: Image) -> None:
        """One more frame.

        Args:
            matte: (H, W) uint8, made from the noisy picture.
            truth: (H, W) uint8.
            image: (H, W, 3) uint8, the picture before noise.
        """
        if self._before is not None:
            matte_before, truth_before, image_before = self._before
            moved = cv2.absdiff(image, image_before).max(axis=2) > STILL
            still = ~moved & (cv2.absdiff(truth, truth_before) <= 1)
            count = int(np.count_nonzero(still))
            total = float(cv2.absdiff(matte, matte_before)[still].sum(dtype=np.int64)) / 255
            self.series.append(round(total / count * 1e3, 6) if count else None)
            self.still.append(count)
            self._sum += total
        self._before = (matte, truth, image)

    def flicker(self) -> float | None:
        """Over all still pixels of the clip; ``None`` where there are none."""
        return self._sum / sum(self.still) * 1e3 if any(self.still) else None


@dataclass(frozen=True, slots=True)
class _Step:
    image: NDArray[np.uint8]
    matte: NDArray[np.float32]


class WarpMeter:
    """Mean squared difference between a matte and the one before, carried along optical flow, x 10^3.

    Source: the warping error of Lai et al., "Learning blind video temporal consistency", ECCV 2018, with DIS flow
    (Kroeger et al., ECCV 2016) at 640 pixels' width in place of a network. Left out as occluded or unsure, after
    Sundaram et al., ECCV 2010: where flow there and flow back do not cancel, |f + b|² > 0.01 (|f|² + |b|²) + 0.5, and
    what comes from outside the picture.
    """

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._before: _Step | None = None
        self.series: list[float | None] = []

    def add(self, matte: Image, image: Image) -> None:
        """One more frame: (H, W) uint8 and (H, W, 3) uint8."""
        now = _Step(
            _fit(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)),
            _fit(matte).astype(np.float32) / np.float32(255),
        )
        if self._before is not None:
            carried, trusted = self._carry(self._before, now)
            count = int(np.count_nonzero(trusted))
            error = float(np.square(now.matte - carried)[trusted].sum(dtype=np.float64))
            self.series.append(round(error / count * 1e3, 6) if count else None)
        self._before = now

    def warp(self) -> float | None:
        """The mean over the changes so far."""
        known = [value for value in self.series if value is not None]
        return float(np.mean(known)) if known else None

    def _carry(self, before: _Step, now: _Step) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The earlier matte where its pixels are now, and where that can be believed."""
        back = np.asarray(self._flow.calc(now.image, before.image, np.zeros((*now.image.shape, 2), np.float32)))
        forth = np.asarray(self._flow.calc(before.image, now.image, np.zeros((*now.image.shape, 2), np.float32)))
        height, width = now.image.shape
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        from_x, from_y = x + back[..., 0], y + back[..., 1]
        carried = cv2.remap(before.matte, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        returned = cv2.remap(forth, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        gap, size = np.square(back + returned).sum(axis=2), (np.square(back) + np.square(returned)).sum(axis=2)
        inside = (from_x >= 0) & (from_x <= width - 1) & (from_y >= 0) & (from_y <= height - 1)
        return np.asarray(carried, np.float32), np.asarray((gap <= 0.01 * size + 0.5) & inside)


def _fit(picture: Image) -> Image:
    height, width = picture.shape
    if width <= _FLOW_WIDTH:
        return picture
    size = (_FLOW_WIDTH, max(1, round(height * _FLOW_WIDTH / width)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
