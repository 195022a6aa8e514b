"""Which jobs a command line asks for: what is read, where each result goes, and what would make one fail."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from livebg import weights
from livebg.build import NULL_OUTPUT, every_frame, open_background, open_reader
from livebg.compose import parse_background
from livebg.config import Config
from livebg.cores import cores
from livebg.errors import SinkError, SourceError, UsageError
from livebg.sinks import check_output, default_suffix, is_png
from livebg.sources import RESULT_MARK, is_picture, is_result, is_video

_MOST_LANES = 4  # each holds its own activations, and a frame that waits


@dataclass(frozen=True, slots=True)
class Job:
    """What is read and where the results go.

    Attributes:
        input: A path as the user wrote it, or ``-``.
        output: The file or folder that will appear.
        matte: Where the matte goes, if asked for.
        batch: Whether it is one of several, or of a folder: then what is complete is skipped, and its failure does not
            stop the others.
    """

    input: str
    output: str
    matte: str | None = None
    batch: bool = False

    @property
    def picture(self) -> bool:
        """Whether one picture is read."""
        return self.input != "-" and not _is_sequence(self.input) and is_picture(self.input)

    @property
    def results(self) -> list[str]:
        """The paths that will appear."""
        return [path for path in (self.output, self.matte) if path is not None and path != NULL_OUTPUT]

    @property
    def complete(self) -> bool:
        """Whether its results are there already; they bear their names only once complete."""
        return bool(self.results) and all(os.path.lexists(path) for path in self.results)


def pixels_of(config: Config) -> Literal["rgb", "rgba"]:
    """Whether results carry alpha."""
    return "rgba" if parse_background(config.compose.background).kind == "transparent" else "rgb"


def plan(inputs: Sequence[str], config: Config) -> list[Job]:
    """One job for each input, and for each clip of a folder of clips.

    Raises:
        SourceError: A folder holds neither clips nor pictures.
        UsageError: Results that would collide, or overwrite an input.
    """
    entries = [entry for path in inputs for entry in _entries(path, config)]
    batch = len(entries) > 1 or any(entry not in inputs for entry in entries)
    jobs = [_job(entry, config, batch=batch) for entry in entries]
    # Clips that differ in their suffix alone keep it: talk.mov-livebg.mp4 beside talk.mp4-livebg.mp4.
    taken = Counter(path for job in jobs for path in job.results)
    jobs = [
        _job(job.input, config, batch=batch, whole_name=True) if any(taken[path] > 1 for path in job.results) else job
        for job in jobs
    ]
    # A shell's *.png matches the results of an earlier call too.
    results = {Path(path).resolve() for job in jobs for path in job.results if batch}
    jobs = [job for job in jobs if Path(job.input).resolve() not in results]
    _require_distinct(jobs, config.output.json_report)
    return jobs


def lanes_for(jobs: Sequence[Job], config: Config) -> int:
    """Frames to segment at once: as there are cores, where each of many is segmented and nobody counts the threads."""
    one_by_one = not every_frame(config, stills=config.input.stills) or all(job.picture for job in jobs)
    if one_by_one or config.segment.threads is not None:
        return 1
    there = cores()
    # As many as leave the fewest cores idle: 3 of 6, and not 4 with a core each.
    return max(range(min(2, there), min(there, _MOST_LANES) + 1), key=lambda lanes: (there // lanes * lanes, lanes))


def check(job: Job, config: Config) -> None:
    """Find what would make the job fail, before anything heavy is fetched or loaded.

    Makes the folder that the results of several go into.

    Raises:
        UsageError: The output cannot be what is asked for, or is there already.
        SourceError: The input is missing or cannot be read.
        SinkError: The output cannot be written there.
    """
    missing = [path for path in job.results if not os.path.lexists(path)]
    if job.batch:
        if missing and len(missing) < len(job.results) and not config.output.overwrite:
            there = next(path for path in job.results if path not in missing)
            raise UsageError(f"{there} is there but {missing[0]} is not: add --overwrite to make both")
        for path in missing:
            _make_folder(Path(path).parent)
    for path in job.results:
        matte = path == job.matte
        output = config.output.for_matte() if matte else config.output
        check_output(
            path,
            pixels="gray" if matte else pixels_of(config),
            stills=job.picture,
            codec=output.codec,
            crf=output.crf,
            preset=output.preset,
            overwrite=output.overwrite,
        )
    if job.input != "-" and not Path(job.input).is_fifo():  # a pipe can be opened only once
        open_reader(job.input, config.input, side=False).close()


def check_shared(config: Config) -> None:
    """Find what would make every job fail: once, before the first.

    Raises:
        WeightsError: Those of the refiner are not here.
        UsageError: The background is no form of one, or the report is there already.
        SourceError: The background is missing or cannot be read.
        SinkError: The report cannot be written.
    """
    if config.refine.refine == "cascadepsp" and config.refine.refine_weights is None:
        weights.require("cascadepsp")
    open_background(config.compose.background, config.compose.fit).close()
    path = config.output.json_report
    if path is None:
        return
    if path == "-" or Path(path).is_dir():
        raise UsageError(f"the report {path} is no file: give it a name with --json")
    if Path(path).is_file() and not config.output.overwrite:
        raise UsageError(f"the report {path} exists: choose another name, or allow it with --overwrite")
    folder = Path(path).parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise SinkError(f"cannot write the report {path}: {folder} is no folder that can be written")


def _entries(path: str, config: Config) -> list[str]:
    """What one word of the command line stands for: itself, or the clips of the folder or pattern that it names."""
    if not path:
        raise UsageError("an input is empty: an unset variable on the command line?")
    folder = Path(path)
    if path == "-" or not folder.is_dir():
        return _matched_clips(path) or [path]
    names = _names(folder)
    clips = _clips(names)
    if clips:
        return [str(folder / name) for name in clips]
    if any(is_picture(name) for name in names):
        return [path]
    inside = _folders_of_clips(folder, config)
    cure = f"name its folders that do: {inside[0]} …" if inside else "name a folder that does"
    raise SourceError(f"{path} holds neither clips nor pictures: {cure}")


def _matched_clips(pattern: str) -> list[str]:
    """Those that a pattern names where no shell has; none where it names pictures: then it is a sequence of them."""
    if not glob.has_magic(pattern) or os.path.lexists(pattern):
        return []
    found = sorted(glob.glob(pattern))  # noqa: PTH207 - Path.glob takes no absolute pattern
    return [] if any(is_picture(path) for path in found) else _clips(found)


def _names(folder: Path) -> list[str]:
    """Files, and links to what is gone: that one is missing shall not pass in silence."""
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    return sorted(entry.name for entry in entries if entry.is_file() or not entry.exists())


def _clips(names: Sequence[str]) -> list[str]:
    """Those of clips, without results of earlier calls."""
    return [name for name in names if is_video(name) and not is_result(name)]


def _folders_of_clips(folder: Path, config: Config) -> list[Path]:
    """Those right inside a folder that hold clips; the hidden, the forbidden and those of results left out."""
    ours = {Path(path).resolve() for path in (config.output.output, config.output.matte_out) if path is not None}
    inside = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    return [
        each
        for each in inside
        if each.resolve() not in ours and os.access(each, os.R_OK | os.X_OK) and _clips(_names(each))
    ]


def passed_over(inputs: Sequence[str], config: Config) -> list[str]:
    """A line for each folder of clips that holds pictures too, which are no clip, and for one with folders of clips."""
    lines = []
    named = [Path(path) for path in inputs if path != "-"]
    for folder in filter(Path.is_dir, named):
        names = _names(folder)
        if not _clips(names):
            continue
        pictures = sum(is_picture(name) and not is_result(name) for name in names)
        if pictures:
            some = "1 picture is" if pictures == 1 else f"{pictures} pictures are"
            lines.append(f"{folder}: {some} passed over beside its clips: name them, or move them")
        # Those that are named themselves, as by clips clips/*, are not passed over.
        inside = [str(each) for each in _folders_of_clips(folder, config) if each not in named]
        if inside:
            lines.append(f"{folder}: clips in folders inside it are passed over: name these too ({', '.join(inside)})")
    return lines


def _job(path: str, config: Config, *, batch: bool, whole_name: bool = False) -> Job:
    stem = Path(path) if whole_name else _stem(path)
    output, matte = config.output.output, config.output.matte_out
    if output is None:
        if path == "-":
            raise UsageError("reading from a pipe needs a name for the result: add -o OUT")
        output = str(stem.with_name(_named(stem.name + RESULT_MARK, _default_suffix(path, config))))
    elif batch and output != NULL_OUTPUT:
        output = _within(output, stem, _default_suffix(path, config))
    if batch and matte is not None:
        matte = _within(matte, stem, _default_suffix(path, config, matte=True))
    return Job(path, output, matte, batch)


def _default_suffix(path: str, config: Config, *, matte: bool = False) -> str:
    """The suffix of an output whose name the user left to us; none for a folder of pictures."""
    if _is_sequence(path):
        return ""
    codec = config.output.codec
    if matte and not is_png(codec):  # PNGs for both, or neither
        codec = config.output.for_matte().codec
    pixels = "gray" if matte else pixels_of(config)
    return default_suffix(Path(path).suffix, pixels, stills=is_picture(path), codec=codec)


def _is_sequence(path: str) -> bool:
    return Path(path).is_dir() or (not os.path.lexists(path) and any(mark in path for mark in "*?["))


def _stem(path: str) -> Path:
    """The name that results are made from: of a glob, the folder that it looks into."""
    if path == "-":
        return Path("stdin")
    if not _is_sequence(path):
        return Path(path).with_suffix("")
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    return folder.resolve() if folder.name in ("", "..") else folder


def _within(folder: str, stem: Path, suffix: str) -> str:
    if Path(folder).suffix and not Path(folder).is_dir():
        raise UsageError(
            f"{folder} is one file for several inputs: give a folder, and each result gets its input's name"
        )
    return str(Path(folder) / _named(stem.name, suffix))


def _named(stem: str, suffix: str) -> str:
    """A result's name; a folder's has no dot, which would make a suffix of what comes after it."""
    return stem + suffix if suffix else stem.replace(".", "_")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except FileExistsError as exc:
        raise SinkError(f"{folder} is no folder, which results of several inputs need: give another name") from exc
    except FileNotFoundError as exc:
        raise SinkError(f"cannot make the folder {folder}: there is no folder {folder.parent}; make it first") from exc
    except OSError as exc:
        raise SinkError(f"cannot make the folder {folder}: {exc.strerror}") from exc


def _require_distinct(jobs: Sequence[Job], report: str | None) -> None:
    """No two results under one name, and none over an input."""
    # Not resolved: a link beside what it links to is an input of its own.
    names = Counter(Path(job.input).absolute() for job in jobs if job.input != "-")
    for job in jobs:
        if names[Path(job.input).absolute()] > 1:
            raise UsageError(f"{job.input} is given twice: name it once")
    inputs = {Path(job.input).resolve(): job.input for job in jobs if job.input != "-"}
    results: dict[Path, str] = {}
    for job in jobs:
        for path in job.results:
            key = Path(path).resolve()
            if key in inputs:
                whose = "the input itself" if inputs[key] == job.input else "an input too"
                raise UsageError(f"{path} is {whose}: give the result another name with -o")
            if key in results:
                raise UsageError(
                    f"{path} would be written from {job.input}, but it is taken by {results[key]}: "
                    "process one of both by itself, with -o"
                )
            results[key] = job.input
    if report is not None and Path(report).resolve() in inputs.keys() | results.keys():
        raise UsageError(f"the report {report} is an input or a result too: give it another name with --json")
