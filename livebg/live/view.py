"""Which part of the camera's picture is used, and at what size, before anything else sees it.

Why first: every later stage then works at the output's size, and what was cut off is never looked at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from livebg.errors import UsageError
from livebg.scale import quickly_scaled

if TYPE_CHECKING:
    from livebg.frame import Frame

Box = tuple[int, int, int, int]
"""Left, top, width, height, in pixels."""


class View:
    """Cuts frames and brings them to the output's size. Keeps nothing between them."""

    def __init__(self, width: int, height: int, *, crop: Box | None = None) -> None:
        """Take the output's size, in pixels, and what is to be seen in it.

        Args:
            width: Of every frame given.
            height: Of every frame given.
            crop: The part used; all where ``None``. What reaches beyond a frame is left out.
        """
        self._size, self._crop = (width, height), crop

    def of(self, frame: Frame) -> Frame:
        """What is seen of a frame, at the output's size; the frame itself where that is all of it.

        A part of another shape fills the output: what is over on two sides is cut off, nothing is distorted.
        """
        left, top, width, height = self._box(frame.width, frame.height)
        if (width, height) == self._size == (frame.width, frame.height):
            return frame
        part = frame.image[top : top + height, left : left + width]
        return frame.with_image(quickly_scaled(part, *self._size))

    def _box(self, columns: int, rows: int) -> Box:
        """The part of a picture of this size that fills the output."""
        left, top, width, height = self._crop or (0, 0, columns, rows)
        left, top = min(left, columns - 1), min(top, rows - 1)
        width, height = min(width, columns - left), min(height, rows - top)
        scale = min(width / self._size[0], height / self._size[1])
        seen_width = min(max(round(self._size[0] * scale), 1), width)
        seen_height = min(max(round(self._size[1] * scale), 1), height)
        return left + (width - seen_width) // 2, top + (height - seen_height) // 2, seen_width, seen_height


def parse_crop(text: str) -> Box:
    """Read ``WxH+X+Y``, as in ``640x360+320+180``.

    Raises:
        UsageError: It is not of that form, or empty.
    """
    numbers = re.fullmatch(r"(\d{1,5})x(\d{1,5})\+(\d{1,5})\+(\d{1,5})", text.strip())
    if numbers is None or int(numbers[1]) < 1 or int(numbers[2]) < 1:
        raise UsageError(f"--crop {text}: give width, height and the upper left corner, like 640x360+320+180")
    width, height, left, top = map(int, numbers.groups())
    return left, top, width, height


def crop_within(text: str, width: int, height: int) -> Box:
    """Read ``WxH+X+Y``, a part of a picture of this size, in pixels.

    Raises:
        UsageError: It is not of that form, or reaches beyond the picture.
    """
    left, top, columns, rows = parse_crop(text)
    if left + columns > width or top + rows > height:
        raise UsageError(f"--crop {text} reaches beyond the camera's picture, which is {width}x{height}")
    return left, top, columns, rows
