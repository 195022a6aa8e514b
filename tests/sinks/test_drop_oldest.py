from __future__ import annotations

import threading

import pytest

from livebg.errors import SinkError
from livebg.frame import Frame
from livebg.sinks.drop_oldest import DropOldest
from tests.fakes import FakeSink, gradient


def frame(index: int) -> Frame:
    return Frame(gradient(4, 4), index=index)


class Gated(FakeSink):
    """Writes while the gate is open; says when it is inside ``write``."""

    def __init__(self, **arguments) -> None:
        super().__init__(**arguments)
        self.gate, self.inside = threading.Event(), threading.Event()

    def write(self, frame: Frame) -> None:
        self.inside.set()
        assert self.gate.wait(20)
        super().write(frame)


def test_what_keeps_up_gets_every_frame_in_order():
    inner = FakeSink()
    with DropOldest(inner, depth=50) as sink:
        for index in range(50):
            sink.write(frame(index))
        sink.finish()
    assert [each.index for each in inner.frames] == list(range(50))
    assert (sink.dropped, inner.finished, inner.closed) == (0, True, 1)
    assert sink.notes == []


def test_what_does_not_keep_up_gets_the_newest():
    inner = Gated()
    with DropOldest(inner, depth=2) as sink:
        sink.write(frame(0))
        assert inner.inside.wait(20)
        for index in range(1, 10):
            sink.write(frame(index))
        assert sink.dropped == 7
        inner.gate.set()
        sink.finish()
    assert [each.index for each in inner.frames] == [0, 8, 9]
    assert sink.notes == ["7 frames came too fast and were dropped"]


def test_an_error_reaches_whoever_writes_next():
    inner = FakeSink(error=SinkError("the cable"), at=0)
    with DropOldest(inner) as sink:
        with pytest.raises(SinkError, match="the cable"):
            write_until_it_raises(sink)
        with pytest.raises(SinkError, match="the cable"):
            sink.finish()
    assert inner.closed == 1


def write_until_it_raises(sink) -> None:
    for index in range(100_000):
        sink.write(frame(index))


def test_a_write_that_hangs_is_interrupted_after_patience():
    inner = Gated()
    interrupted = threading.Event()

    def interrupt() -> None:
        interrupted.set()
        inner.gate.set()

    with DropOldest(inner, interrupt=interrupt, patience=0.05) as sink:
        index = 0
        while not interrupted.wait(0.01):
            sink.write(frame(index))
            index += 1
    assert inner.frames


def test_close_interrupts_what_hangs_and_closes_the_inner_sink():
    inner = Gated()
    sink = DropOldest(inner, interrupt=inner.gate.set, grace=0.05)
    sink.write(frame(0))
    assert inner.inside.wait(20)
    sink.close()
    sink.close()
    assert inner.closed == 1
    with pytest.raises(SinkError, match="after the sink was finished or closed"):
        sink.write(frame(1))


def test_finish_says_where_it_cannot_wait():
    inner = Gated()
    with DropOldest(inner, interrupt=inner.gate.set, grace=0.05) as sink:
        sink.write(frame(0))
        with pytest.raises(SinkError, match="the last frame could not be written"):
            sink.finish()
    assert not inner.finished
    assert inner.closed == 1
