"""The whole way of a frame.

    source -> segment -> smooth -> refine -> compose -> sink

Nothing here knows a concrete stage: ``build.py`` makes them from a configuration, and threads hide behind the same
protocols (``sources.ReadAhead``, ``segment.SegmentAhead``, ``sinks.WriteBehind``), so that reading, segmenting and
writing overlap while this page stays a loop.

Why fail closed lives here: this is the one place where a picture meets its matte. A matte that is not finite, not in
[0, 1] or not of the frame's size stops the run before anything is composed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from livebg.errors import SourceError, StageError
from livebg.frame import Matte
from livebg.stages import Draft

if TYPE_CHECKING:
    from livebg.frame import Frame
    from livebg.stages import Cadence, Compositor, Refiner, Segmenter, Sink, Smoother, Source, Tracker


@dataclass(slots=True)
class RunReport:
    """What a run did.

    Attributes:
        frames: Frames written.
        segmented: Frames whose matte the network made; the others' was carried to them.
        seconds: Wall time from the first request for a frame to the last file closed.
        stages: Seconds that the main thread spent in each stage, by name; ``read``, ``write`` and (with
            ``SegmentAhead``) ``segment`` are waits for the threads that do the work.
        notes: What the source, the refiner and the sinks had to say, in order.
    """

    frames: int = 0
    segmented: int = 0
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def fps(self) -> float:
        """Frames a second over the whole run."""
        return self.frames / self.seconds if self.seconds else 0.0

    @property
    def in_matting(self) -> float:
        """Seconds that the mattes took."""
        return sum(self.stages.get(name, 0.0) for name in ("motion", "segment", "smooth", "refine"))


@dataclass(frozen=True, slots=True)
class Matting:
    """The stages between a frame and its final matte.

    Attributes:
        segmenter: What finds the subject; where ``cadence`` is given, it owns the same one.
        tracker: Motion between frames, for the three below.
        cadence: Segments some frames and carries the matte to the others; ``None`` segments every one.
        smoother: ``None`` leaves each matte as its own frame gave it.
        refiner: Brings coarse mattes to the frame's size; ``None`` where the segmenter does.
    """

    segmenter: Segmenter
    tracker: Tracker | None = None
    cadence: Cadence | None = None
    smoother: Smoother | None = None
    refiner: Refiner | None = None

    def reset(self) -> None:
        """Forget earlier frames."""
        for stage in (self.segmenter, self.tracker, self.cadence, self.smoother, self.refiner):
            if stage is not None:
                stage.reset()


def run(
    source: Source,
    matting: Matting,
    compositor: Compositor,
    sink: Sink,
    *,
    matte_sink: Sink | None = None,
    progress: Callable[[RunReport], None] | None = None,
) -> RunReport:
    """Take every frame of the source to the sink, composited.

    Args:
        source: Read to its end; opened and closed by the caller.
        matting: Gives each frame its matte.
        compositor: Puts the subject on its background.
        sink: Takes the composited frames; finished here, closed by the caller.
        matte_sink: Takes each matte as a gray picture in the same run.
        progress: Called after each frame with the report so far.

    Returns:
        Frames, seconds, seconds a stage, and notes.

    Raises:
        LivebgError: Whatever a stage raised, and ``StageError`` for a matte that must not be used. Nothing of the
            frame in question is written.
    """
    report = RunReport()
    clock = _Stopwatch(report.stages)
    started = perf_counter()
    sinks = [sink] if matte_sink is None else [sink, matte_sink]
    for draft in _drafts(source, matting, compositor, clock, report):
        frame = draft.frame
        matte = draft.matte
        if matting.refiner is not None:
            with clock("refine"):
                matte = matting.refiner.refine(draft)
        with clock("compose"):
            require_valid(frame, matte)
            composed = compositor.compose(frame, matte)
        with clock("write"):
            sink.write(composed)
            if matte_sink is not None:
                matte_sink.write(frame.with_image(matte.as_image()))
        report.frames += 1
        report.segmented += draft.fresh
        report.seconds = perf_counter() - started
        if progress is not None:
            progress(report)
    if report.frames == 0:
        raise SourceError(f"{source.info.name} gave no frame: nothing to write")
    with clock("finish"):
        for each in sinks:
            each.finish()
    report.seconds = perf_counter() - started
    refined = [] if matting.refiner is None else matting.refiner.notes
    report.notes = [*source.notes, *refined, *(note for each in sinks for note in each.notes)]
    return report


def _drafts(
    source: Source, matting: Matting, compositor: Compositor, clock: _Stopwatch, report: RunReport
) -> Iterator[Draft]:
    """Every frame with its coarse, steady matte, in order."""
    smoother = matting.smoother
    for frame in clock.iterate("read", source):
        if source.info.stills:
            yield from smoother.flush() if smoother else ()
            matting.reset()
            compositor.reset()
        motion = None
        if matting.tracker is not None:
            with clock("motion"):
                motion = matting.tracker.follow(frame)
        with clock("segment"):
            if matting.cadence is None:
                draft = Draft(frame, matting.segmenter.segment(frame), motion)
            else:
                draft = matting.cadence.draft(frame, motion)
            _require_matte(frame, draft.matte)
        if smoother is None:
            yield draft
            continue
        with clock("smooth"):
            steady = smoother.smooth(draft)
        yield from steady
    yield from smoother.flush() if smoother else ()


def require_valid(frame: Frame, matte: Matte) -> None:
    """Refuse a matte that would show what it must hide."""
    _require_matte(frame, matte)
    alpha = matte.alpha
    if alpha.shape != (frame.height, frame.width):
        raise StageError(
            f"frame {frame.index}: the matte is {alpha.shape[1]}x{alpha.shape[0]}, "
            f"the frame {frame.width}x{frame.height}; the frame is not shown"
        )
    low, high = alpha.min(), alpha.max()
    if not (low >= 0 and high <= 1):  # also false for NaN, which min and max pass on
        raise StageError(f"frame {frame.index}: the matte runs from {low} to {high}, not within 0..1; it is not shown")


def _require_matte(frame: Frame, matte: Matte) -> None:
    if not isinstance(matte, Matte):  # a stage of somebody else's
        raise StageError(
            f"frame {frame.index}: a stage gave {type(matte).__name__} in place of a Matte; the frame is not shown"
        )


class _Stopwatch:
    """Adds up seconds by name."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + perf_counter() - started

    def iterate(self, name: str, source: Source) -> Iterator[Frame]:
        frames = iter(source)
        while True:
            with self(name):
                frame = next(frames, None)
            if frame is None:
                return
            yield frame
