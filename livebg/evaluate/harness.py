"""The pipeline that users run, with samples going in and scores coming out.

What is measured is what ``livebg process --matte-out`` writes: ``pipeline.run`` takes the pictures from a source, and
mattes arrive at a sink as 8-bit pictures. Reading ahead and scoring have a thread each, so that the model waits for
neither.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction

import cv2
import numpy as np

from livebg.errors import SourceError
from livebg.evaluate.samples import Finding, Sample, UnusableFile
from livebg.frame import Frame, Image, Matte, StreamInfo
from livebg.pipeline import Matting, RunReport, run
from livebg.stages import Closing, Source

Load = Callable[[], Sample]
Score = Callable[[Sample, Image], None]

_RATE = Fraction(25)
_AHEAD = 2
_COLOUR = 24  # levels between channels that a codec may leave in a gray picture
_COLOURED = 0.001  # of a frame's pixels; fewer may be the codec's


class Samples(Closing):
    """A source of samples read one by one; one that cannot be read is a finding, and the others go on.

    ``take`` gives a frame's sample back to whoever has its matte.
    """

    def __init__(self, name: str, loads: Sequence[Load], *, stills: bool) -> None:
        """What to read.

        Args:
            name: What messages call the stream.
            loads: Reads one sample each.
            stills: Whether the pictures have nothing to do with each other.
        """
        self.info = StreamInfo(name=name, width=0, height=0, rate=_RATE, frames=len(loads), stills=stills)
        self.notes: Sequence[str] = ()
        self.findings: list[Finding] = []
        self._loads = loads
        self._taken: dict[int, Sample] = {}
        self._reader = ThreadPoolExecutor(1, "livebg-samples")

    def __iter__(self) -> Iterator[Frame]:
        for index, sample in enumerate(self._read_ahead()):
            self._taken[index] = sample
            yield Frame(sample.image, index / _RATE, index, 1 / _RATE, sample.name)

    def take(self, index: int) -> Sample:
        """The sample of a frame, once."""
        return self._taken.pop(index)

    def _read_ahead(self) -> Iterator[Sample]:
        waiting: deque[Future[Sample]] = deque()
        rest = iter(self._loads)
        size: tuple[int, ...] = ()
        while True:
            for load in rest:
                waiting.append(self._reader.submit(load))
                if len(waiting) == _AHEAD:
                    break
            if not waiting:
                return
            try:
                sample = waiting.popleft().result()
            except UnusableFile as exc:
                self.findings.append(exc.finding)
                continue
            size = size or sample.image.shape
            if not self.info.stills and sample.image.shape != size:
                found = f"the frame is {sample.image.shape[1]}x{sample.image.shape[0]}, the first {size[1]}x{size[0]}"
                self.findings.append(Finding(f"{self.info.name}, frame {sample.name}", found))
                continue
            yield sample

    def close(self) -> None:
        """Stop reading."""
        self._reader.shutdown(cancel_futures=True)


class Pictures(Closing):
    """Samples from sources that decode in order: a video, and the video of its true mattes beside it."""

    def __init__(self, name: str, pictures: Source, truths: Source | None) -> None:
        self._name, self._pictures, self._truths = name, pictures, truths
        self._taken: dict[int, Sample] = {}
        self.findings: list[Finding] = []

    @property
    def info(self) -> StreamInfo:
        """That of the video."""
        return self._pictures.info

    @property
    def notes(self) -> Sequence[str]:
        """Those of both videos."""
        return [*self._pictures.notes, *(self._truths.notes if self._truths else ())]

    def __iter__(self) -> Iterator[Frame]:
        truths = iter(self._truths) if self._truths else None
        frames = iter(self._pictures)
        count = 0
        for frame in frames:
            truth = next(truths, None) if truths else None
            if truths and truth is None:
                more = 1 + sum(1 for _ in frames)
                self.findings.append(Finding(self._name, f"{more} frames at its end have no true matte"))
                return
            self._taken[frame.index] = Sample(
                f"{frame.index:05}",
                frame.image,
                None if truth is None else gray_of(truth, frame.image, f"{self._name}: its true matte"),
            )
            count += 1
            yield frame
        more = sum(1 for _ in truths) if truths else 0
        if more:
            self.findings.append(Finding(self._name, f"{more} true mattes after its {count} frames have no picture"))

    def take(self, index: int) -> Sample:
        """The sample of a frame, once."""
        return self._taken.pop(index)

    def close(self) -> None:
        """Close both videos."""
        self._pictures.close()
        if self._truths is not None:
            self._truths.close()


class _Scoring(Closing):
    """A sink that hands each matte and its sample to a function, in a thread and in order."""

    def __init__(self, take: Callable[[int], Sample], score: Score) -> None:
        self.notes: Sequence[str] = ()
        self._take, self._score = take, score
        self._worker = ThreadPoolExecutor(1, "livebg-score")
        self._waiting: deque[Future[None]] = deque()

    def write(self, frame: Frame) -> None:
        if len(self._waiting) == _AHEAD:
            self._waiting.popleft().result()
        self._waiting.append(self._worker.submit(self._score, self._take(frame.index), frame.image))

    def finish(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()

    def close(self) -> None:
        self._worker.shutdown(cancel_futures=True)


class _Untouched:
    """A compositor that leaves the frame as it is: only mattes are measured."""

    def compose(self, frame: Frame, matte: Matte) -> Frame:
        return frame

    def reset(self) -> None:
        pass


class _Nowhere(Closing):
    """A sink for what nobody looks at."""

    def __init__(self) -> None:
        self.notes: Sequence[str] = ()

    def write(self, frame: Frame) -> None:
        pass

    def finish(self) -> None:
        pass

    def close(self) -> None:
        pass


def gray_of(matte: Frame, picture: Image, what: str) -> Image:
    """A frame of a matte video as a matte, (H, W) uint8.

    Args:
        matte: As decoded.
        picture: What it belongs to, (H, W, 3).
        what: What messages call the matte.

    Raises:
        SourceError: Their sizes differ, or the matte is in colour.
    """
    height, width = picture.shape[:2]
    if (matte.width, matte.height) != (width, height):
        raise SourceError(f"{what} is {matte.width}x{matte.height}, its picture {width}x{height}")
    red, green, blue = cv2.split(matte.image)
    apart = cv2.max(cv2.max(red, green), blue) - cv2.min(cv2.min(red, green), blue)
    if np.count_nonzero(apart > _COLOUR) > _COLOURED * apart.size:
        raise SourceError(f"{what} is in colour; a matte is gray, 255 where the subject is")
    return np.asarray(red, np.uint8)


def measure(
    source: Source,
    take: Callable[[int], Sample],
    matting: Matting,
    score: Score,
    progress: Callable[[RunReport], None] | None = None,
) -> RunReport:
    """Run every sample through the pipeline and score its matte.

    Args:
        source: Closed by the caller.
        take: Gives the sample that a frame index belongs to.
        matting: Reset first.
        score: Called for each sample in order, in a thread of its own; what it raises arrives here.
        progress: Called after each frame.

    Returns:
        Frames and seconds; ``in_matting`` is the time that the matte took.

    Raises:
        LivebgError: Whatever a stage or ``score`` raised.
    """
    matting.reset()
    with _Scoring(take, score) as mattes:
        return run(source, matting, _Untouched(), _Nowhere(), matte_sink=mattes, progress=progress)


def share_outside(seconds: float, in_model: float) -> float:
    """What part of the time the model was not at work."""
    return max(0.0, 1 - in_model / seconds) if seconds else 0.0
