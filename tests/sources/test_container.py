"""Named pipes are read as standard input is."""

from __future__ import annotations

import os
from contextlib import suppress
from threading import Event, Thread
from threading import enumerate as enumerate_threads
from typing import TYPE_CHECKING

import pytest

from livebg.errors import SourceError
from livebg.sources import open_source
from livebg.sources.container import Pipe
from tests.media import read_number, write_clip

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes in folders are POSIX")


def feed(pipe: Path, data: bytes) -> Thread:
    """A thread that writes into a named pipe until all is written or the reader leaves."""

    def write() -> None:
        try:
            pipe.write_bytes(data)
        except BrokenPipeError:
            return

    os.mkfifo(pipe)
    thread = Thread(target=write, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("suffix", ["mkv", "ts"])
def test_a_named_pipe(tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / f"clip.{suffix}")
    pipe = tmp_path / "pipe"
    writer = feed(pipe, clip.read_bytes())
    with open_source(pipe) as source:
        assert source.info.name == str(pipe)
        assert [read_number(frame.image) for frame in source] == list(range(10))
    writer.join(10)
    assert not writer.is_alive()


def test_closing_ends_a_wait_for_a_named_pipe(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    leave = Event()

    def write() -> None:
        with pipe.open("wb") as end:
            end.write(clip.read_bytes())
            end.flush()
            leave.wait(20)  # a camera that stands still

    def read() -> None:
        with suppress(SourceError, ValueError):
            list(source)

    writer = Thread(target=write, daemon=True)
    writer.start()
    source = open_source(pipe)
    reader = Thread(target=read, daemon=True)
    reader.start()
    reader.join(1)
    assert reader.is_alive()
    source.close()
    reader.join(5)
    waits = reader.is_alive()
    leave.set()
    writer.join(10)
    assert not waits


def test_a_pipe_that_the_shell_made(tmp_path: Path) -> None:
    """``<(cat clip.mkv)`` is the name of a descriptor."""
    reader, end = os.pipe()
    os.write(end, write_clip(tmp_path / "clip.mkv").read_bytes())  # less than a pipe holds
    os.close(end)
    with open_source(f"/dev/fd/{reader}") as source:
        assert len(list(source)) == 10
    os.close(reader)


def test_closing_gives_the_pipe_back(tmp_path: Path) -> None:
    """The writer, which has more than a pipe holds, would wait for ever."""
    clip = write_clip(tmp_path / "clip.mkv", frames=200, size=(320, 240))
    pipe = tmp_path / "pipe"
    writer = feed(pipe, clip.read_bytes())
    open_source(pipe).close()
    writer.join(10)
    assert not writer.is_alive()


def test_ctrl_c_while_its_thread_begins_leaves_nobody_who_reads(monkeypatch) -> None:
    """``release`` waits for threads that have begun alone, and closes what this one would read."""
    start, released, read = Thread.start, Event(), []

    def interrupted(thread: Thread) -> None:
        start(thread)
        if thread.name.startswith("pipe "):
            raise KeyboardInterrupt

    def work() -> None:
        released.wait(10)
        read.append("after it was closed")

    reader, end = os.pipe()
    monkeypatch.setattr(Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        pipe = Pipe(reader)
        try:
            pipe.run(work)
        finally:
            pipe.release()
    released.set()
    for thread in enumerate_threads():
        if thread.name.startswith("pipe "):
            thread.join(10)
    assert not read
    os.close(reader)
    os.close(end)


def test_what_is_no_clip(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    writer = feed(pipe, b"nothing that moves" * 20_000)
    with pytest.raises(SourceError, match="pipe is not a video"):
        open_source(pipe)
    writer.join(10)
    assert not writer.is_alive()
