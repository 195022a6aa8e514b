from __future__ import annotations

from threading import Event

import pytest

from livebg.errors import SinkError, StageError
from livebg.frame import Frame
from livebg.sinks.drop_oldest import DropOldest
from livebg.sinks.tee import Tee
from tests.fakes import FakeSink, gradient


def frames(count: int) -> list[Frame]:
    return [Frame(gradient(), index=index) for index in range(count)]


def test_all_get_the_same_frame():
    main, first, second = FakeSink(), FakeSink(), FakeSink()
    main.notes, second.notes = ["a word"], ["another"]
    with Tee(main, first, second) as tee:
        for frame in frames(3):
            tee.write(frame)
        tee.finish()
    for sink in (main, first, second):
        assert [frame.index for frame in sink.frames] == [0, 1, 2]
        assert sink.frames[1].image is main.frames[1].image
        assert sink.finished
        assert sink.closed == 1
    assert tee.notes == ["a word", "another"]


def test_one_beside_the_main_that_fails_is_closed_and_told_once():
    main, bad, good, told = FakeSink(), FakeSink(error=SinkError("disk full"), at=1), FakeSink(), []
    with Tee(main, bad, good, tell=told.append) as tee:
        for frame in frames(4):
            tee.write(frame)
        assert tee.others == (good,)
        tee.finish()
    assert len(main.frames) == len(good.frames) == 4
    assert not bad.finished
    assert bad.closed == 1
    assert told == ["disk full; it was given up, the rest goes on"]
    assert tee.notes == told


def test_the_main_ones_error_is_raised_and_all_are_closed():
    main, other = FakeSink(error=SinkError("the camera is gone"), at=1), FakeSink()
    tee = Tee(main, other)
    first, second = frames(2)
    tee.write(first)
    with pytest.raises(SinkError, match="the camera is gone"):
        tee.write(second)
    assert len(other.frames) == 1
    tee.close()
    assert (main.closed, other.closed) == (1, 1)


def test_the_main_ones_error_is_raised_whatever_it_is():
    with Tee(FakeSink(error=StageError("our bug"), at=0)) as tee, pytest.raises(StageError):
        tee.write(frames(1)[0])


@pytest.mark.parametrize("behind", [False, True], ids=["straight", "behind"])
@pytest.mark.parametrize("error", [MemoryError(), StageError("our bug"), OSError(28, "No space left on device")])
def test_one_beside_the_main_is_given_up_whatever_it_raises(error, behind):
    main, inner, told = FakeSink(), FakeSink(error=error, at=0), []
    with Tee(main, DropOldest(inner) if behind else inner, tell=told.append) as tee:
        (frame,) = frames(1)
        written = 0
        while not told:
            tee.write(frame)
            written += 1
        tee.write(frame)
        assert tee.others == ()
        tee.finish()
    assert len(main.frames) == written + 1
    assert main.finished
    assert inner.closed == 1
    name = "our bug" if isinstance(error, StageError) else type(error).__name__
    assert told[0].startswith(name)
    assert tee.notes[-1:] == told


class Broken(FakeSink):
    """Can be neither finished nor closed."""

    def finish(self) -> None:
        raise MemoryError

    def close(self) -> None:
        raise OSError("the socket")


def test_one_beside_the_main_ends_as_it_likes():
    main, last, told = FakeSink(), FakeSink(), []
    with Tee(main, Broken(), last, tell=told.append) as tee:
        tee.finish()
    assert main.finished
    assert last.finished
    assert told == ["MemoryError; it was given up, the rest goes on"]
    assert tee.notes == [*told, "OSError: the socket"]


class Unfinished(FakeSink):
    def finish(self) -> None:
        raise SinkError("it cannot be completed")


def test_one_that_cannot_be_finished_is_told_and_the_others_are_finished():
    main, bad, good, told = FakeSink(), Unfinished(), FakeSink(), []
    with Tee(main, bad, good, tell=told.append) as tee:
        tee.finish()
    assert main.finished
    assert good.finished
    assert bad.closed == 1
    assert told == ["it cannot be completed; it was given up, the rest goes on"]


def test_the_main_one_that_cannot_be_finished_is_raised_once_the_others_are():
    other = FakeSink()
    with Tee(Unfinished(), other) as tee, pytest.raises(SinkError, match="it cannot be completed"):
        tee.finish()
    assert other.finished


class Unclosed(FakeSink):
    def close(self) -> None:
        super().close()
        raise SinkError("it cannot be closed")


def test_all_are_closed_whatever_one_of_them_raises():
    main, other, last = FakeSink(), Unclosed(), FakeSink()
    with pytest.raises(SinkError, match="it cannot be closed"):
        Tee(main, other, last).close()
    assert (main.closed, other.closed, last.closed) == (1, 1, 1)


def test_one_that_fails_and_cannot_be_closed_either_stops_nobody():
    main = FakeSink()
    with Tee(main, Unclosed(error=SinkError("disk full"), at=0)) as tee:
        tee.write(frames(1)[0])
    assert "it cannot be closed" in tee.notes
    assert len(main.frames) == 1


def test_what_is_given_up_is_closed_without_the_call_waiting_for_it():
    closing, go = Event(), Event()

    class Slow(FakeSink):
        def close(self) -> None:
            closing.set()
            assert go.wait(10)
            super().close()

    main, slow = FakeSink(), Slow(error=SinkError("disk full"), at=0)
    first, second = frames(2)
    with Tee(main, slow) as tee:
        tee.write(first)
        assert closing.wait(10)
        tee.write(second)
        assert len(main.frames) == 2
        assert slow.closed == 0
        go.set()
    assert slow.closed == 1
