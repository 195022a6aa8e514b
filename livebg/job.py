"""One input, one output: the whole job.

``process`` is the library's front door. What is complete bears its final name; what was cut short is kept, playable,
as ``STEM.partial.SUFFIX`` (see ``livebg.sinks``).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from livebg.build import (
    NULL_OUTPUT,
    every_frame,
    open_compositor,
    open_matting,
    open_reader,
    open_segmenter,
    open_writer,
    refiner_of,
)
from livebg.config import Config
from livebg.errors import UsageError
from livebg.pipeline import RunReport, run
from livebg.plan import Job, check, check_shared, lanes_for, pixels_of, plan
from livebg.segment.ahead import SegmentAhead
from livebg.speed import choose

if TYPE_CHECKING:
    from livebg.frame import StreamInfo
    from livebg.segment import Segmenter
    from livebg.stages import Source

Progress = Callable[[RunReport, "StreamInfo"], None]


@dataclass(frozen=True, slots=True)
class JobReport:
    """The closing report of one job.

    Attributes:
        input: What was read.
        output: What was written.
        matte: Where the matte was written.
        frames: Frames written.
        segmented: Frames whose matte the network made; to the others it was carried along motion.
        seconds: Wall time from the first frame asked for to the results complete; loading the network is not in it.
        fps: Frames a second of wall time.
        model: The network, its input size, what computed it and where, as one line.
        device: Where the network ran.
        runtime: What computed it.
        refiner: What brought the matte to the picture's edges; what ``auto`` chose.
        background: As configured.
        stages: Seconds of the main thread in each stage.
        notes: What a user should know: audio encoded anew, times mended.
    """

    input: str
    output: str
    matte: str | None
    frames: int
    segmented: int
    seconds: float
    fps: float
    model: str
    device: str
    runtime: str
    refiner: str
    background: str
    stages: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def process(
    input: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    background: str | os.PathLike[str] | None = None,
    model: str | os.PathLike[str] | None = None,
    matte_out: str | os.PathLike[str] | None = None,
    overwrite: bool | None = None,
    config: Config | None = None,
    progress: Progress | None = None,
) -> JobReport:
    """Replace the background of one video, picture or folder of pictures.

    Args:
        input: A video, a picture, a folder or glob of pictures.
        output: A video, a picture, or a folder of PNGs; default ``STEM-livebg.SUFFIX`` beside the input.
        background: As on the command line, or the path of a picture or video; overrides ``config``.
        model: As on the command line, or the path of weights; overrides ``config``.
        matte_out: Also write the matte here; overrides ``config``.
        overwrite: Replace existing output; overrides ``config``.
        config: Everything else.
        progress: Called after each frame.

    Raises:
        LivebgError: Whatever stood in the way; nothing is left under the final name.
    """
    given: dict[str, dict[str, object]] = {
        "compose": {"background": background},
        "segment": {"model": model},
        "output": {
            "output": None if output is None else os.fspath(output),
            "matte_out": None if matte_out is None else os.fspath(matte_out),
            "overwrite": overwrite,
        },
    }
    set_here = {name: {k: v for k, v in keys.items() if v is not None} for name, keys in given.items()}
    config = choose((config or Config()).override(set_here)).config
    jobs = plan([os.fspath(input)], config)
    if len(jobs) != 1:
        raise UsageError(f"{os.fspath(input)} holds {len(jobs)} clips: call process for each")
    check_shared(config)
    check(jobs[0], config)
    segmenter = open_segmenter(config.segment, coarse=True, lanes=lanes_for(jobs, config))
    return do(jobs[0], config, segmenter, progress=progress)


def do(job: Job, config: Config, segmenter: Segmenter, *, progress: Progress | None = None) -> JobReport:
    """Do one job with a network that is loaded already.

    Args:
        job: What is read, and where the results go.
        config: Everything else.
        segmenter: With coarse mattes, as ``open_matting`` wants it. As many frames at once as it has lanes, where
            each is segmented.
        progress: Called after each frame.

    Raises:
        LivebgError: Whatever stood in the way.
    """
    pixels = pixels_of(config)
    with ExitStack() as stack:
        source: Source = open_reader(job.input, config.input, side=job.output != NULL_OUTPUT)
        ahead = None
        if every_frame(config, stills=source.info.stills):
            source = ahead = SegmentAhead(source, segmenter, segmenter.lanes)
        stack.enter_context(source)
        info = source.info
        matting = open_matting(config, segmenter, ahead=ahead, stills=info.stills)
        matting.reset()
        compositor = stack.enter_context(open_compositor(config.compose, info))
        sink = stack.enter_context(open_writer(job.output, info, config.output, pixels=pixels, side=True))
        matte_sink = (
            stack.enter_context(open_writer(job.matte, info, config.output, pixels="gray", side=False))
            if job.matte is not None
            else None
        )
        report = run(
            source,
            matting,
            compositor,
            sink,
            matte_sink=matte_sink,
            progress=None if progress is None else lambda report: progress(report, info),
        )
    return JobReport(
        input=job.input,
        output=job.output,
        matte=job.matte,
        frames=report.frames,
        segmented=report.segmented,
        seconds=round(report.seconds, 3),
        fps=round(report.fps, 3),
        model=segmenter.description,
        device=segmenter.device,
        runtime=segmenter.runtime,
        refiner=refiner_of(config.refine, segmenter.device),
        background=config.compose.background,
        stages={name: round(seconds, 3) for name, seconds in report.stages.items()},
        notes=report.notes,
    )
