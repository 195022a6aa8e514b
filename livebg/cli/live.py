"""``livebg live``: from a camera to a virtual camera."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from livebg import weights
from livebg.cli.options import config_options, refuse_typed
from livebg.cli.progress import fetch
from livebg.config import Config
from livebg.live.session import Line, Session
from livebg.speed import choose

_SECONDS_BETWEEN_LINES = 5.0
_INTERRUPTED = 130  # as livebg.cli has it


@click.command(epilog="While it runs, say help (and Enter), or use livebg ctl. Presets: --config live.")
@config_options(
    "live",
    "segment",
    "smooth",
    "refine",
    "compose",
    "output",
    without=("lookahead", "output", "matte_out", "json_report"),
)
def live(config: Config) -> None:
    """Replace the camera's background, live, for the programs that read the virtual camera.

    Where anything fails, the slate is shown, never the room.
    """
    quiet = config.output.quiet
    if config.live.record is None:
        for key in ("codec", "crf", "preset"):
            refuse_typed("output", key, "it is for a recording; leave it out, or add --record FILE")
    choice = choose(config, rate=config.live.fps)
    config = choice.config
    if choice.why and not quiet:
        click.echo(choice.why, err=True)
    if config.segment.model in weights.names(use="segment"):
        fetch(config.segment.model, quiet=quiet)
    status = StatusLine(quiet=quiet)
    session = Session(config, watched=_watched(), stdin=_stdin(), tell=status.tell, mention=status.mention)
    code = 0
    try:
        with session:
            status.mention(session.description)
            session.run(status.show)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    status.end()
    for note in session.notes:
        status.mention(f"note: {note}")
    if not quiet:
        # Whoever read standard output may have been interrupted too.
        click.echo(_summary(session.statistics.whole()), err=code == _INTERRUPTED)
    if code == _INTERRUPTED:
        click.echo("livebg: interrupted", err=True)
    if session.incomplete:
        click.echo(f"livebg: incomplete: {', '.join(session.incomplete)}", err=True)
        code = 1
    if session.hanging:
        sys.stdout.flush()
        os._exit(code)
    click.get_current_context().exit(code)


class StatusLine:
    """One line that changes, on a terminal; elsewhere a line every five seconds. Told things stand above it."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._next = 0.0
        self._shown = ""
        self._lost: object = None

    def show(self, line: Line) -> None:
        """The figures of a second."""
        if self._quiet:
            lost, self._lost = self._lost, line["camera"]
            if lost is None and self._lost is not None:
                self.tell(f"camera lost: {self._lost}")
            return
        text = _one_line(line)
        if self._terminal:
            self._put(text)
        elif isinstance(seconds := line["seconds"], float) and seconds >= self._next:
            self._next = seconds + _SECONDS_BETWEEN_LINES
            click.echo(text, err=True)

    def tell(self, text: str) -> None:
        """Something that failed, or an answer; from any thread."""
        shown, self._shown = self._shown, ""
        clear = "\r\x1b[K" if shown else ""
        click.echo(f"{clear}{text}", err=True)

    def mention(self, text: str) -> None:
        """Something good to know; from any thread."""
        if not self._quiet:
            self.tell(text)

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            click.echo(err=True)
            self._shown = ""

    def _put(self, text: str) -> None:
        self._shown = text[: shutil.get_terminal_size().columns - 1]
        click.echo(f"\r{self._shown}\x1b[K", nl=False, err=True)


def _one_line(line: Line) -> str:
    """What matters of a second: what is shown, rates, lateness."""
    latency, age = line["latency_ms"], line["mask_age_ms"]
    assert isinstance(latency, dict)
    assert isinstance(age, dict)
    parts = [
        str(line["state"]) if line.get("camera") is None else f"camera lost: {line['camera']}",
        f"in {line['fps_in']} fps, out {line['fps_out']}, fresh {line['fps_fresh']}",
        f"late {_ms(latency['p50'])} (p95 {_ms(latency['p95'])})",
        f"matte {_ms(age['p95'])} old",
        f"missed {line['missed']}",
        f"dropped {line['drops']}",
    ]
    stages = line["stages_ms"]
    assert isinstance(stages, dict)
    return "; ".join(parts) + " | " + " ".join(f"{name} {value:.1f}" for name, value in stages.items())


def _summary(final: Line) -> str:
    latency, age = final["latency_ms"], final["mask_age_ms"]
    assert isinstance(latency, dict)
    assert isinstance(age, dict)
    return (
        f"{final['seconds']:.1f} s: {final['fresh']} fresh frames, {final['repeats']} repeated, "
        f"{final['slate']} slates, {final['missed']} missed; capture to output p50 {_ms(latency['p50'])}, "
        f"p95 {_ms(latency['p95'])}, p99 {_ms(latency['p99'])}; matte's age p95 {_ms(age['p95'])}; "
        f"{final['segmented']} segmented"
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _watched() -> Path | None:
    """The configuration's file, where the user named one and not a preset."""
    name = click.get_current_context().params.get("config")
    return Path(name) if name is not None and Path(name).is_file() else None


def _stdin() -> int | None:
    """Standard input, where there is one to hear."""
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # none, closed, or a test's
        return None
