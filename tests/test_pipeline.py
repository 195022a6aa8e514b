from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from livebg.errors import SinkError, SourceError, StageError
from livebg.motion import MotionTracker
from livebg.pipeline import Matting, run
from livebg.smooth import Cadence, Smoother
from tests.fakes import FakeCompositor, FakeSegmenter, FakeSink, FakeSource, gradient

IMAGES = [gradient(seed=seed) for seed in range(5)]


def test_every_frame_goes_through_once_and_in_order():
    sink, mattes, seen = FakeSink(), FakeSink(), []
    source = FakeSource(IMAGES)
    report = run(
        source,
        Matting(FakeSegmenter()),
        FakeCompositor(),
        sink,
        matte_sink=mattes,
        progress=lambda r: seen.append(r.frames),
    )
    assert [frame.index for frame in sink.frames] == list(range(5))
    assert [frame.pts for frame in mattes.frames] == [Fraction(index, 25) for index in range(5)]
    assert seen == [1, 2, 3, 4, 5]
    assert report.frames == 5
    assert sink.finished
    assert mattes.finished
    assert set(report.stages) == {"read", "segment", "compose", "write", "finish"}
    half = IMAGES[0].shape[1] // 2
    for image, frame, matte in zip(IMAGES, sink.frames, mattes.frames, strict=True):
        assert np.array_equal(frame.image[:, :half], image[:, :half])
        assert not frame.image[:, half:].any()
        assert set(np.unique(matte.image)) == {0, 255}


def test_notes_of_source_and_sinks_are_gathered():
    source, sink = FakeSource(IMAGES), FakeSink()
    source.notes, sink.notes = ["two times were mended"], ["audio was encoded anew"]
    report = run(source, Matting(FakeSegmenter()), FakeCompositor(), sink)
    assert report.notes == ["two times were mended", "audio was encoded anew"]


def nan(frame):
    alpha = np.ones((frame.height, frame.width), np.float32)
    alpha[3, 4] = np.nan
    return alpha


def too_small(frame):
    return np.ones((frame.height - 1, frame.width), np.float32)


def over_one(frame):
    return np.full((frame.height, frame.width), 1.01, np.float32)


def below_zero(frame):
    return np.full((frame.height, frame.width), -0.01, np.float32)


def infinite(frame):
    return np.full((frame.height, frame.width), np.inf, np.float32)


@pytest.mark.parametrize("alpha", [nan, too_small, over_one, below_zero, infinite])
def test_a_matte_that_must_not_be_used_shows_nothing(alpha):
    sink, mattes = FakeSink(), FakeSink()
    with pytest.raises(StageError, match=r"frame 0: the matte .* not shown"):
        run(FakeSource(IMAGES), Matting(FakeSegmenter(alpha)), FakeCompositor(), sink, matte_sink=mattes)
    assert sink.frames == []
    assert mattes.frames == []
    assert not sink.finished


class Foreign(FakeSegmenter):
    """Gives something of its own kind."""

    def __init__(self, given: object) -> None:
        super().__init__()
        self.given = given

    def segment(self, frame):
        return self.given


class Passing:
    """A refiner that gives something of its own kind."""

    notes = ()

    def refine(self, draft):
        return draft.matte.alpha

    def reset(self):
        pass


def foreign(given):
    return Matting(Foreign(given))


def foreign_and_smoothed(given):
    segmenter = Foreign(given)
    return Matting(segmenter, MotionTracker(), Cadence(segmenter), Smoother("light"))


@pytest.mark.parametrize("matting", [foreign, foreign_and_smoothed])
@pytest.mark.parametrize("given", [None, np.ones((48, 64), np.float32)])
def test_what_is_no_matte_shows_nothing(matting, given):
    sink = FakeSink()
    with pytest.raises(StageError, match=r"^frame 0: a stage gave \w+ in place of a Matte; the frame is not shown$"):
        run(FakeSource(IMAGES), matting(given), FakeCompositor(), sink)
    assert sink.frames == []


def test_a_refiner_that_gives_no_matte_shows_nothing():
    sink = FakeSink()
    with pytest.raises(
        StageError, match=r"^frame 0: a stage gave ndarray in place of a Matte; the frame is not shown$"
    ):
        run(FakeSource(IMAGES), Matting(FakeSegmenter(), refiner=Passing()), FakeCompositor(), sink)
    assert sink.frames == []


def test_a_source_that_fails_leaves_the_sink_unfinished():
    sink = FakeSink()
    with pytest.raises(SourceError, match="damaged"):
        run(FakeSource(IMAGES, error=SourceError("damaged"), at=3), Matting(FakeSegmenter()), FakeCompositor(), sink)
    assert len(sink.frames) == 3
    assert not sink.finished


def test_a_sink_that_fails_ends_the_run():
    with pytest.raises(SinkError, match="full"):
        run(FakeSource(IMAGES), Matting(FakeSegmenter()), FakeCompositor(), FakeSink(error=SinkError("full"), at=2))


def test_a_source_without_frames_is_an_error_and_not_an_empty_file():
    sink = FakeSink()
    with pytest.raises(SourceError, match="fake gave no frame"):
        run(FakeSource(IMAGES, length=0), Matting(FakeSegmenter()), FakeCompositor(), sink)
    assert not sink.finished
