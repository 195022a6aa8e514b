"""RGB pictures to the planes that cameras and live encoders take, in one buffer that is kept.

Why BT.601 here and BT.709 in files: V4L2 and the virtual cameras of the other systems carry no matrix, and what reads
them takes a camera's YUV for BT.601 limited range. Why OpenCV and not swscale: 1 ms against 3 at 720p, and it lets
other threads run meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from livebg.errors import SinkError

if TYPE_CHECKING:
    from livebg.frame import Frame, Image


class ToI420:
    """Turns RGB frames of one size into I420: Y, then U, then V, 4:2:0, BT.601 limited range.

    Args:
        name: What an error calls the sink.
        width: Pixels; an odd last column is repeated, for 4:2:0 has even sizes only.
        height: Pixels; an odd last row is repeated.

    Attributes:
        width: As coded, even.
        height: As coded, even.
    """

    def __init__(self, name: str, width: int, height: int) -> None:
        if width < 1 or height < 1:
            raise ValueError(f"a picture has at least 1x1 pixels, got {width}x{height}")
        self._name, self._size = name, (width, height)
        self.width, self.height = width + width % 2, height + height % 2
        self._planes: Image = np.empty((self.height * 3 // 2, self.width), np.uint8)
        self._even: Image | None = None
        if (self.width, self.height) != self._size:
            self._even = np.empty((self.height, self.width, 3), np.uint8)

    def __call__(self, frame: Frame) -> Image:
        """The frame as (height * 3 / 2, width) uint8, contiguous; the next call overwrites it.

        Raises:
            SinkError: The frame is not RGB of the size declared.
        """
        require_rgb(frame, self._size, self._name)
        image = frame.image
        if self._even is not None:
            width, height = self._size
            self._even[:height, :width] = image
            self._even[:height, width:] = image[:, -1:]
            self._even[height:] = self._even[height - 1]
            image = self._even
        cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420, dst=self._planes)
        return self._planes


def require_rgb(frame: Frame, size: tuple[int, int], name: str) -> None:
    """Refuse what is not RGB of the width and height that were declared.

    Raises:
        SinkError: It is not.
    """
    width, height = size
    if frame.image.shape != (height, width, 3):
        raise SinkError(
            f"{name}: frame {frame.index} is {frame.image.shape}, it was opened for RGB of {width}x{height}"
        )
