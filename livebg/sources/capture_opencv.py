"""Cameras by OpenCV, where FFmpeg was built without the system's cameras.

It waits inside the driver and tells neither the moment of capture nor what was damaged: second choice.
"""

from __future__ import annotations

from fractions import Fraction
from time import monotonic

import cv2
import numpy as np

from livebg.errors import SourceError
from livebg.sources.capture import Captured

# What --format takes -> the code that OpenCV asks the driver for.
_CODES = {"mjpeg": "MJPG", "yuyv": "YUYV", "nv12": "NV12", "i420": "YU12", "rgb": "RGB3"}


class OpenCVDevice:
    """A ``capture.Device`` that OpenCV reads."""

    damaged = 0

    def __init__(self, name: str, size: tuple[int, int] | None, fps: Fraction, pixels: str) -> None:
        """Open a camera by number or node; see ``open_camera``.

        Raises:
            SourceError: There is none, or it is in use.
        """
        self.name = name
        self._camera = cv2.VideoCapture(int(name) if name.isdecimal() else name)
        if not self._camera.isOpened():
            raise SourceError(f"camera {name} cannot be opened: it is not there, in use, or forbidden")
        if pixels != "auto":
            self._camera.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*_CODES[pixels]))
        if size is not None:
            self._camera.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            self._camera.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        self._camera.set(cv2.CAP_PROP_FPS, float(fps))
        self.width = int(self._camera.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(self._camera.get(cv2.CAP_PROP_FRAME_HEIGHT))
        given = self._camera.get(cv2.CAP_PROP_FPS)
        self.rate = Fraction(given).limit_denominator(1001) if given > 0 else None
        rate = f", {given:.4g} frames a second" if self.rate else ""
        self.mode = f"{self.width}x{self.height}{rate}"

    def read(self, seconds: float) -> Captured:
        """The next picture, stamped when it was read; waits as long as the driver does.

        Raises:
            SourceError: The camera is gone.
        """
        read, picture = self._camera.read()
        now = monotonic()
        if not read:
            raise SourceError(f"camera {self.name} gives no pictures any more: plug it in again")
        return Captured(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8), now)

    def close(self) -> None:
        """Give it back."""
        self._camera.release()
