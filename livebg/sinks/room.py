"""Room on the disk for the end of a video: an MP4 has its index there, and does not play without.

Why it is taken beforehand: once the disk has refused something, FFmpeg writes nothing more to that file. So the room
for each packet, and for the index of all of them, is asked of the file system first, behind the file's end where no
reader sees it. What is refused is then that, and the file can still be ended in good order.

Only Linux can, and not every file system (NFS cannot). Elsewhere FFmpeg meets the full disk itself.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE
_STEP = 4 << 20  # bytes ahead, so that it is asked for once in some seconds
# An MP4's header, and the tables of an index that do not grow; nor do Matroska's.
_BASE = 64 << 10
# In an index at most 44 bytes a packet (stts 8, stsc 12, stsz 4, co64 8, stss 4, ctts 8); around it in Matroska 20.
# Source: ISO/IEC 14496-12, 8.6 and 8.7.
_AROUND = 64
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class NoRoomError(OSError):
    """The disk, or a quota, is full, or the file as large as its file system takes."""


class Room:
    """Keeps room for a file that FFmpeg writes from its beginning to its end. Linux only: see ``open_room``.

    Args:
        path: The file; it is there already.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._allocate = _allocator()
        self._file = path.open("r+b")
        self._needed, self._taken = _BASE, 0
        self._can = True

    def take(self, size: int) -> None:
        """Make sure that a packet of so many bytes can be written, and the index after it.

        Raises:
            NoRoomError: It cannot. Nothing is taken for it.
        """
        needed = self._needed + size + _AROUND
        if needed > self._taken and self._can:
            try:
                self._extend(needed + _STEP)
            except NoRoomError:  # nearly full: no more than must be
                self._extend(needed)
        self._needed = needed

    def close(self) -> None:
        """Give back what was not written; called when FFmpeg has closed the file. A second call does nothing."""
        if self._file.closed:
            return
        with self._file, suppress(OSError):  # what cannot be given back hurts nobody
            self._file.truncate(os.fstat(self._file.fileno()).st_size)

    def _extend(self, end: int) -> None:
        """Take what lies before this place of the file."""
        while (failed := self._allocate(self._file.fileno(), self._taken, end - self._taken)) == errno.EINTR:
            pass
        if failed in _FULL:
            raise NoRoomError(failed, os.strerror(failed))
        if failed:
            self._can = False  # this file system has no such thing
        else:
            self._taken = end


def open_room(path: Path) -> Room | None:
    """Room for a file that is there already; ``None`` where the system has no such thing.

    Raises:
        OSError: It cannot be opened.
    """
    return Room(path) if sys.platform == "linux" else None


def _allocator() -> Callable[[int, int, int], int]:
    """What takes a descriptor, a place and a length in bytes, and gives an error's number, or 0."""
    library = ctypes.CDLL(None, use_errno=True)
    call = getattr(library, "fallocate64", None) or library.fallocate  # musl has one alone, of 64 bits
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return lambda file, start, length: ctypes.get_errno() if call(file, _KEEP_SIZE, start, length) else 0
