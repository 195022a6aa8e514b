"""The thread that writes: order, backpressure, errors, and an end in every case."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from time import monotonic

import pytest

from livebg.errors import SinkError
from livebg.sinks import WriteBehind
from livebg.stages import Closing
from tests.fakes import FakeSink
from tests.sinks.clips import frames, steady


class GatedSink(Closing):
    """Each write waits until the test opens the gate."""

    notes: Sequence[str] = ("a note",)

    def __init__(self, error=None):
        self.gate, self.entered = threading.Event(), threading.Event()
        self.frames, self.error = [], error
        self.closed = threading.Event()
        self.finished_in = None

    def write(self, frame):
        self.entered.set()
        assert self.gate.wait(30)
        if self.error is not None:
            raise self.error
        self.frames.append(frame.index)

    def finish(self):
        self.finished_in = threading.current_thread()

    def close(self):
        self.closed.set()


def threads():
    return [each for each in threading.enumerate() if each.name == "livebg-write"]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    assert not threads(), "another test left its own"
    yield
    for thread in threads():
        thread.join(10)
    assert not threads()


def test_everything_in_order():
    inner = FakeSink()
    with WriteBehind(inner, depth=2) as sink:
        for frame in frames(steady(50)):
            sink.write(frame)
        sink.finish()
        assert [frame.index for frame in inner.frames] == list(range(50))
        assert inner.finished
        assert not threads()
    assert inner.closed == 1
    sink.close()
    assert inner.closed == 1


def test_finishes_in_the_caller_s_thread_where_ctrl_c_arrives():
    inner = GatedSink()
    inner.gate.set()
    with WriteBehind(inner) as sink:
        sink.write(next(iter(frames(steady(1)))))
        sink.finish()
        assert list(sink.notes) == ["a note"]
    assert inner.finished_in is threading.current_thread()


def test_a_full_queue_holds_the_writer_back():
    inner = GatedSink()
    shown = list(frames(steady(5)))
    with WriteBehind(inner, depth=2) as sink:
        sink.write(shown[0])
        assert inner.entered.wait(10)
        sink.write(shown[1])
        sink.write(shown[2])
        accepted = threading.Event()
        writer = threading.Thread(target=lambda: (sink.write(shown[3]), accepted.set()))
        writer.start()
        assert not accepted.wait(0.05)
        inner.gate.set()
        assert accepted.wait(10)
        writer.join()
        sink.finish()
    assert inner.frames == [0, 1, 2, 3]


def test_an_error_arrives_at_the_next_write():
    inner = FakeSink(error=SinkError("disk full"), at=1)

    def use():
        with WriteBehind(inner) as sink:
            for frame in frames(steady(100)):
                sink.write(frame)

    with pytest.raises(SinkError, match="disk full"):
        use()
    assert inner.closed == 1
    assert not inner.finished


def test_an_error_arrives_at_finish():
    inner = FakeSink(error=SinkError("disk full"), at=2)
    with WriteBehind(inner) as sink:
        for frame in frames(steady(3)):
            sink.write(frame)
        with pytest.raises(SinkError, match="disk full"):
            sink.finish()
    assert inner.closed == 1
    assert not inner.finished


def test_an_error_frees_a_writer_who_waits():
    inner = GatedSink(error=SinkError("disk full"))
    shown = list(frames(steady(4)))
    with WriteBehind(inner, depth=1) as sink:
        sink.write(shown[0])
        assert inner.entered.wait(10)
        sink.write(shown[1])
        caught = []

        def last():
            try:
                sink.write(shown[2])
            except SinkError as error:
                caught.append(str(error))

        writer = threading.Thread(target=last)
        writer.start()
        inner.gate.set()
        writer.join(10)
        assert caught == ["disk full"]
    assert inner.closed.is_set()


def test_close_drops_what_waits_and_closes_the_inner_sink():
    inner = GatedSink()
    sink = WriteBehind(inner, depth=4)
    for frame in frames(steady(4)):
        sink.write(frame)
    assert inner.entered.wait(10)
    threading.Timer(0.1, inner.gate.set).start()
    sink.close()
    assert inner.closed.is_set()
    assert inner.frames == [0]
    with pytest.raises(SinkError, match="finished or closed"):
        sink.write(next(iter(frames(steady(1)))))


def test_close_frees_a_writer_who_waits():
    inner = GatedSink()
    shown = list(frames(steady(3)))
    sink = WriteBehind(inner, depth=1)
    sink.write(shown[0])
    assert inner.entered.wait(10)
    sink.write(shown[1])
    outcome = []

    def last():
        try:
            sink.write(shown[2])
        except SinkError as error:
            outcome.append(str(error))

    writer = threading.Thread(target=last)
    writer.start()
    closer = threading.Thread(target=sink.close)
    closer.start()
    writer.join(10)
    assert outcome == ["frame 2 came after the sink was finished or closed"]
    inner.gate.set()
    closer.join(10)
    assert inner.closed.is_set()


def test_close_is_bounded_and_a_stuck_frame_closes_later():
    """Two threads must not be inside one encoder: whoever is inside closes it."""
    inner = GatedSink()
    sink = WriteBehind(inner)
    sink.write(next(iter(frames(steady(1)))))
    assert inner.entered.wait(10)
    started = monotonic()
    sink.close()
    assert monotonic() - started < 2
    assert not inner.closed.is_set()
    inner.gate.set()
    assert inner.closed.wait(10)


def test_ctrl_c_while_finish_waits(monkeypatch):
    inner = GatedSink()
    sink = WriteBehind(inner)
    sink.write(next(iter(frames(steady(1)))))
    assert inner.entered.wait(10)

    def interrupted(predicate, timeout=None):
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(sink._changed, "wait_for", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sink.finish()
    threading.Timer(0.1, inner.gate.set).start()
    sink.close()
    assert inner.closed.is_set()
    assert inner.finished_in is None


def test_depth_is_checked():
    with pytest.raises(ValueError, match="depth must be at least 1"):
        WriteBehind(FakeSink(), depth=0)
