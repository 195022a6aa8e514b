"""What flows through the pipeline: frames, their mattes, and what is known of the stream.

Why these three only: a frame must say when it is shown and nothing about where it came from, so that every
stage can be tested with an array and a number. What concerns the stream as a whole (size, clock, colour tags,
the audio beside it) is said once, in ``StreamInfo``, and read by whoever writes the stream again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from livebg.stages import SideStreams

Image = NDArray[np.uint8]
Alpha = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture and the moment it is shown.

    Attributes:
        image: uint8, contiguous. (H, W, 3) RGB everywhere in the pipeline. Only on the way from a compositor to
            a sink also (H, W, 4): RGB with straight alpha, and (H, W): a matte written as a picture.
        pts: Presentation time in seconds, exact, from the beginning of the stream.
        index: Its place in the stream, from 0.
        duration: Seconds it is shown, where the container says so.
        name: The stem of the picture it was read from; ``None`` for video.
        pixel_aspect: Width of a pixel over its height.
    """

    image: Image
    pts: Fraction = Fraction(0)
    index: int = 0
    duration: Fraction | None = None
    name: str | None = None
    pixel_aspect: Fraction = Fraction(1)
    _half: Image | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        image = self.image
        if not isinstance(image, np.ndarray):
            raise ValueError(f"an image must be a uint8 array (H, W, 3), got {_kind(image)}: {_cure(image)}")
        if image.dtype != np.uint8:
            raise ValueError(f"an image must be uint8, got {image.dtype} {image.shape}: scale it to 0..255")
        if not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))):
            raise ValueError(f"an image must be (H, W, 3) RGB, got {image.shape}: put channels last")
        if not image.flags.c_contiguous:
            raise ValueError("an image must be contiguous: pass it through numpy.ascontiguousarray")

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.image.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.image.shape[1])

    @property
    def half(self) -> Image:
        """The picture at half its size, uint8, by the mean of four pixels; not to be written.

        An odd last row or column is left out; both sides must be 2 or more.

        Why it is kept: the network, motion, the refiner and the blur each want a small picture of the same frame, and
        the first halving costs more than all that follows.
        """
        if self._half is None:
            rows, columns = self.height // 2, self.width // 2
            even = self.image[: 2 * rows, : 2 * columns]
            half = np.asarray(cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
            object.__setattr__(self, "_half", half)  # frozen for everybody else
            return half
        return self._half

    def at_least(self, width: int, height: int) -> Image:
        """What to shrink from to this size, in pixels: ``half``, or ``image`` where the half is too small or cut."""
        rows, columns = self.height, self.width
        whole = rows % 2 == columns % 2 == 0
        return self.half if whole and rows >= 2 * height and columns >= 2 * width else self.image

    def with_image(self, image: Image) -> Frame:
        """The same moment with another picture."""
        return replace(self, image=image)

    def __repr__(self) -> str:
        return f"Frame({self.index}, {float(self.pts):.3f} s, {self.image.shape})"


@dataclass(frozen=True, slots=True, eq=False)
class Matte:
    """How much of each pixel belongs to the subject.

    Attributes:
        alpha: float32 (H, W) in [0, 1], as large as the frame it belongs to; on the way there it may be coarse, smaller
            than the frame and spanning all of it. Range and NaN are checked where a
            stage hands it over (``pipeline.run``), not here: it costs a pass over the picture.
    """

    alpha: Alpha

    def __post_init__(self) -> None:
        alpha = self.alpha
        if not isinstance(alpha, np.ndarray):
            raise ValueError(f"alpha must be a float32 array (H, W), got {_kind(alpha)}: give it one from 0 to 1")
        if alpha.dtype != np.float32 or alpha.ndim != 2:
            cure = "divide by 255" if alpha.dtype == np.uint8 else "convert it"
            raise ValueError(f"alpha must be float32 (H, W), got {alpha.dtype} {alpha.shape}: {cure}")

    def as_image(self) -> Image:
        """Alpha as an 8-bit gray picture (H, W), rounded to the nearest step."""
        scaled: Alpha = self.alpha * np.float32(255)
        return np.rint(scaled, out=scaled).astype(np.uint8)

    def __repr__(self) -> str:
        return f"Matte({self.alpha.shape})"


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _cure(no_image: object) -> str:
    if no_image is None:
        return "was the file there?"
    return "read the file first" if isinstance(no_image, str | PathLike) else "pass it through numpy.asarray"


@dataclass(frozen=True, slots=True)
class Colour:
    """How a stream's numbers stand for colours: code points of ITU-T H.273, 2 where nothing is said.

    Attributes:
        primaries: 1 is BT.709, 9 is BT.2020.
        transfer: 1 is BT.709, 16 is PQ, 18 is HLG.
        matrix: 1 is BT.709, 5 and 6 are BT.601, 9 is BT.2020.
        full_range: Whether 8-bit luma spans 0..255 and not 16..235; ``None`` where nothing is said.
    """

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    full_range: bool | None = None


class Chapter(NamedTuple):
    """A named stretch of the stream, in seconds from its beginning."""

    start: Fraction
    end: Fraction
    title: str


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What is known of a stream before its first frame, and what its copy must keep.

    Attributes:
        name: What a message calls it: the path as the user wrote it.
        width: Pixels, upright (display rotation applied).
        height: Pixels, upright.
        time_base: The clock of the container's video stream, seconds a tick.
        rate: Average frames a second, where there is one.
        frames: How many are to be expected; an estimate, for progress only.
        duration: Seconds, where known.
        live: Frames cannot wait: a newer one replaces one that nobody took.
        stills: Pictures that have nothing to do with each other: sizes may differ, stages forget between them.
        sample_aspect_ratio: Width of a pixel over its height.
        colour: The tags its copy carries.
        metadata: The container's own tags (title, ...).
        chapters: In order.
        timecode: Of the first frame, HH:MM:SS:FF, where there is one.
        side: Audio and subtitles on their way past the pipeline.
    """

    name: str
    width: int
    height: int
    time_base: Fraction = Fraction(1, 90000)
    rate: Fraction | None = None
    frames: int | None = None
    duration: Fraction | None = None
    live: bool = False
    stills: bool = False
    sample_aspect_ratio: Fraction = Fraction(1)
    colour: Colour = Colour()
    metadata: Mapping[str, str] = field(default_factory=dict)
    chapters: tuple[Chapter, ...] = ()
    timecode: str | None = None
    side: SideStreams | None = None
