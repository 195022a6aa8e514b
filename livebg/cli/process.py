"""``livebg process``: videos and pictures in, the same with another background out."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import click

from livebg.cli.opening import load_segmenter
from livebg.cli.options import config_options, refuse_typed, typed
from livebg.cli.progress import ProgressLine
from livebg.config import Config
from livebg.errors import LivebgError, SinkError, SourceError
from livebg.job import JobReport, do
from livebg.plan import Job, check, check_shared, lanes_for, passed_over, pixels_of, plan
from livebg.sinks import partial_path
from livebg.sources.images import find_pictures
from livebg.speed import choose
from livebg.whole_file import write_whole


@click.command(epilog="Presets and every key with its meaning: configs/ in the project.")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@config_options("input", "segment", "smooth", "refine", "compose", "output")
def process(inputs: tuple[str, ...], config: Config) -> None:
    """Replace the background of videos, pictures and folders of them.

    IN is a video, a picture, a folder or glob of pictures (one sequence), a folder of clips (each its own), or - for a
    pipe. Several go one by one; a second call skips what is complete.
    """
    quiet = config.output.quiet
    jobs = plan(inputs, config)
    check_shared(config)
    if not quiet:
        for line in passed_over(inputs):
            click.echo(line, err=True)
    failures = 0
    todo = []
    for job in jobs:
        if job.batch and job.complete and not config.output.overwrite:
            if not quiet:
                click.echo(f"{job.input}: {job.output} is complete, skipped (--overwrite makes it anew)", err=True)
            continue
        try:
            check(job, config)
        except SourceError as exc:
            failures += _survived(job, exc)
        else:
            todo.append(job)
    if todo:
        _refuse_idle(config, todo)
        choice = choose(config)
        config = choice.config
        if choice.why and not quiet:
            click.echo(choice.why, err=True)
    reports: list[JobReport] = []
    segmenter = load_segmenter(config.segment, quiet=quiet, lanes=lanes_for(todo, config)) if todo else None
    for job in todo:
        assert segmenter is not None
        started = time.time()
        try:
            with ProgressLine(Path(job.input).name, quiet=quiet) as progress:
                reports.append(do(job, config, segmenter, progress=progress))
        except LivebgError as exc:
            _tell_what_was_kept(job, started)
            failures += _survived(job, exc)
        except KeyboardInterrupt:
            _tell_what_was_kept(job, started)
            raise
        else:
            if not quiet:
                _summarise(reports[-1])
    if config.output.json_report is not None:
        _write_json(config.output.json_report, reports, one=not jobs[0].batch)
    if failures:
        raise LivebgError(f"{failures} of {len(jobs)} inputs failed, see above; call again to retry those alone")


def _refuse_idle(config: Config, jobs: Sequence[Job]) -> None:
    """Refuse what was typed and would change nothing.

    Raises:
        UsageError: Something was.
    """
    if config.smooth.lookahead and config.smooth.smooth == "off":
        refuse_typed("smooth", "lookahead", "it is for smoothing, which is off; leave it out, or add --smooth light")
    if config.compose.light_wrap and pixels_of(config) == "rgba":
        refuse_typed("compose", "light_wrap", "a transparent background gives no light; leave it out")
    if typed("input", "rate") is not None and not any(not job.picture and find_pictures(job.input) for job in jobs):
        refuse_typed(
            "input",
            "rate",
            "a clip keeps its own times; it is for pictures in sequence: a folder, or a pattern in quotes ('*.png')",
        )


def _survived(job: Job, error: LivebgError) -> int:
    """One failure: told, where there are others to go on with; else raised."""
    if not job.batch:
        raise error
    click.echo(f"livebg: {error}", err=True)
    return 1


def _tell_what_was_kept(job: Job, started: float) -> None:
    for path in job.results:
        kept = Path(partial_path(path))
        try:
            changed = kept.stat().st_mtime
        except OSError:  # it is not there, or no file can have so long a name: then the sink told which one it took
            continue
        if changed >= started:
            click.echo(f"livebg: the finished part is kept as {kept}", err=True)


def _summarise(report: JobReport) -> None:
    stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in report.stages.items())
    click.echo(f"{report.output}: {report.frames} frames in {report.seconds:.1f} s, {report.fps:.1f} fps")
    if report.segmented < report.frames:
        click.echo(f"  {report.segmented} frames segmented, {report.frames - report.segmented} carried along motion")
    if report.matte is not None:
        click.echo(f"  matte: {report.matte}")
    click.echo(f"  by {report.model}, refined: {report.refiner}; seconds: {stages}")
    for note in report.notes:
        click.echo(f"  note: {note}")


def _write_json(path: str, reports: list[JobReport], *, one: bool) -> None:
    content = [report.as_dict() for report in reports]
    text = json.dumps(content[0] if one else content, indent=2) + "\n"
    final = Path(path)
    try:
        if final.exists() and not final.is_file():  # a device or a pipe
            final.write_text(text, encoding="utf-8")
        else:
            write_whole(final, text.encode())
    except OSError as exc:
        raise SinkError(f"cannot write the report {path}: {exc.strerror}") from exc
