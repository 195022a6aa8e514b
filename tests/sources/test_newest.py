from __future__ import annotations

import threading
from fractions import Fraction
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from livebg.errors import SourceError
from livebg.frame import StreamInfo
from livebg.sources import Newest
from livebg.sources.live import LiveSource, Shot
from tests.fakes import FakeSource, gradient

if TYPE_CHECKING:
    from collections.abc import Sequence


class Stepped(LiveSource):
    """A live source that gives a frame whenever it is told to."""

    notes: Sequence[str] = ("a note",)

    def __init__(self, *, deaf: bool = False, error: Exception | None = None) -> None:
        super().__init__(StreamInfo("stepped", 64, 48, live=True))
        self.given = 0
        self.released = 0
        self.wanted = 0
        self.changed = threading.Condition()
        self.free = Event()
        self._deaf, self._error = deaf, error

    def give(self, count: int = 1) -> None:
        """Let it capture, and wait until it has."""
        with self.changed:
            self.wanted += count
            self.changed.notify_all()

    def _shoot(self) -> Shot | None:
        if self._deaf:
            self.free.wait()
        with self.changed:
            if self.given == self.wanted and not self.changed.wait_for(lambda: self.given < self.wanted, 0.05):
                return None
            if self._error is not None:
                raise self._error
            self.given += 1
        return Shot(gradient(seed=self.given), Fraction(self.given, 30))

    def _release(self) -> None:
        self.released += 1


def until(condition, seconds: float = 5.0) -> None:
    deadline = monotonic() + seconds
    pause = Event()
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        pause.wait(0.005)


def test_only_the_newest_waits_and_the_others_are_counted() -> None:
    source = Stepped()
    with Newest(source) as newest:
        assert newest.take(0) is None  # its thread has begun
        source.give(5)
        until(lambda: newest._frames and newest._frames[0].index == 4)
        frame = newest.take(1)
        assert frame is not None
        assert (frame.index, newest.drops) == (4, 4)
        assert newest.captured(frame) == pytest.approx(float(frame.pts))
        assert next(iter(newest.notes)) == "a note"
    assert source.released == 1


def test_take_waits_no_longer_than_told() -> None:
    with Newest(Stepped()) as newest:
        assert newest.take(0.05) is None
        assert not newest.ended


def test_take_is_woken_by_a_frame() -> None:
    source = Stepped()
    with Newest(source) as newest:
        threading.Timer(0.05, source.give).start()
        frame = newest.take(10)
        assert frame is not None
        assert frame.index == 0


def test_an_error_in_the_thread_is_raised_to_whoever_asks_next() -> None:
    source = Stepped(error=SourceError("the cable is out"))
    with Newest(source) as newest:
        source.give()
        for _ in range(2):
            with pytest.raises(SourceError, match="cable"):
                newest.take(5)
    assert source.released == 1


def test_close_wakes_who_waits() -> None:
    newest = Newest(Stepped())
    failures: list[BaseException] = []

    def use() -> None:
        try:
            newest.take(30)
        except ValueError as error:
            failures.append(error)

    user = threading.Thread(target=use)
    user.start()
    until(lambda: newest._thread is not None)
    newest.close()
    user.join(5)
    assert not user.is_alive()
    assert "closed" in str(failures[0])


def test_close_returns_in_time_although_the_source_hangs_and_the_device_is_given_back_when_it_returns() -> None:
    source = Stepped(deaf=True)
    newest = Newest(source)
    assert newest.take(0.01) is None
    started = monotonic()
    newest.close()
    assert monotonic() - started < 2.5  # two seconds, and what a busy machine adds
    assert source.released == 0
    source.free.set()
    until(lambda: source.released == 1)
    assert newest._thread is not None
    newest._thread.join(5)
    assert not newest._thread.is_alive()


def test_what_is_not_live_is_refused() -> None:
    with pytest.raises(ValueError, match="not live"):
        Newest(FakeSource([gradient()]))
