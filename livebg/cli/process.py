"""``livebg process``: videos and pictures in, the same with another background out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from livebg.cli.opening import load_segmenter
from livebg.cli.options import config_options, refuse_typed, typed
from livebg.cli.outcomes import Outcomes
from livebg.cli.progress import ProgressLine
from livebg.config import Config
from livebg.errors import LivebgError, SourceError, one_line
from livebg.job import JobReport, do
from livebg.plan import Job, check, check_shared, lanes_for, passed_over, pixels_of, plan
from livebg.sinks import partial_path
from livebg.sources.images import find_pictures
from livebg.speed import choose


@click.command(epilog="Presets and every key with its meaning: configs/ in the project.")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@config_options("input", "segment", "smooth", "refine", "compose", "output")
def process(inputs: tuple[str, ...], config: Config) -> None:
    """Replace the background of videos, pictures and folders of them.

    IN is a video, a picture, a folder or glob of pictures (one sequence) or of clips (each its own), or - for a pipe.
    Several go one by one; a second call skips what is complete.
    """
    jobs = plan(inputs, config)
    check_shared(config)
    if not config.output.quiet:
        for line in passed_over(inputs, config):
            click.echo(line, err=True)
    with Outcomes(jobs, config.output.json_report) as outcomes:
        failures = _do_all(jobs, config, outcomes)
    if failures:
        again = "call again without --overwrite" if config.output.overwrite else "call again"
        named = " and with another --json" if config.output.json_report is not None else ""
        raise LivebgError(f"{failures} of {len(jobs)} inputs failed, see above; {again}{named} to retry those alone")


def _do_all(jobs: Sequence[Job], config: Config, outcomes: Outcomes) -> int:
    """Check all, then do them one by one.

    Returns:
        How many failed.

    Raises:
        LivebgError: What stands in the way of all; or the only one failed.
    """
    quiet = config.output.quiet
    failures = 0
    todo = []
    for job in jobs:
        if job.batch and job.complete and not config.output.overwrite:
            outcomes.skipped(job)
            if not quiet:
                click.echo(
                    f"{job.input}: {job.output} is complete, skipped: it stays as an earlier call made it, whatever "
                    "this one's settings (--overwrite makes it anew)",
                    err=True,
                )
            continue
        try:
            check(job, config)
        except SourceError as exc:
            failures += _survived(job, exc, outcomes)
        else:
            todo.append(job)
    if not todo:
        return failures
    _refuse_idle(config, todo)
    choice = choose(config)
    config = choice.config
    if choice.why and not quiet:
        click.echo(choice.why, err=True)
    segmenter = load_segmenter(config.segment, quiet=quiet, lanes=lanes_for(todo, config))
    for job in todo:
        started = time.time()
        outcomes.begun(job)
        try:
            with ProgressLine(Path(job.input).name, quiet=quiet) as progress:
                report = do(job, config, segmenter, progress=progress)
        except LivebgError as exc:
            _tell_what_was_kept(job, started)
            failures += _survived(job, exc, outcomes)
        except KeyboardInterrupt:
            _tell_what_was_kept(job, started)
            raise
        else:
            outcomes.done(job, report)
            if not quiet:
                _summarise(report)
    return failures


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


def _survived(job: Job, error: LivebgError, outcomes: Outcomes) -> int:
    """One failure: told, where there are others to go on with; else raised."""
    outcomes.failed(job, error)
    if not job.batch:
        raise error
    click.echo(f"livebg: {one_line(error)}", err=True)
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
    frames = "1 frame" if report.frames == 1 else f"{report.frames} frames"
    click.echo(f"{report.output}: {frames} in {report.seconds:.1f} s, {report.fps:.1f} fps")
    if report.segmented < report.frames:
        click.echo(f"  {report.segmented} frames segmented, {report.frames - report.segmented} carried along motion")
    if report.matte is not None:
        click.echo(f"  matte: {report.matte}")
    click.echo(f"  by {report.model}, refined: {report.refiner}; seconds: {stages}")
    for note in report.notes:
        click.echo(f"  note: {note}")
