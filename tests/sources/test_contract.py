from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import cv2
import pytest

from livebg.errors import SourceError
from livebg.segment.ahead import SegmentAhead
from livebg.sources import ReadAhead, open_source
from livebg.sources.video import VideoSource
from tests.fakes import FakeSegmenter, FakeSource, gradient
from tests.media import numbered, write_clip
from tests.sources import contract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from livebg.frame import Frame
    from livebg.stages import Source

COUNT = 7
KINDS = ["clip", "pipe", "folder", "stills", "fake", "clip read ahead", "fake read ahead", "fake segmented ahead"]


def feed(data: bytes) -> int:
    """The reading end of a pipe that a thread fills."""
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb") as pipe:
            try:
                pipe.write(data)
            except BrokenPipeError:
                return  # the reader left: that is what some tests are about

    Thread(target=write, daemon=True).start()
    return reader


class PipeSource(VideoSource):
    """Closes its own end of the pipe too, as a program's end would."""

    def __init__(self, data: bytes) -> None:
        self.descriptor = feed(data)
        super().__init__(self.descriptor)

    def close(self) -> None:
        super().close()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class Segmented(SegmentAhead):
    """Asks for each frame's matte, as whoever takes frames from there has to."""

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            self.segment(frame)
            yield frame


def segmented_ahead(source: Source) -> SegmentAhead:
    return Segmented(source, FakeSegmenter(), lanes=2)


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Source]:
    kind = request.param
    if kind in ("folder", "stills"):
        for index in range(COUNT):
            cv2.imwrite(str(tmp_path / f"{index}.png"), numbered(index))
        return partial(open_source, tmp_path, stills=kind == "stills")
    images = [gradient(seed=seed) for seed in range(COUNT)]
    if kind == "fake":
        return partial(FakeSource, images)
    if kind == "fake read ahead":
        return lambda: ReadAhead(FakeSource(images), depth=1)
    if kind == "fake segmented ahead":
        return lambda: segmented_ahead(FakeSource(images))
    clip = write_clip(tmp_path / "clip.mkv", frames=COUNT)
    if kind == "pipe":
        return partial(PipeSource, clip.read_bytes())
    if kind == "clip read ahead":
        return lambda: ReadAhead(open_source(clip))
    return partial(open_source, clip)


def test_frames_are_in_order(make: Callable[[], Source]) -> None:
    contract.frames_are_in_order(make, COUNT)


@pytest.mark.parametrize("promise", contract.ALL, ids=lambda each: each.__name__)
def test_promise(promise: Callable[[Callable[[], Source]], None], make: Callable[[], Source]) -> None:
    promise(make)


@pytest.mark.parametrize(
    "wrap", [lambda source: source, ReadAhead, segmented_ahead], ids=["itself", "read ahead", "segmented ahead"]
)
def test_an_error_arrives_after_the_frames_before_it(wrap: Callable[[Source], Source]) -> None:
    error = SourceError("the cable is out")
    with wrap(FakeSource([gradient()] * COUNT, error=error, at=3)) as source:
        frames = iter(source)
        assert [next(frames).index for _ in range(3)] == [0, 1, 2]
        with pytest.raises(SourceError, match="cable"):
            next(frames)
