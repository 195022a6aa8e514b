"""One input, one output: the whole job, and the order of several.

``process`` is the library's front door. What is complete bears its final name; what was cut short is kept, playable,
as ``STEM.partial.SUFFIX`` (see ``livebg.sinks``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from livebg.build import NULL_OUTPUT, open_compositor, open_reader, open_segmenter, open_writer
from livebg.compose import parse_background
from livebg.config import Config
from livebg.errors import SourceError, UsageError
from livebg.pipeline import RunReport, run
from livebg.sinks import check_output, default_suffix
from livebg.sources import is_picture, is_video

if TYPE_CHECKING:
    from livebg.frame import StreamInfo
    from livebg.segment import Segmenter

Progress = Callable[[RunReport, "StreamInfo"], None]

_OUR_MARK = "-livebg"


@dataclass(frozen=True, slots=True)
class Job:
    """What is read and where the results go.

    Attributes:
        input: A path as the user wrote it, or ``-``.
        output: The file or folder that will appear.
        matte: Where the matte goes, if asked for.
    """

    input: str
    output: str
    matte: str | None = None

    @property
    def complete(self) -> bool:
        """Whether its outputs are there already; they bear their names only once complete."""
        return all(os.path.lexists(path) for path in (self.output, self.matte) if path is not None)


@dataclass(frozen=True, slots=True)
class JobReport:
    """The closing report of one job.

    Attributes:
        input: What was read.
        output: What was written.
        matte: Where the matte was written.
        frames: Frames written.
        seconds: Wall time, opening and closing included.
        fps: Frames a second of wall time.
        model: The network, its input size, what computed it and where, as one line.
        device: Where the network ran.
        runtime: What computed it.
        background: As configured.
        stages: Seconds of the main thread in each stage.
        notes: What a user should know: audio encoded anew, times mended.
    """

    input: str
    output: str
    matte: str | None
    frames: int
    seconds: float
    fps: float
    model: str
    device: str
    runtime: str
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
    background: str | None = None,
    model: str | None = None,
    matte_out: str | os.PathLike[str] | None = None,
    overwrite: bool | None = None,
    config: Config | None = None,
    progress: Progress | None = None,
) -> JobReport:
    """Replace the background of one video, picture or folder of pictures.

    Args:
        input: A video, a picture, a folder or glob of pictures.
        output: A video, a picture, or a folder of PNGs; default ``STEM-livebg.SUFFIX`` beside the input.
        background: As on the command line; overrides ``config``.
        model: As on the command line; overrides ``config``.
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
    config = (config or Config()).override(set_here)
    jobs = plan([os.fspath(input)], config)
    if len(jobs) != 1:
        raise UsageError(f"{os.fspath(input)} holds {len(jobs)} clips: call process for each")
    check(jobs[0], config)
    return do(jobs[0], config, open_segmenter(config.segment), progress=progress)


def plan(inputs: Sequence[str], config: Config) -> list[Job]:
    """Which jobs a command line asks for: folders of clips become their clips.

    Raises:
        SourceError: An input is missing, or a folder without clips or pictures.
        UsageError: Outputs that would collide, or overwrite an input.
    """
    entries = [entry for path in inputs for entry in _entries(path)]
    several = len(entries) > 1
    jobs = [_job(entry, config, several=several) for entry in entries]
    _require_distinct(jobs)
    return jobs


def check(job: Job, config: Config) -> None:
    """Find what would make the job fail, before anything heavy is loaded.

    Raises:
        UsageError: The output cannot be what is asked for.
        SinkError: The output exists, or cannot be written there.
    """
    stills = _is_still(job.input)
    if job.output != NULL_OUTPUT:
        check_output(
            job.output,
            pixels=_pixels(config),
            stills=stills,
            codec=config.output.codec,
            crf=config.output.crf,
            preset=config.output.preset,
            overwrite=config.output.overwrite,
        )
    if job.matte is not None:
        check_output(job.matte, pixels="gray", stills=stills, overwrite=config.output.overwrite)


def do(job: Job, config: Config, segmenter: Segmenter, *, progress: Progress | None = None) -> JobReport:
    """Do one job with a network that is loaded already.

    Raises:
        LivebgError: Whatever stood in the way.
    """
    segmenter.reset()
    pixels = _pixels(config)
    with ExitStack() as stack:
        source = stack.enter_context(open_reader(job.input, config.input, side=job.output != NULL_OUTPUT))
        info = source.info
        compositor = stack.enter_context(open_compositor(config.compose, info))
        sink = stack.enter_context(open_writer(job.output, info, config.output, pixels=pixels, side=True))
        matte_sink = (
            stack.enter_context(open_writer(job.matte, info, config.output, pixels="gray", side=False))
            if job.matte is not None
            else None
        )
        report = run(
            source,
            segmenter,
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
        seconds=round(report.seconds, 3),
        fps=round(report.fps, 3),
        model=segmenter.description,
        device=segmenter.device,
        runtime=segmenter.runtime,
        background=config.compose.background,
        stages={name: round(seconds, 3) for name, seconds in report.stages.items()},
        notes=report.notes,
    )


def _pixels(config: Config) -> Literal["rgb", "rgba"]:
    return "rgba" if parse_background(config.compose.background).kind == "transparent" else "rgb"


def _is_still(path: str) -> bool:
    return path != "-" and not Path(path).is_dir() and is_picture(path)


def _entries(path: str) -> list[str]:
    """What one word of the command line stands for: itself, or the clips of the folder that it names."""
    folder = Path(path)
    if path == "-" or not folder.is_dir():
        return [path]
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    clips = [name for name in names if is_video(name) and not _is_ours(name)]
    if clips:
        return [str(folder / name) for name in clips]
    if any(is_picture(name) for name in names):
        return [path]
    raise SourceError(f"{path} holds neither clips nor pictures: name a folder that does")


def _is_ours(name: str) -> bool:
    """Whether a clip looks like our own output, so that a second call over a folder leaves it alone."""
    stem = Path(name).stem.removesuffix(".partial")
    return stem.endswith((_OUR_MARK, _OUR_MARK + "-matte"))


def _job(path: str, config: Config, *, several: bool) -> Job:
    matte = config.output.matte_out
    output = config.output.output
    if output is None:
        output = _beside(path, config)
    elif several and output != NULL_OUTPUT:
        output = _within(output, path, _default_suffix(path, _pixels(config)))
    if several and matte is not None:
        matte = _within(matte, path, _default_suffix(path, "gray"))
    return Job(path, output, matte)


def _default_suffix(path: str, pixels: Literal["rgb", "rgba", "gray"]) -> str:
    """The suffix of an output whose name the user left to us; none for a folder of pictures."""
    return "" if _is_sequence(path) else default_suffix(Path(path).suffix, pixels)


def _is_sequence(path: str) -> bool:
    return Path(path).is_dir() or (not os.path.lexists(path) and any(mark in path for mark in "*?["))


def _stem(path: str) -> Path:
    """The name that outputs are made from: of a glob, the folder that it looks into."""
    if not _is_sequence(path):
        return Path(path).with_suffix("")
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    return folder.resolve() if folder.name in ("", "..") else folder


def _beside(path: str, config: Config) -> str:
    if path == "-":
        raise UsageError("reading from a pipe needs a name for the result: add -o OUT")
    stem = _stem(path)
    return str(stem.with_name(stem.name + _OUR_MARK + _default_suffix(path, _pixels(config))))


def _within(folder: str, path: str, suffix: str) -> str:
    if Path(folder).suffix and not Path(folder).is_dir():
        raise UsageError(
            f"{folder} is one file for several inputs: give a folder, and each result gets its input's name"
        )
    return str(Path(folder) / ((_stem(path).name if path != "-" else "stdin") + suffix))


def _require_distinct(jobs: Sequence[Job]) -> None:
    """No two outputs under one name, and none over an input."""
    claimed: dict[Path, str] = {Path(job.input).resolve(): job.input for job in jobs if job.input != "-"}
    for job in jobs:
        for path in (job.output, job.matte):
            if path is None or path == NULL_OUTPUT:
                continue
            key = Path(path).resolve()
            if key in claimed:
                raise UsageError(f"{path} would be written from {job.input}, but it is taken by {claimed[key]}: use -o")
            claimed[key] = job.input
