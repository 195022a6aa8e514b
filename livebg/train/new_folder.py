"""A folder of pictures that has its name only when it is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from livebg.errors import SinkError, UsageError

if TYPE_CHECKING:
    from livebg.frame import Image


@dataclass(frozen=True, slots=True)
class NewFolder:
    """What is being written: where it lies now, and what it will be called."""

    partial: Path
    target: Path

    def write(self, name: str, put: Callable[[Path], object]) -> None:
        """Have a file written, folders on the way to it made.

        Args:
            name: Below the folder, as ``images/1.png``.
            put: Given the path, writes it.

        Raises:
            SinkError: It cannot be written.
        """
        path = self.partial / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            put(path)
        except OSError as exc:
            raise _cannot_write(self.target, exc) from exc

    def write_png(self, name: str, picture: Image) -> None:
        """Write gray or RGB uint8 as PNG.

        Raises:
            SinkError: It cannot be written.
        """
        _, encoded = cv2.imencode(".png", picture[..., ::-1] if picture.ndim == 3 else picture)
        self.write(name, lambda path: path.write_bytes(encoded.tobytes()))


@contextmanager
def new_folder(target: Path, *parts: str) -> Iterator[NewFolder]:
    """A folder to write into; until the end it is called NAME.partial, and stays so where the work is interrupted.

    Args:
        target: Its path when it is whole.
        parts: Folders that it has even where nothing is written to them.

    Raises:
        UsageError: It is there already, or what an interrupted call left of it.
        SinkError: It cannot be made or named.
    """
    require_free(target)
    partial = _partial(target)
    try:
        partial.mkdir(parents=True)
        for part in parts:
            (partial / part).mkdir()
    except OSError as exc:
        raise _cannot_write(target, exc) from exc
    yield NewFolder(partial, target)
    try:
        partial.rename(target)
    except OSError as exc:
        raise _cannot_write(target, exc) from exc


def require_free(target: Path) -> None:
    """Tell before long work what ``new_folder`` would say.

    Raises:
        UsageError: It is there already, or what an interrupted call left of it.
        SinkError: Nobody can know.
    """
    _require_none(target, target)
    _require_none(_partial(target), target)


def _require_none(folder: Path, target: Path) -> None:
    try:
        there = folder.exists()
    except OSError as exc:  # too long a name, or a folder that may not be searched
        raise _cannot_write(target, exc) from exc
    if there:
        raise UsageError(f"{folder} is there already: give another folder, or remove it")


def _partial(target: Path) -> Path:
    return target.with_name(f"{target.name}.partial")


def _cannot_write(target: Path, exc: OSError) -> SinkError:
    return SinkError(f"cannot write {target}: {exc.strerror}")
