"""``livebg bench pipeline``: every stage between a decoded frame and a composited one, in memory, stage by stage."""

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
        A JSON object: machine, frames a second, processor time a frame, milliseconds of each stage (p50, p95, p99), how
        many frames were segmented, and the process's peak memory.
    """
    matting = open_matting(config, open_segmenter(config.segment, coarse=True))
    source = _Looped(_frames(clip, size, 30), size, frames)
    series: dict[str, list[float]] = {}
    before: dict[str, float] = {}

    def note(report: RunReport) -> None:
        for name, seconds in report.stages.items():
            series.setdefault(name, []).append(1000 * (seconds - before.get(name, 0.0)))
        before.update(report.stages)

    with open_compositor(config.compose, source.info) as compositor, NullSink() as sink:
        started, worked = perf_counter(), process_time()
        report = run(source, matting, compositor, sink, progress=note)
        seconds, cpu = perf_counter() - started, process_time() - worked
    stages = {name: _spread(each) for name, each in series.items()}
    if progress is not None:
        each = ", ".join(f"{name} {spread['p50']}" for name, spread in stages.items())
        progress(
            f"{size[0]}x{size[1]}: {frames / seconds:.1f} fps, {1000 * cpu / frames:.1f} ms of CPU a frame; {each}"
        )
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
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1),
    }


def _spread(series: list[float]) -> dict[str, float]:
    return {f"p{q}": round(float(np.percentile(series, q)), 2) for q in (50, 95, 99)}


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
