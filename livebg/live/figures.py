"""The figures of a run in a file, one JSON object a line.

Why a file that cannot be written ends nothing: the call goes on without its figures, as without a recording.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from livebg.errors import SinkError, UsageError
from livebg.stages import Closing


class Figures(Closing):
    """Writes each line at once. Until the first one an earlier file stays as it is; without any, no new one is left."""

    def __init__(self, path: str, *, overwrite: bool, tell: Callable[[str], None]) -> None:
        """Open the file.

        Args:
            path: Its name; a pipe or device is fine.
            overwrite: Whether a file that is there may be replaced.
            tell: Told, once, why no more is written.

        Raises:
            UsageError: A file is there already.
            SinkError: It cannot be opened.
        """
        if Path(path).is_file() and not overwrite:
            raise UsageError(f"{path} exists; choose another name for the figures, or allow it with overwrite")
        self._path, self._tell = path, tell
        self._new = not Path(path).exists()
        try:
            self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 - closed by close()
        except OSError as exc:
            raise SinkError(f"cannot write figures to {path}: {exc.strerror}") from exc
        self._begun = self._failed = False

    def write(self, figures: Mapping[str, object]) -> None:
        """Add one line."""
        if self._failed:
            return
        try:
            if not self._begun and stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
                self._file.truncate(0)
            self._begun = True
            self._file.write(json.dumps(figures) + "\n")
            self._file.flush()
        except OSError as exc:
            self._give_up(exc)

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError as exc:  # what was left to write; the file is closed all the same
            self._give_up(exc)
        if self._new and not self._begun:
            Path(self._path).unlink(missing_ok=True)

    def _give_up(self, error: OSError) -> None:
        if not self._failed:
            self._failed = True
            self._tell(f"cannot write figures to {self._path}: {error.strerror}; given up, the rest goes on")
