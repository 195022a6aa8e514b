"""What came of each input of a call, for ``--json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from livebg.errors import LivebgError, SinkError, UsageError, one_line
from livebg.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from livebg.job import JobReport
    from livebg.plan import Job


class Outcomes:
    """One entry for each input, in their order: ``state``, what was read and where the results go.

    States: ``done`` (with what ``JobReport`` has), ``failed`` (with the ``error``, one line), ``skipped`` (it was
    complete), ``interrupted`` (by Ctrl-C, or a fault of ours), ``not begun``.

    They are written where the block ends, Ctrl-C or an error included: how far the night has come. After a
    ``UsageError`` they are not: nothing was begun, and it will be called again.
    """

    def __init__(self, jobs: Sequence[Job], path: str | None) -> None:
        """Of all of them nothing is known yet; ``path`` is of the file, if one is asked for."""
        self._jobs, self._path = jobs, path
        self._entries: dict[Job, dict[str, Any]] = {}

    def done(self, job: Job, report: JobReport) -> None:
        """Its results are complete."""
        self._entries[job] = {"state": "done", **report.as_dict()}

    def failed(self, job: Job, error: LivebgError) -> None:
        """It has no result."""
        self._entries[job] = {**_entry(job, "failed"), "error": one_line(error)}

    def skipped(self, job: Job) -> None:
        """Its results were there already."""
        self._entries[job] = _entry(job, "skipped")

    def begun(self, job: Job) -> None:
        """It is being made: interrupted, should the call end before anything else is said of it."""
        self._entries[job] = _entry(job, "interrupted")

    def __enter__(self) -> Self:
        """The block in which they come about."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write them, where a file is asked for and something is known.

        Raises:
            SinkError: It cannot be written. Where an error is on its way, that one goes on and this is told beside it.
        """
        if self._path is None or not self._entries or isinstance(error, UsageError):
            return
        try:
            self._write(self._path)
        except SinkError as exc:
            if error is None:
                raise
            click.echo(f"livebg: {one_line(exc)}", err=True)

    def _write(self, path: str) -> None:
        """As JSON: a list, or the one alone."""
        content = [self._entries.get(job) or _entry(job, "not begun") for job in self._jobs]
        text = json.dumps(content if self._jobs[0].batch else content[0], indent=2) + "\n"
        final = Path(path)
        try:
            if final.exists() and not final.is_file():  # a device or a pipe
                final.write_text(text, encoding="utf-8")
            else:
                write_whole(final, text.encode())
        except OSError as exc:
            raise SinkError(f"cannot write the report {path}: {exc.strerror}") from exc


def _entry(job: Job, state: str) -> dict[str, Any]:
    return {"state": state, "input": job.input, "output": job.output, "matte": job.matte}
