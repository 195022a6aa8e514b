"""Watches the configuration file: what changed in it is applied, and an error in it keeps the old one and is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from livebg.config_file import load
from livebg.errors import LivebgError
from livebg.live.pacer import PATIENCE
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.config import Config
    from livebg.live.commands import Values

_SECONDS = 0.5  # between two looks; a look is one stat()


class Watch(Closing):
    """Looks at a file twice a second until ``close()``.

    Why by looking: editors replace files, folders come over networks, and a look costs microseconds everywhere.
    """

    def __init__(
        self, path: Path, changed: Callable[[Values], None], *, tell: Callable[[str], None] = lambda line: None
    ) -> None:
        """Begin to watch.

        Args:
            path: The file, read now.
            changed: Told the keys whose values in the file changed, so that what was set by hand otherwise stays.
            tell: Told what is wrong in it.

        Raises:
            ConfigError: It is wrong already.
        """
        self._path, self._changed, self._tell = path, changed, tell
        self._seen = look(path)
        self._config = load(str(path))
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="livebg-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._stopped.set()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        while not self._stopped.wait(_SECONDS):
            seen = look(self._path)
            if seen is None or seen == self._seen:
                continue
            self._seen = seen
            try:
                config = load(str(self._path))
            except LivebgError as error:
                self._tell(f"{error}; the old configuration stays")
                continue
            values = difference(self._config, config)
            self._config = config
            if values:
                self._changed(values)


def difference(before: Config, after: Config) -> Values:
    """The keys of ``after`` that ``before`` has otherwise, section by section."""
    found: dict[str, dict[str, object]] = {}
    for name, section in after:
        old = getattr(before, name)
        for key in type(section).model_fields:
            if getattr(section, key) != getattr(old, key):
                found.setdefault(name, {})[key] = getattr(section, key)
    return found


def look(path: Path) -> tuple[int, int, int] | None:
    """What is otherwise once a file was written or replaced; ``None`` where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
