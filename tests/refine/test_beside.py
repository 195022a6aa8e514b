"""Work beside the stream: late results, and every way of failing without anybody waiting."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from time import monotonic

import pytest

from livebg.refine.beside import Beside

LONG = 10  # seconds: what takes longer has hung


def until(condition: Callable[[], object], seconds: float = LONG) -> None:
    """Wait for another thread."""
    end, pause = monotonic() + seconds, Event()
    while not condition():
        assert monotonic() < end, "it did not happen"
        pause.wait(0.002)


def test_a_result_comes_when_it_is_ready_and_once():
    go = Event()

    def work(job: int) -> int:
        assert go.wait(LONG)
        return 2 * job

    with Beside(work) as beside:
        assert beside.ready
        assert beside.give(21)
        assert beside.take() is None
        assert not beside.ready
        assert not beside.give(1), "one at a time"
        go.set()
        until(lambda: beside.seconds)
        assert not beside.ready, "its result lies there, and would be taken for the next one's"
        assert not beside.give(1)
        assert beside.take() == 42
        assert beside.take() is None
        assert beside.give(4)
        results: list[int | None] = []
        until(lambda: results.append(beside.take()) or results[-1])
        assert results[-1] == 8
        assert beside.failure is None
        assert beside.seconds >= 0


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of memory.\nTried to"), MemoryError(), ValueError("no")])
def test_an_error_ends_it_and_is_one_line(error):
    def work(job: int) -> int:
        raise error

    with Beside(work) as beside:
        assert beside.give(1)
        until(lambda: beside.failure)
        assert beside.failure.startswith(type(error).__name__)
        assert "\n" not in beside.failure
        assert not beside.ready
        assert not beside.give(2)
        assert beside.take() is None


def test_what_hangs_is_given_up_and_its_late_result_ignored():
    go, done = Event(), Event()

    def work(job: int) -> int:
        assert go.wait(LONG)
        done.set()
        return job

    with Beside(work, patience=0.05) as beside:
        assert beside.give(1)
        until(lambda: not beside.ready and beside.failure)
        assert beside.failure == "no answer within 0.05 s"
        go.set()
        assert done.wait(LONG)
        assert not beside.give(2)
        assert beside.take() is None


def test_close_does_not_wait_for_what_hangs():
    go = Event()
    beside = Beside(lambda job: go.wait(LONG))
    assert beside.give(1)
    started = monotonic()
    beside.close()
    beside.close()
    assert monotonic() - started < 3
    assert not beside.give(2)
    assert beside.take() is None
    go.set()


def test_closing_what_never_began():
    beside = Beside(lambda job: job)
    beside.close()
    assert not beside.ready
