"""A process that takes pictures on its standard input, with its last words and a bounded end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING

from livebg.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livebg.frame import Image

_START_SECONDS = 5.0
_END_SECONDS = 0.6
# A picture of 720p in two gulps instead of twenty; more is not allowed to everybody.
_PIPE_BYTES = 1 << 20


class Child:
    """Started and ready, or an error.

    Args:
        name: What an error calls it.
        command: The program and its arguments.
        ready: What a line of its output contains once it takes pictures.

    Attributes:
        interrupted: It was killed because it took nothing.

    Raises:
        SinkError: It cannot be started, or ends or stays silent before it is ready; the text has its last words.
    """

    def __init__(self, name: str, command: Sequence[str], ready: str) -> None:
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
        self._listener = threading.Thread(target=self._listen, args=(ready,), name="livebg-listen", daemon=True)
        self._listener.start()
        self._settled.wait(_START_SECONDS)
        if not self._ready:
            self.kill()
            self.close()
            raise SinkError(f"{name} did not start: {self.last_words()}")

    def send(self, picture: Image) -> None:
        """Write one picture, contiguous uint8; blocks until the child has taken it.

        Raises:
            SinkError: The child is gone; the text has its last words.
        """
        stream = self._process.stdin
        assert stream is not None
        rest = picture.reshape(-1).data
        try:
            while rest:
                rest = rest[stream.write(rest) :]
        except (OSError, ValueError) as error:
            self._end()
            raise SinkError(f"{self._name} ended: {self.last_words()}") from error

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
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):  # it is gone already
            process.stdin.close()
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
