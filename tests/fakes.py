"""The smallest implementation of each protocol: what tests feed the pipeline with, and what proves the contracts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from livebg.frame import Frame, Matte, StreamInfo
from livebg.stages import Closing


def gradient(height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    """A picture that is smooth and different everywhere."""
    rows, columns = np.mgrid[0:height, 0:width]
    third = np.full((height, width), 40 * seed)
    image = np.stack([rows * 255 // max(height - 1, 1), columns * 255 // max(width - 1, 1), third], axis=-1)
    return np.ascontiguousarray(image % 256, dtype=np.uint8)


class FakeSource(Closing):
    """Pictures from memory at 25 a second; raises ``error`` in place of the frame of index ``at``."""

    notes: Sequence[str] = ()

    def __init__(
        self,
        images: Sequence[np.ndarray],
        *,
        live: bool = False,
        error: Exception | None = None,
        at: int = -1,
        length: int | None = None,
    ) -> None:
        height, width = images[0].shape[:2]
        self.info = StreamInfo(
            name="fake",
            width=width,
            height=height,
            time_base=Fraction(1, 25),
            rate=Fraction(25),
            frames=len(images),
            duration=Fraction(len(images), 25),
            live=live,
        )
        self._images, self._error, self._at = images[:length], error, at
        self.closed = 0
        self._iterated = False

    def __iter__(self) -> Iterator[Frame]:
        if self._iterated:
            raise ValueError("fake was read already: open it again")
        self._iterated = True
        for index, image in enumerate(self._images):
            if self.closed:
                raise ValueError("fake is closed: open it again")
            if index == self._at and self._error is not None:
                raise self._error
            yield Frame(image, pts=Fraction(index, 25), index=index, duration=Fraction(1, 25))

    def close(self) -> None:
        self.closed += 1


class FakeSegmenter:
    """The left half is the subject; or whatever ``alpha`` makes of a frame."""

    def __init__(self, alpha: Callable[[Frame], np.ndarray] | None = None) -> None:
        self._alpha = alpha or _left_half
        self.resets = 0

    def segment(self, frame: Frame) -> Matte:
        return Matte(self._alpha(frame))

    def reset(self) -> None:
        self.resets += 1


def _left_half(frame: Frame) -> np.ndarray:
    alpha = np.zeros((frame.height, frame.width), np.float32)
    alpha[:, : frame.width // 2] = 1
    return alpha


class FakeCompositor:
    """Black where the subject is not."""

    def compose(self, frame: Frame, matte: Matte) -> Frame:
        return frame.with_image((frame.image * matte.alpha[..., None]).astype(np.uint8))

    def reset(self) -> None:
        pass


class FakeSink(Closing):
    """Keeps what it is given; raises ``error`` at the frame of index ``at``."""

    def __init__(self, *, error: Exception | None = None, at: int = -1) -> None:
        self.frames: list[Frame] = []
        self.notes: Sequence[str] = ()
        self._error, self._at = error, at
        self.finished = False
        self.closed = 0

    def write(self, frame: Frame) -> None:
        if len(self.frames) == self._at and self._error is not None:
            raise self._error
        self.frames.append(frame)

    def finish(self) -> None:
        self.finished = True

    def close(self) -> None:
        self.closed += 1
