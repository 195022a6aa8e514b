"""What a user sees while it runs: a bar on a terminal, a plain line now and then elsewhere, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Self

import click
from tqdm import tqdm

from livebg import weights
from livebg.frame import StreamInfo
from livebg.pipeline import RunReport

_SECONDS_TO_FIRST_LINE = 1.0
_SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def download_bar(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """Bytes fetched so far: a bar on a terminal, nothing elsewhere."""
    with tqdm(desc=name, unit="B", unit_scale=True, disable=not sys.stderr.isatty(), leave=False) as bar:

        def show(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def fetch(name: str, *, quiet: bool = False) -> Path:
    """A file of the weights' table, fetched with a word and a bar where it is not here yet.

    Raises:
        WeightsError: It cannot be had.
    """
    if quiet or weights.store().state(name) == "sound" or weights.offline():
        return weights.ensure(name)
    size = weights.store().entry(name).bytes
    click.echo(f"fetching {name}" + (f", {size / 1e6:.0f} MB" if size else ""), err=True)
    with download_bar(name) as progress:
        return weights.ensure(name, progress)


class ProgressLine:
    """Frames, frames a second and time left, on stderr."""

    def __init__(self, label: str, *, quiet: bool) -> None:
        self._label, self._quiet = label, quiet
        self._bar: tqdm[None] | None = None
        self._next = _SECONDS_TO_FIRST_LINE
        self._began = perf_counter()

    def __call__(self, report: RunReport, info: StreamInfo) -> None:
        """Show how far the run has come."""
        if self._quiet:
            return
        if sys.stderr is None or not sys.stderr.isatty():  # None where it is closed
            self._line(report, info)
            return
        if self._bar is None:
            self._bar = tqdm(total=info.frames, desc=self._label, unit="frame", leave=False, dynamic_ncols=True)
        self._bar.update(report.frames - self._bar.n)

    def count(self, done: int, total: int) -> None:
        """The same for pictures that go through no pipeline."""
        report = RunReport(frames=done, seconds=perf_counter() - self._began)
        self(report, StreamInfo(self._label, 0, 0, frames=total))

    def _line(self, report: RunReport, info: StreamInfo) -> None:
        if report.seconds < self._next:
            return
        self._next = report.seconds + _SECONDS_BETWEEN_LINES
        of = left = ""
        if info.frames:
            of = f"/{info.frames}"
            left = f", {max(info.frames - report.frames, 0) / report.fps:.0f} s left"
        click.echo(f"{self._label}: {report.frames}{of} frames, {report.fps:.1f} fps{left}", err=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
