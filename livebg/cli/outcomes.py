"""What came of each input of a call, for ``--json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livebg.errors import LivebgError, SinkError, one_line
from livebg.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livebg.job import JobReport
    from livebg.plan import Job


class Outcomes:
    """One entry for each input, in their order: ``state``, what was read and where the results go.

    States: ``done`` (with what ``JobReport`` has), ``failed`` (with the ``error``, one line), ``skipped`` (it was
    complete), ``interrupted``, ``not begun``.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        """Of all of them nothing is known yet."""
        self._jobs = jobs
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

    def interrupted(self, job: Job) -> None:
        """The user ended the call in the midst of it."""
        self._entries[job] = _entry(job, "interrupted")

    def forget(self) -> None:
        """It was no call that could be done."""
        self._entries.clear()

    def write(self, path: str) -> None:
        """Write them as JSON: a list, or the one alone. An earlier file stays where nothing is known of any.

        Raises:
            SinkError: It cannot be written; an earlier file is as it was.
        """
        if not self._entries:
            return
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
