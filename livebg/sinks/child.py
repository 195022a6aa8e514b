"""A process that takes pictures on its standard input, with its last words and a bounded end.

Why processes: what PipeWire, a window toolkit or a network protocol does with a picture can hang or abort, and FFmpeg
cannot be told to give up a connection. A process can always be ended, and takes nobody along.

Our own children (``preview_window``, ``stream_encoder``) are told what they need in one line of JSON, say ``READY``,
and then read pictures: eight bytes of time, then RGB.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
from collections import deque
from fractions import Fraction
from io import BufferedReader
from typing import TYPE_CHECKING

import numpy as np

from livebg.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from livebg.frame import Frame, Image

READY = "livebg: ready"
_START_SECONDS = 10.0
_END_SECONDS = 0.6
# A picture of 720p in two gulps instead of twenty; more is not allowed to everybody.
_PIPE_BYTES = 1 << 20
_TIME = struct.Struct("=q")
_TICKS = 1_000_000


class Child:
    """Started and ready, or an error.

    Args:
        name: What an error calls it.
        command: The program and its arguments.
        ready: What a line of its output contains once it takes pictures.
        first: What it is told before that.

    Attributes:
        interrupted: It was killed because it took nothing.

    Raises:
        SinkError: It cannot be started, or ends or stays silent before it is ready; the text has its last words.
    """

    def __init__(self, name: str, command: Sequence[str], ready: str, first: bytes = b"") -> None:
        self._name = name
        self.interrupted = False
        self._words: deque[str] = deque(maxlen=12)
        self._ready, self._settled = False, threading.Event()
        try:
            self._process = subprocess.Popen(
                command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pipesize=_PIPE_BYTES,
                env={**os.environ, "LC_ALL": "C.UTF-8"},  # so that ``ready`` is found
                # Ctrl-C is for us: it must not end the child before we have.
                process_group=None if sys.platform == "win32" else 0,
            )
        except OSError as error:
            raise SinkError(f"cannot start {command[0]}: {error.strerror}") from error
        assert self._process.stdin is not None
        self._input = self._process.stdin
        self._listener = threading.Thread(target=self._listen, args=(ready,), name="livebg-listen", daemon=True)
        self._listener.start()
        with contextlib.suppress(OSError):  # it is gone already, and says why
            self._input.write(first)
        self._settled.wait(_START_SECONDS)
        if not self._ready:
            self.kill()
            self.close()
            raise SinkError(f"{name} did not start: {self.last_words()}")

    def send(self, picture: Image | bytes) -> None:
        """Write one picture, contiguous uint8; blocks until the child has taken it.

        Raises:
            SinkError: The child is gone; the text has its last words.
        """
        rest = memoryview(picture) if isinstance(picture, bytes) else picture.reshape(-1).data
        try:
            while rest:
                rest = rest[self._input.write(rest) :]
        except (OSError, ValueError) as error:
            self._end()
            raise SinkError(f"{self._name} ended: {self.last_words()}") from error

    def send_frame(self, frame: Frame) -> None:
        """Write one frame to a child of our own, its time first. As ``send``."""
        self.send(_TIME.pack(round(frame.pts * _TICKS)))
        self.send(frame.image)

    def kill(self) -> None:
        """End it at once, from any thread: a ``send`` that blocks then raises."""
        self.interrupted = True
        self._process.kill()

    def close(self) -> None:
        """Let it end by itself, then make it; within a second."""
        self._end()

    def last_words(self) -> str:
        """What it said before it ended, on one line."""
        code = self._process.poll()
        words = list(self._words)
        errors = [line for line in words if "error" in line.lower()]
        said = errors[0] if errors else "; ".join(words[-2:])  # the first error is the cause of the others
        return said or ("it said nothing" if code is None else f"it said nothing (exit {code})")

    def _end(self) -> None:
        process = self._process
        assert process.stdout is not None
        with contextlib.suppress(OSError):  # it is gone already
            self._input.close()
        for stop in (process.terminate, process.kill, None):
            try:
                process.wait(_END_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if stop is not None:
                    stop()
        self._listener.join(_END_SECONDS)
        if not self._listener.is_alive():
            process.stdout.close()

    def _listen(self, ready: str) -> None:
        stream = self._process.stdout
        assert stream is not None
        for line in iter(stream.readline, b""):
            text = line.decode(errors="replace").strip()
            if ready in text:
                self._ready = True
                self._words.clear()
                self._settled.set()
            elif text:
                self._words.append(text)
        self._settled.set()


def start_own(name: str, module: str, told: Mapping[str, object]) -> Child:
    """Start a child of our own: a module of livebg that calls ``hear`` and ``pictures``.

    Raises:
        SinkError: As ``Child``.
    """
    # What it is told goes through its input and not its arguments: an address may hold a key, and everybody sees those.
    return Child(name, [sys.executable, "-m", module], READY, json.dumps(told).encode() + b"\n")


def hear() -> Mapping[str, object]:
    """In the child: what it is told."""
    told = json.loads(sys.stdin.buffer.readline())
    assert isinstance(told, dict)
    return told


def say_ready() -> None:
    """In the child: pictures may come."""
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()


def pictures(width: int, height: int) -> Iterator[tuple[Fraction, Image]]:
    """In the child: each picture (H, W, 3) and its time in seconds, until the parent ends. One buffer is kept."""
    time = bytearray(_TIME.size)
    picture: Image = np.empty((height, width, 3), np.uint8)
    rest = picture.reshape(-1).data
    while _fill(memoryview(time)) and _fill(rest):
        yield Fraction(_TIME.unpack(time)[0], _TICKS), picture


def _fill(buffer: memoryview) -> bool:
    """Whether there was enough on standard input to fill it."""
    stream = sys.stdin.buffer
    assert isinstance(stream, BufferedReader)
    return stream.readinto(buffer) == len(buffer)
