"""A full disk leaves a file that plays: room for its end was kept before."""

from __future__ import annotations

import errno
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from livebg.errors import SinkError
from livebg.frame import Chapter, Frame
from livebg.sinks import open_sink, partial_path, room
from livebg.sinks.recording import open_recording
from livebg.sinks.room import NoRoomError, Room, open_room
from tests.media import read_frames, read_times
from tests.sinks.clips import frames, hidden, steady, stream, write

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps room behind a file's end")
AHEAD = room._BASE + room._STEP


class Disk:
    """In place of the file system: so many bytes are left, or it refuses otherwise."""

    def __init__(self, left, refusal=errno.ENOSPC):
        self.left, self.refusal, self.asked = left, refusal, []

    def __call__(self, _file, start, length):
        self.asked.append((start, length))
        if length > self.left:
            return self.refusal
        self.left -= length
        return 0


@pytest.fixture
def disk(monkeypatch):
    def of(*args):
        made = Disk(*args)
        monkeypatch.setattr(room, "_allocator", lambda: made)
        return made

    return of


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"begun")
    return path


def blocks(path: Path) -> int:
    return path.stat().st_blocks * 512


def test_room_is_taken_behind_the_end_and_given_back(file):
    before = blocks(file)
    kept = open_room(file)
    kept.take(1000)
    if not kept._can:
        kept.close()
        pytest.skip("this file system keeps no room")
    assert blocks(file) - before > room._STEP
    assert file.read_bytes() == b"begun"
    with file.open("ab") as end:
        end.write(bytes(100_000))
    kept.close()
    kept.close()
    assert file.stat().st_size == 100_005
    assert blocks(file) < 200_000


def test_it_asks_seldom_and_each_time_for_what_follows(file, disk):
    there = disk(1 << 40)
    kept = Room(file)
    for _ in range(1000):
        kept.take(100_000)
    kept.close()
    assert 20 <= len(there.asked) <= 25
    assert there.asked[0][0] == 0
    assert all(start + length == then for (start, length), (then, _) in zip(there.asked, there.asked[1:], strict=False))
    assert sum(length for _, length in there.asked) >= 1000 * (100_000 + 44)


def test_nearly_full_it_takes_what_must_be(file, disk):
    there = disk(room._BASE + 10_000)
    kept = Room(file)
    for _ in range(9):
        kept.take(1000)
    with pytest.raises(NoRoomError, match="No space left on device"):
        kept.take(1000)
    kept.take(100)  # a smaller one may still fit
    kept.close()
    assert there.left < 1000


@pytest.mark.parametrize("refusal", [errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL])
def test_a_file_system_without_it_is_asked_once(file, disk, refusal):
    there = disk(0, refusal)
    kept = Room(file)
    for _ in range(3):
        kept.take(1 << 30)
    kept.close()
    assert len(there.asked) == 1


def test_an_interrupted_call_is_made_again(file, disk, monkeypatch):
    there, answers = disk(1 << 30), [errno.EINTR, errno.EINTR]
    monkeypatch.setattr(room, "_allocator", lambda: lambda *args: answers.pop() if answers else there(*args))
    kept = Room(file)
    kept.take(1)
    kept.close()
    assert not answers
    assert len(there.asked) == 1


def write_all(sink, images):
    for index, image in enumerate(images):
        sink.write(Frame(image, pts=Fraction(index, 25), index=index))


NOISE = np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), np.uint8)


@pytest.mark.parametrize("refusal", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv", "out.webm"])
@pytest.mark.parametrize("opened", [open_sink, open_recording], ids=["file", "live"])
def test_what_fits_is_kept_and_plays(tmp_path, disk, opened, name, refusal):
    disk(room._BASE + 20_000, refusal)
    path = tmp_path / name
    with opened(path, stream()) as sink:
        inner = getattr(sink, "_sink", sink)
        with pytest.raises(SinkError, match=r"cannot write .*: (No space|Disk quota|File too large)"):
            write_all(inner, NOISE)
    assert not path.exists()
    assert not hidden(tmp_path)
    kept = partial_path(path)
    times = read_times(kept)
    assert 2 < len(times) < 30
    assert times[:3] == [Fraction(0), Fraction(1, 25), Fraction(2, 25)]
    assert len(read_frames(kept)) == len(times)
    assert kept.stat().st_size < room._BASE + 20_000


def test_full_while_it_is_finished(tmp_path, disk):
    """Most of a short clip leaves the encoder only then."""
    disk(room._BASE + 20_000)
    path = tmp_path / "out.mp4"
    with open_sink(path, stream(), preset="medium") as sink:
        write_all(sink, NOISE)
        assert not sink._written.frames
        with pytest.raises(SinkError, match=r"cannot complete .*: No space"):
            sink.finish()
    assert 1 < len(read_frames(partial_path(path))) < 30


def test_what_is_complete_is_the_same_byte_by_byte(tmp_path, monkeypatch):
    """With sound, tags and chapters, and with nothing left behind its end."""
    info = stream(metadata={"title": "t"}, chapters=(Chapter(Fraction(0), Fraction(1), "one"),))
    for suffix in ("mp4", "mov", "mkv"):
        one, other = tmp_path / f"one.{suffix}", tmp_path / f"other.{suffix}"
        write(one, info, frames(steady(30)))
        with monkeypatch.context() as patch:
            patch.setattr("livebg.sinks.video.open_room", lambda path: None)
            write(other, info, frames(steady(30)))
        if suffix != "mkv":  # which carries a number drawn by lot
            assert one.read_bytes() == other.read_bytes()
        assert one.stat().st_size == other.stat().st_size
        assert blocks(one) == blocks(other)


def test_the_index_of_many_packets_fits(tmp_path, disk):
    """Small packets have more index than picture."""
    black = np.zeros((16, 16, 3), np.uint8)
    there = disk(room._BASE + 300_000)
    path = tmp_path / "out.mp4"
    with open_sink(path, stream((16, 16)), preset="ultrafast") as sink:
        for index in range(3000):
            sink.write(Frame(black, pts=Fraction(index * index, 90000), index=index))
        sink.finish()
    assert len(read_times(path)) == 3000
    assert path.stat().st_size < room._BASE + 300_000 - there.left


@pytest.mark.parametrize(("name", "kept"), [("out.mp4", False), ("out.mkv", True)])
def test_where_no_room_is_kept_it_is_said_what_is_lost(tmp_path, monkeypatch, caplog, name, kept):
    """The container's end is refused, as by a full disk."""
    monkeypatch.setattr("livebg.sinks.video.open_room", lambda path: None)
    path = tmp_path / name
    with open_sink(path, stream()) as sink:
        for frame in frames(steady(30)):
            sink.write(frame)
        sink._container = Refusing(sink._container)
    assert partial_path(path).exists() == kept
    said = f"nothing is kept of {path}: without its end it does not play; a .mkv does"
    assert [record.getMessage() for record in caplog.records] == ([] if kept else [said])
    assert not hidden(tmp_path)


class Refusing:
    def __init__(self, container):
        self._container = container

    def __getattr__(self, name):
        return getattr(self._container, name)

    def close(self):
        self._container.close()
        raise OSError(errno.ENOSPC, "No space left on device")
