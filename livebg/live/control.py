"""Control while it runs: one thread that listens to standard input and to a Unix socket, and waits for no command.

A client of the socket sends one line and reads until the end: ``{"ok": true, "text": "..."}``. Only the user who
started the run may connect (the socket's mode is 0600, and it lies in that user's runtime folder).
"""

from __future__ import annotations

import errno
import json
import os
import selectors
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from livebg.errors import LivebgError, RefusedError, SinkError
from livebg.live.commands import obey
from livebg.live.pacer import PATIENCE
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.live.commands import Controlled

_LONGEST = 4096  # bytes of a line
_REPLY_SECONDS = 120.0  # a model that has to be fetched first
_NOT_OURS_SECONDS = 0.5  # until a terminal that another job has is asked again


class Control(Closing):
    """Listens from its construction until ``close()``."""

    def __init__(
        self,
        run: Controlled,
        *,
        path: Path | None = None,
        stdin: int | None = None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Begin to listen.

        Args:
            run: What commands are for.
            path: The socket; ``None`` has none.
            stdin: A file descriptor that lines are read from; its end ends nothing.
            tell: Told the answers to lines from ``stdin``.

        Raises:
            SinkError: The socket cannot be made there, or another run listens to it.
        """
        self._listener = None if path is None else _listen(path)
        self._run, self._tell, self._path = run, tell, path
        self._selector = selectors.DefaultSelector()
        self._wake, wakened = socket.socketpair()
        self._selector.register(wakened, selectors.EVENT_READ)
        self._wakened = wakened
        if self._listener is not None:
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._not_ours: Callable[[], object] | None = None  # listens to a terminal again that another job has
        if stdin is not None:
            lines = _Lines()

            def hear() -> object:
                return self._selector.register(stdin, selectors.EVENT_READ, lambda: self._hear(stdin, lines, hear))

            # A regular file as standard input cannot be waited for; it is no one who speaks.
            with suppress(PermissionError):
                hear()
        self._thread = Thread(target=self._listen, name="livebg-control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._wake.fileno() < 0:
            return
        self._wake.close()
        self._thread.join(PATIENCE)
        self._selector.close()
        self._wakened.close()
        if self._listener is not None:
            self._listener.close()
            assert self._path is not None
            self._path.unlink(missing_ok=True)

    def _listen(self) -> None:
        if hasattr(signal, "pthread_sigmask"):
            # Whoever reads the terminal in the background (livebg live ... &) is stopped by this signal, with all its
            # threads and the call; where the thread that reads holds it off, the read fails instead (POSIX).
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTIN})
        while True:
            ready = self._selector.select(_NOT_OURS_SECONDS if self._not_ours else None)
            if self._not_ours is not None:
                self._not_ours()
                self._not_ours = None
            for key, _ in ready:
                if key.fileobj is self._wakened:
                    return
                key.data()

    def _accept(self) -> None:
        assert self._listener is not None
        client, _ = self._listener.accept()
        client.setblocking(False)
        lines = _Lines()
        self._selector.register(client, selectors.EVENT_READ, lambda: self._serve(client, lines))

    def _serve(self, client: socket.socket, lines: _Lines) -> None:
        """Read a client's line, and answer it when the answer is known."""
        try:
            data = client.recv(_LONGEST)
            heard = lines.add(data)
        except (OSError, ValueError):
            data, heard = b"", []
        if heard or not data:
            self._selector.unregister(client)
        if not heard:
            if not data:
                client.close()
            return
        answer = _Answer(client)
        self._obey(heard[0], answer.good, answer.bad)

    def _hear(self, stdin: int, lines: _Lines, again: Callable[[], object]) -> None:
        try:
            data = os.read(stdin, _LONGEST)
            heard = lines.add(data)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno == errno.EIO:
                self._selector.unregister(stdin)  # else a line that is typed for that other job would wake us for ever
                self._not_ours = again
                return
            data, heard = b"", []
        if not data:
            self._selector.unregister(stdin)
            heard = [*heard, lines.rest()]
        for line in heard:
            if line.strip():
                self._obey(line, self._tell, self._tell)

    def _obey(self, line: str, good: Callable[[str], None], bad: Callable[[str], None]) -> None:
        try:
            obey(line, self._run, good)
        except LivebgError as error:
            bad(str(error))


def default_path() -> Path:
    """Where a run's socket lies unless told otherwise: in the user's runtime folder."""
    folder = os.environ.get("XDG_RUNTIME_DIR")
    if folder and Path(folder).is_dir():
        return Path(folder) / "livebg.sock"
    return Path(tempfile.gettempdir()) / f"livebg-{os.getuid() if hasattr(os, 'getuid') else 'user'}.sock"


def ask(path: Path, line: str) -> str:
    """Say one line to a run, and what it answers.

    Raises:
        SinkError: Nobody listens there, or it is not answered.
        RefusedError: What the run said against it.
    """
    answer = bytearray()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_REPLY_SECONDS)
        try:
            client.connect(str(path))
            client.sendall(" ".join(line.split()).encode() + b"\n")
            while data := client.recv(65536):
                answer += data
        except OSError as exc:
            raise SinkError(
                f"no run listens at {path}: start one with livebg live ({exc.strerror or 'no answer'})"
            ) from exc
    try:
        said = json.loads(answer)
    except ValueError as exc:
        raise SinkError(f"the run at {path} ended before it answered") from exc
    if not said["ok"]:
        raise RefusedError(said["text"])
    return str(said["text"])


class _Lines:
    """Bytes as they come, lines as they are complete."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, data: bytes) -> list[str]:
        """Complete lines.

        Raises:
            ValueError: One is longer than any command.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST:
            raise ValueError("too long for a line")
        return [line.decode(errors="replace") for line in lines]

    def rest(self) -> str:
        """What came behind the last line's end."""
        rest, self._rest = self._rest, b""
        return rest.decode(errors="replace")


class _Answer:
    """Sends one answer to a client and leaves it."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    def good(self, text: str) -> None:
        self._send({"ok": not text.startswith("error: "), "text": text.removeprefix("error: ")})

    def bad(self, text: str) -> None:
        self._send({"ok": False, "text": text})

    def _send(self, answer: dict[str, object]) -> None:
        with self._client, suppress(OSError):  # a client that is gone needs no answer
            self._client.settimeout(PATIENCE)
            self._client.sendall(json.dumps(answer).encode() + b"\n")


def _listen(path: Path) -> socket.socket:
    if not hasattr(socket, "AF_UNIX"):
        raise SinkError(f"{sys.platform} has no Unix sockets: --control none")
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        _clear(path)
        listener.bind(str(path))
        listener.listen()
        listener.setblocking(False)
    except OSError as exc:
        listener.close()
        raise SinkError(f"cannot listen at {path}: {exc.strerror or exc}; give --control PATH, or none") from exc
    except SinkError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return listener


def _clear(path: Path) -> None:
    """Remove a socket that a killed run has left; one that is listened to is another's."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PATIENCE)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise SinkError(f"another run listens at {path}: give this one --control PATH, or none")
