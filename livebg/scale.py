"""Pictures and mattes at other sizes."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from livebg.frame import Alpha, Image

Fit = Literal["cover", "contain", "stretch"]

_T = TypeVar("_T", np.uint8, np.float32)


class InputSizes(NamedTuple):
    """The input sizes of a network, each width and height: of pictures that lie, and of upright ones."""

    lying: tuple[int, int]
    upright: tuple[int, int]

    def of(self, width: float, height: float) -> tuple[int, int]:
        """The one that a picture of this shape needs."""
        return self.upright if height > width else self.lying


def input_sizes(size: tuple[int, int], upright: tuple[int, int] | None = None) -> InputSizes:
    """A size and the same turned; or, where one is given, that of upright pictures in its place."""
    short, long = sorted(size)
    return InputSizes((long, short), upright or (short, long))


def scaled(plane: NDArray[_T], width: int, height: int) -> NDArray[_T]:
    """Squash to another size, averaging where it shrinks and bilinear where it grows.

    Args:
        plane: (h, w) or (h, w, C).
        width: Pixels of the result.
        height: Pixels of the result.

    Returns:
        (height, width) or (height, width, C), a new array.
    """
    into = np.empty((height, width, *plane.shape[2:]), plane.dtype)
    scale_into(plane, into)
    return into


def scale_into(plane: NDArray[Any], into: NDArray[Any]) -> None:
    """The same into an array of the other size, and of the plane's type and channels."""
    height, width = into.shape[:2]
    while min(plane.shape[0] / height, plane.shape[1] / width) >= 2 and plane.shape[0] % 2 == plane.shape[1] % 2 == 0:
        # OpenCV is quick at exact halves: a third of the time at 1080p and at 4K.
        plane = np.asarray(cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    rows, columns = min(height, plane.shape[0]), min(width, plane.shape[1])
    if (rows, columns) == (height, width):
        cv2.resize(plane, (width, height), dst=into, interpolation=cv2.INTER_AREA)
        return
    if (rows, columns) != plane.shape[:2]:  # OpenCV averages only where both sides shrink
        plane = np.asarray(cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA))
    cv2.resize(plane, (width, height), dst=into, interpolation=cv2.INTER_LINEAR)


def scaled_alpha(alpha: Alpha, width: int, height: int) -> Alpha:
    """A matte at another size, (height, width), a new array; in [0, 1] where it was."""
    result = scaled(alpha, width, height)
    cv2.threshold(result, 1, 1, cv2.THRESH_TRUNC, dst=result)  # by a rounding it may be more; never less than 0
    return result


def quickly_scaled(image: Image, width: int, height: int) -> Image:
    """Another size: halved while that is still large enough, then bilinear.

    Why not area averaging all the way: it costs 15 ms a frame from 1080p to 720p on two cores, this 3.5 ms, and below a
    factor of two bilinear skips no pixel.

    Returns:
        (height, width, 3) uint8, contiguous; the image itself where it is all that already.
    """
    rows, columns = image.shape[:2]
    while columns >= 2 * width or rows >= 2 * height:
        columns = columns // 2 if columns >= 2 * width else columns
        rows = rows // 2 if rows >= 2 * height else rows
        image = np.asarray(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    if (columns, rows) != (width, height):
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.ascontiguousarray(image)


def fit_into(image: Image, width: int, height: int, fit: Fit, aspect: Fraction = Fraction(1)) -> Image:
    """The picture as wide and high as asked.

    Args:
        image: RGB, (h, w, 3) uint8.
        width: Pixels of the result.
        height: Pixels of the result.
        fit: ``cover`` fills the frame and cuts off equally on both sides what stands out; ``contain`` shows all of the
            picture and leaves black bars; ``stretch`` distorts it.
        aspect: Width over height of the picture's pixels where the frame's are square.

    Returns:
        (height, width, 3) uint8, contiguous; the picture itself where nothing is to be done.
    """
    rows, columns = image.shape[:2]
    shown = columns * aspect  # how wide it is where it is `rows` high
    if fit == "cover":
        if shown * height > rows * width:  # too wide
            keep = max(1, round(Fraction(rows * width, height) / aspect))
            left = (columns - keep) // 2
            image = image[:, left : left + keep]
        else:
            keep = max(1, round(shown * height / width))
            top = (rows - keep) // 2
            image = image[top : top + keep]
    elif fit == "contain":
        canvas = np.zeros((height, width, 3), np.uint8)
        if shown * height > rows * width:
            inner = width, max(1, round(rows * width / shown))
        else:
            inner = max(1, round(shown * height / rows)), height
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        canvas[top : top + inner[1], left : left + inner[0]] = quickly_scaled(image, *inner)
        return canvas
    return quickly_scaled(image, width, height)
