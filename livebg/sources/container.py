"""Opens what FFmpeg reads, from a file or a pipe, and says in one line why it cannot."""

from __future__ import annotations

import os
import select
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av

from livebg.errors import SourceError

if TYPE_CHECKING:
    from av.container import InputContainer


PIPE_CURE = "an mp4 comes through a pipe only if its header is in front (-movflags faststart)"


@dataclass(slots=True)
class Opened:
    """A container and what it is called; ``pipe`` where it is not a file."""

    container: InputContainer
    name: str
    pipe: Pipe | None = None

    def close(self) -> None:
        """Close the container, and give the pipe's waker back."""
        self.container.close()
        if self.pipe is not None:
            self.pipe.close()


class Pipe:
    """A pipe as a file that PyAV reads, whose waiting ``cancel()`` ends from another thread.

    Why not FFmpeg's own ``pipe:``: its read cannot be interrupted, and a program that waits for a camera's pipe could
    not be ended in time. On Windows a pipe cannot be waited for; there a read ends with the writer's next byte.
    """

    def __init__(self, descriptor: int) -> None:
        self.interrupted = False
        self._descriptor = descriptor
        self._waiting, self._waker = os.pipe()

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes as they come; none at the end or once cancelled."""
        try:
            if sys.platform != "win32":
                ready, _, _ = select.select([self._descriptor, self._waiting], [], [])
                if self._waiting in ready:
                    return b""
            return os.read(self._descriptor, size)
        except KeyboardInterrupt:  # PyAV's C callback would swallow it: whoever called FFmpeg raises it again
            self.interrupted = True
            return b""

    def cancel(self) -> None:
        """End a read that waits, and every later one."""
        os.write(self._waker, b"!")

    def close(self) -> None:
        """Give the waker back; the pipe itself belongs to whoever opened it."""
        os.close(self._waiting)
        os.close(self._waker)


def open_container(path: str | int) -> Opened:
    """Open a file by its path, or a pipe by its descriptor.

    Raises:
        SourceError: It is missing, empty, forbidden, a folder, or nothing that FFmpeg reads.
    """
    if isinstance(path, int):
        return _open_pipe(path)
    _require_file(path)
    try:
        # "file:" so that a name with a colon is not taken for a protocol.
        container = av.open(f"file:{path}", "r", metadata_errors="replace")
    except av.FFmpegError as error:
        raise SourceError(reason(path, error)) from error
    return Opened(container, path)


def reason(name: str, error: av.FFmpegError) -> str:
    """One line for what FFmpeg says of a file."""
    if isinstance(error, av.error.PermissionError):
        return f"{name} may not be read: give yourself permission to read it"
    if isinstance(error, av.error.InvalidDataError):
        return f"{name} is not a video, or its header is damaged: FFmpeg finds nothing in it that it can read"
    return f"cannot read {name}: {error.strerror}"


def _open_pipe(descriptor: int) -> Opened:
    name = "standard input" if descriptor == 0 else f"pipe {descriptor}"
    pipe = Pipe(descriptor)
    try:
        container = av.open(pipe, "r", metadata_errors="replace")
    except av.FFmpegError as error:
        pipe.close()
        if pipe.interrupted:
            raise KeyboardInterrupt from error
        raise SourceError(f"{reason(name, error)}; {PIPE_CURE}") from error
    return Opened(container, name, pipe)


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
