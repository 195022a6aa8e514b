"""Opens what FFmpeg reads, from a file or a pipe, and says in one line why it cannot."""

from __future__ import annotations

import os
import select
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import av

from livebg.errors import SourceError
from livebg.sources.headers import HEAD, HEIC_CURE, is_heic, lacks_index

if TYPE_CHECKING:
    from collections.abc import Callable

    from av.container import InputContainer

Result = TypeVar("Result")


PIPE_CURE = "an mp4 comes through a pipe only if its header is in front (-movflags faststart)"


class Pipe:
    """A pipe as a file that PyAV reads, whose waiting ``cancel()`` ends from another thread.

    Why not FFmpeg's own ``pipe:``: its read cannot be interrupted, and a program that waits for a camera's pipe could
    not be ended in time. On Windows a pipe cannot be waited for; there a read ends with the writer's next byte.

    Why a thread of its own (``run``): Python raises Ctrl-C in the main thread. Raised inside PyAV's C callback it would
    be swallowed, and FFmpeg would go on waiting.
    """

    def __init__(self, place: int | str) -> None:
        """``place`` is a descriptor, which stays its owner's to close, or the name of a pipe.

        Raises:
            SourceError: The named one cannot be opened.
        """
        self._descriptor, self._owned = (place, False) if isinstance(place, int) else (_open_pipe(place), True)
        self.name = str(place) if self._owned else "standard input" if place == 0 else f"pipe {place}"
        self._waiting, self._waker = os.pipe()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=self.name)
        # Begun before there is anything to read: ``release`` does not wait for a thread whose beginning Ctrl-C met.
        self._thread.submit(int).result()
        self._released = False

    def run(self, work: Callable[[], Result]) -> Result:
        """Do what reads the pipe in its thread, and wait for it; Ctrl-C ends the wait and the read."""
        try:
            return self._thread.submit(work).result()
        except KeyboardInterrupt:
            self.cancel()
            raise

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes as they come; none at the end or once cancelled."""
        if sys.platform != "win32":
            ready, _, _ = select.select([self._descriptor, self._waiting], [], [])
            if self._waiting in ready:
                return b""
        return os.read(self._descriptor, size)

    def cancel(self) -> None:
        """End a read that waits, and every later one."""
        if not self._released:
            os.write(self._waker, b"!")

    def release(self) -> None:
        """End the thread and give the waker back. Not named close, which PyAV would call itself."""
        if not self._released:
            self.cancel()
            self._thread.shutdown()
            self._released = True
            os.close(self._waiting)
            os.close(self._waker)
            if self._owned:
                os.close(self._descriptor)


def open_container(path: str | Pipe) -> InputContainer:
    """Open a file or a pipe.

    Raises:
        SourceError: It is missing, empty, forbidden, a folder, or nothing that FFmpeg reads.
    """
    try:
        if isinstance(path, Pipe):
            return av.open(path, "r", metadata_errors="replace")
        _require_file(path)
        # "file:" so that a name with a colon is not taken for a protocol.
        return av.open(f"file:{path}", "r", metadata_errors="replace")
    except av.FFmpegError as error:
        raise SourceError(reason(path, error)) from error


def reason(path: str | Pipe, error: av.FFmpegError) -> str:
    """One line for what FFmpeg says of a file or pipe."""
    name, cure = (path.name, f"; {PIPE_CURE}") if isinstance(path, Pipe) else (path, "")
    if isinstance(error, av.error.PermissionError):
        return f"{name} may not be read: give yourself permission to read it"
    if isinstance(path, str) and _is_cut_off(Path(path)):
        return f"{name} is cut off, and what says where its frames are stands at its end: copy it again"
    if isinstance(error, av.error.InvalidDataError):
        return f"{name} is not a video, or its header is damaged: FFmpeg finds nothing in it that it can read{cure}"
    return f"cannot read {name}: {error.strerror}{cure}"


def _require_file(path: str) -> None:
    file = Path(path)
    try:
        size = file.stat().st_size
    except FileNotFoundError as error:
        raise SourceError(f"{path} does not exist: check the name") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be reached: {error.strerror}") from error
    if file.is_dir():
        raise SourceError(f"{path} is a folder, not a clip")
    if size == 0 and file.is_file():
        raise SourceError(f"{path} is empty (0 bytes): copy or record it again")
    if file.is_file() and _is_heic(file):
        raise SourceError(f"{path}: {HEIC_CURE}")


def _is_heic(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return is_heic(opened.read(HEAD))
    except OSError:
        return False  # FFmpeg says why it cannot be read


def _is_cut_off(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return lacks_index(opened)
    except OSError:
        return False


def _open_pipe(name: str) -> int:
    """Waits until somebody writes."""
    try:
        return os.open(name, os.O_RDONLY)
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror}") from error
