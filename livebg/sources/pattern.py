"""A test pattern in place of a camera: bars that move, and each frame's number, for people and for programs."""

from __future__ import annotations

from fractions import Fraction
from time import monotonic
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livebg.frame import StreamInfo
from livebg.sources.live import LiveSource, Shot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livebg.frame import Image

NAMES = ("test", "pattern")
# Bits of the number in the picture; it begins again after 65536.
BITS = 16
# 75 % bars as on a test card (EBU Tech 3325 without its ramp): white, yellow, cyan, green, magenta, red, blue, black.
_BARS = np.array(
    [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191], [0, 0, 0]],
    np.uint8,
)


class PatternSource(LiveSource):
    """Moving bars at an exact rate. A frame that is late is not made up for: as with a camera, it is missing.

    The lowest eighth of the picture carries the frame's number as ``BITS`` black or white fields, the most significant
    one on the left; ``read_number`` reads it, also after lossy coding and scaling.
    """

    notes: Sequence[str] = ()

    def __init__(self, width: int, height: int, rate: Fraction) -> None:
        """Size in pixels, frames a second."""
        super().__init__(StreamInfo("test pattern", width, height, time_base=1 / rate, rate=rate, live=True))
        self._step = 1 / rate
        self._number = -1
        bar = np.arange(2 * width) * len(_BARS) // width % len(_BARS)
        self._bars = np.ascontiguousarray(np.broadcast_to(_BARS[bar], (height, 2 * width, 3)))

    def _shoot(self) -> Shot | None:
        if self._number < 0:
            self._started = monotonic()
        due = int((monotonic() - self._started) / self._step)
        number = self._number = max(self._number + 1, due)
        pts = number * self._step
        if self._closing.wait(max(0.0, self._started + float(pts) - monotonic())):
            return None
        return Shot(self._draw(number), pts, self._step)

    def _draw(self, number: int) -> Image:
        width, height = self.info.width, self.info.height
        shift = number * max(1, width // 256) % width
        image = self._bars[:, shift : shift + width].copy()
        scale = height / 240
        place = (int(8 * scale), int(32 * scale))
        cv2.putText(image, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), max(1, round(scale)))
        low = height - max(1, height // 8)
        for bit in range(BITS):
            value = 255 if number >> (BITS - 1 - bit) & 1 else 0
            image[low:, bit * width // BITS : (bit + 1) * width // BITS] = value
        return image

    def _release(self) -> None:
        """Nothing is held."""


def read_number(image: Image) -> int:
    """The number modulo 65536 that ``PatternSource`` put into a picture, RGB (H, W, 3)."""
    height, width = image.shape[:2]
    row = image[height - max(1, height // 16) - 1].mean(axis=-1)
    number = 0
    for bit in range(BITS):
        number = number << 1 | int(row[(2 * bit + 1) * width // (2 * BITS)] > 127)
    return number
