"""What every sink promises (``stages.Sink``), over each implementation and the fake."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from livebg.errors import SinkError
from livebg.frame import Frame
from livebg.sinks import NullSink, WriteBehind, open_sink, partial_path
from tests.fakes import FakeSink
from tests.sinks.clips import PICTURE, SIZE, frames, hidden, steady, stream

FILES = [
    ("out.mp4", "rgb"),
    ("out.mkv", "rgb"),
    ("out.webm", "rgb"),
    ("out.mov", "rgba"),
    ("out.webm", "rgba"),
    ("out.mp4", "gray"),
    ("out", "rgb"),
    ("out", "rgba"),
    ("out", "gray"),
]
WRAPPED = [(name, pixels, behind) for name, pixels in FILES for behind in (False, True)]


def make(path, pixels, behind):
    sink = open_sink(path, stream(), pixels=pixels)
    return WriteBehind(sink, depth=2) if behind else sink


def pictures(path):
    """How many pictures a video or folder holds, by decoding all of them."""
    if path.is_dir():
        read = [cv2.imread(str(each), cv2.IMREAD_UNCHANGED) for each in sorted(path.iterdir())]
        assert all(image is not None for image in read)
        return len(read)
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize(("name", "pixels", "behind"), WRAPPED)
def test_bears_its_name_when_finished_and_not_before(tmp_path, name, pixels, behind):
    path = tmp_path / name
    with make(path, pixels, behind) as sink:
        for frame in frames(steady(12), pixels=pixels):
            sink.write(frame)
        assert not path.exists()
        sink.finish()
        assert pictures(path) == 12
    assert sorted(each.name for each in tmp_path.iterdir()) == [name]
    assert all(isinstance(note, str) and "\n" not in note for note in sink.notes)


@pytest.mark.parametrize(("name", "pixels", "behind"), WRAPPED)
def test_unfinished_work_stays_playable_under_another_name(tmp_path, name, pixels, behind):
    path = tmp_path / name
    with make(path, pixels, behind) as sink:
        for frame in frames(steady(12), pixels=pixels):
            sink.write(frame)
    assert not path.exists()
    assert not hidden(tmp_path)
    # A queue may be dropped: what it held is at most its depth, and the frame in the thread's hand.
    assert pictures(partial_path(path)) >= (9 if behind else 12)


@pytest.mark.parametrize(("name", "pixels"), FILES)
def test_leaves_nothing_where_nothing_was_written(tmp_path, name, pixels):
    with open_sink(tmp_path / name, stream(), pixels=pixels):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "pixels", "behind"), WRAPPED)
def test_closes_twice_and_takes_nothing_afterwards(tmp_path, name, pixels, behind):
    sink = make(tmp_path / name, pixels, behind)
    first, second = frames(steady(2), pixels=pixels)
    sink.write(first)
    sink.finish()
    with pytest.raises(SinkError, match="finished or closed"):
        sink.write(second)
    with pytest.raises(SinkError, match="finished or closed"):
        sink.finish()
    sink.close()
    sink.close()
    assert pictures(tmp_path / name) == 1


@pytest.mark.parametrize("name", ["out.mp4", "out"])
def test_closed_takes_nothing(tmp_path, name):
    sink = open_sink(tmp_path / name, stream())
    sink.close()
    with pytest.raises(SinkError, match="finished or closed"):
        sink.write(Frame(PICTURE["rgb"](0, *SIZE)))
    with pytest.raises(SinkError, match="finished or closed"):
        sink.finish()


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out"])
def test_refuses_pixels_it_was_not_opened_for(tmp_path, name):
    with open_sink(tmp_path / name, stream()) as sink, pytest.raises(SinkError, match="opened for rgb"):
        sink.write(Frame(np.zeros((48, 64, 4), np.uint8)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["out.mp4", "out"])
def test_replaces_only_when_complete(tmp_path, name):
    path = tmp_path / name
    with open_sink(path, stream()) as sink:
        sink.write(next(iter(frames(steady(1)))))
        sink.finish()
    with open_sink(path, stream(), overwrite=True) as sink:
        for frame in frames(steady(3)):
            sink.write(frame)
        assert pictures(path) == 1
        sink.finish()
    assert pictures(path) == 3
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["out.mp4", "out"])
def test_does_not_replace_what_appeared_meanwhile(tmp_path, name):
    path = tmp_path / name
    with open_sink(path, stream()) as sink:
        sink.write(next(iter(frames(steady(1)))))
        if path.suffix:
            path.write_bytes(b"somebody's")
        else:
            path.mkdir()
        with pytest.raises(SinkError, match="appeared"):
            sink.finish()
    assert pictures(partial_path(path)) == 1
    assert path.is_dir() or path.read_bytes() == b"somebody's"


@pytest.mark.parametrize("make", [NullSink, FakeSink, lambda: WriteBehind(FakeSink())], ids=["null", "fake", "behind"])
def test_sinks_without_files(make):
    with make() as sink:
        for frame in frames(steady(5)):
            sink.write(frame)
        sink.finish()
        assert list(sink.notes) == []
    sink.close()


def test_null_sink_counts():
    sink = NullSink()
    for frame in frames(steady(5)):
        sink.write(frame)
    assert sink.frames == 5
    sink.finish()
    with pytest.raises(SinkError, match="finished"):
        sink.write(Frame(PICTURE["rgb"](0, *SIZE), pts=Fraction(1)))
