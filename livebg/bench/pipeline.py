"""``livebg bench pipeline``: every stage between a decoded frame and a composited one, in memory, stage by stage.

Processor time is that of the whole process while a stage runs. Nothing is read or written beside it, so it is the
stage's own, with the threads of OpenCV and of the runtime.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

import cv2
import numpy as np

from livebg.bench.harness import machine
from livebg.build import open_compositor, open_matting, open_reader, open_segmenter
from livebg.config import Config, InputConfig
from livebg.frame import Frame, Image, StreamInfo
from livebg.pipeline import RunReport, run
from livebg.sinks import NullSink
from livebg.stages import Closing

OUTSIDE = "outside segmentation"
"""What makes a matte but for segmenting the frame: motion, carrying, smoothing and refining, together."""

_RATE = Fraction(30)


def bench_pipeline(
    clip: Path,
    config: Config,
    *,
    size: tuple[int, int] = (1280, 720),
    frames: int = 90,
    progress: Callable[[str], None] | None = None,
) -> dict[str, object]:
    """Run a clip's frames, scaled and held in memory, through the whole pipeline into nothing.

    Args:
        clip: Where frames come from; it is looped.
        config: Every stage.
        size: Width and height of the frames.
        frames: How many.
        progress: Told the result in one line.

    Returns:
        A JSON object: machine, frames a second, processor time a frame, milliseconds of each stage and of what makes
        the matte ``OUTSIDE`` segmentation, by the clock and by the processors (p50, p95, p99), how many frames were
        segmented, and the process's peak memory.
    """
    matting = open_matting(config, open_segmenter(config.segment, coarse=True))
    source = _Looped(_frames(clip, size, 30), size, frames)
    wall, processors = _Series(), _Series()
    worked_in: dict[str, float] = {}
    segmented = 0

    def note(report: RunReport) -> None:
        nonlocal segmented
        fresh, segmented = report.segmented > segmented, report.segmented
        wall.add(report.stages, fresh=fresh)
        processors.add(worked_in, fresh=fresh)

    with open_compositor(config.compose, source.info) as compositor, NullSink() as sink:
        for name, stage, verb in (
            ("motion", matting.tracker, "follow"),
            ("segment", matting.cadence or matting.segmenter, "draft" if matting.cadence else "segment"),
            ("smooth", matting.smoother, "smooth"),
            ("refine", matting.refiner, "refine"),
            ("compose", compositor, "compose"),
        ):
            _clock(stage, verb, name, worked_in)
        started, worked = perf_counter(), process_time()
        report = run(source, matting, compositor, sink, progress=note)
        seconds, cpu = perf_counter() - started, process_time() - worked
    stages, stages_cpu = wall.spreads(), processors.spreads()
    if progress is not None:
        each = ", ".join(f"{name} {spread['p50']} / {stages[name]['p50']}" for name, spread in stages_cpu.items())
        whole = f"{frames / seconds:.1f} fps, {1000 * cpu / frames:.1f} ms of CPU a frame"
        progress(f"{size[0]}x{size[1]}: {whole}; CPU / clock: {each}")
    return {
        "benchmark": "pipeline",
        "machine": machine(),
        "settings": config.model_dump(mode="json", include={"segment", "smooth", "refine", "compose"}),
        "size": f"{size[0]}x{size[1]}",
        "frames": report.frames,
        "segmented": report.segmented,
        "fps": round(frames / seconds, 2),
        "cpu_ms_a_frame": round(1000 * cpu / frames, 2),
        "stages_ms": stages,
        "stages_cpu_ms": stages_cpu,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1),
    }


class _Series:
    """Milliseconds frame by frame, from seconds that add up."""

    def __init__(self) -> None:
        self._series: dict[str, list[float]] = {}
        self._before: dict[str, float] = {}

    def add(self, seconds: dict[str, float], *, fresh: bool) -> None:
        """One frame further; ``fresh``: its stage ``segment`` segmented and did not carry."""
        spent = {name: 1000 * (total - self._before.get(name, 0.0)) for name, total in seconds.items()}
        outside = {"motion", "smooth", "refine"} | (set() if fresh else {"segment"})
        spent[OUTSIDE] = sum(each for name, each in spent.items() if name in outside)
        for name, each in spent.items():
            self._series.setdefault(name, []).append(each)
        self._before.update(seconds)

    def spreads(self) -> dict[str, dict[str, float]]:
        return {
            name: {f"p{q}": round(float(np.percentile(each, q)), 2) for q in (50, 95, 99)}
            for name, each in self._series.items()
        }


def _clock(stage: object | None, verb: str, name: str, spent: dict[str, float]) -> None:
    """From now on add up the processor time of a stage's verb, where there is the stage."""
    if stage is None:
        return
    do: Callable[..., object] = getattr(stage, verb)

    def clocked(*given: object) -> object:
        started = process_time()
        result = do(*given)
        spent[name] = spent.get(name, 0.0) + process_time() - started
        return result

    setattr(stage, verb, clocked)


def _frames(clip: Path, size: tuple[int, int], count: int) -> list[Image]:
    with open_reader(str(clip), InputConfig(), side=False) as source:
        return [np.asarray(cv2.resize(frame.image, size), np.uint8) for frame in islice(source, count)]


class _Looped(Closing):
    """Pictures from memory, there and back again, so that nothing jumps."""

    notes: Sequence[str] = ()

    def __init__(self, images: list[Image], size: tuple[int, int], frames: int) -> None:
        self.info = StreamInfo("memory", *size, rate=_RATE, frames=frames)
        self._images, self._frames = [*images, *images[-2:0:-1]], frames

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self._frames):
            yield Frame(self._images[index % len(self._images)], index / _RATE, index, 1 / _RATE)

    def close(self) -> None:
        """Nothing is open."""
