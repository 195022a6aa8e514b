from __future__ import annotations

import gc
import os
import threading
import weakref
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from livebg.errors import SourceError
from livebg.frame import Frame, StreamInfo
from livebg.sources import ReadAhead
from livebg.sources.video import VideoSource
from livebg.stages import Closing
from tests.fakes import FakeSource, gradient
from tests.media import write_clip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Stuck(Closing):
    """Gives one frame, then waits: until closed, or for ever where ``deaf``."""

    notes = ()

    def __init__(self, *, deaf: bool = False) -> None:
        self.info = StreamInfo("stuck", 4, 4)
        self.waiting = Event()
        self.released = Event()
        self.closed = 0
        self._deaf = deaf

    def __iter__(self) -> Iterator[Frame]:
        yield Frame(gradient(4, 4))
        self.waiting.set()
        self.released.wait()

    def close(self) -> None:
        self.closed += 1
        if not self._deaf:
            self.released.set()


class Counted(FakeSource):
    """Counts how many of its pictures are alive."""

    def __init__(self, count: int, *, live: bool = False) -> None:
        super().__init__([gradient()] * count, live=live)
        self.made = 0
        self.alive = self.most = 0
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            image = frame.image.copy()
            with self._lock:
                self.made += 1
                self.alive += 1
                self.most = max(self.most, self.alive)
            weakref.finalize(image, self._gone)
            yield frame.with_image(image)
            del frame, image

    def _gone(self) -> None:
        with self._lock:
            self.alive -= 1


def reading_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("read ")]


def test_a_file_loses_nothing_and_holds_little() -> None:
    source = Counted(60)
    with ReadAhead(source, depth=3) as ahead:
        seen = [frame.index for frame in ahead]
    gc.collect()
    assert seen == list(range(60))
    assert ahead.dropped == 0
    # 3 wait, 1 is held by the thread before the queue, 1 behind the source, 1 by whoever iterates.
    assert source.most <= 6
    assert source.alive == 0


def test_a_live_source_gives_the_newest_and_counts_the_rest() -> None:
    source = Counted(50, live=True)
    with ReadAhead(source) as ahead:
        frames = iter(ahead)
        assert ahead._thread is not None
        ahead._thread.join(10)  # all were read while nobody took one
        assert [frame.index for frame in frames] == [49]
        assert ahead.dropped == 49
        assert any("49" in note for note in ahead.notes)


def test_the_thread_is_named_and_gone_after_the_end() -> None:
    with ReadAhead(FakeSource([gradient()] * 3)) as ahead:
        frames = iter(ahead)
        next(frames)
        assert ahead._thread is not None
        assert ahead._thread.name == "read fake"
        list(frames)
    assert reading_threads() == []


def test_close_while_the_queue_is_full() -> None:
    source = FakeSource([gradient()] * 100)
    ahead = ReadAhead(source, depth=2)
    next(iter(ahead))
    ahead.close()
    assert reading_threads() == []
    assert source.closed == 1


def test_close_while_the_source_waits() -> None:
    source = Stuck()
    with ReadAhead(source) as ahead:
        next(iter(ahead))
        assert source.waiting.wait(5)
    assert reading_threads() == []
    assert source.closed >= 1


def test_close_returns_although_the_source_hangs_for_good() -> None:
    source = Stuck(deaf=True)
    ahead = ReadAhead(source)
    next(iter(ahead))
    assert source.waiting.wait(5)
    started = monotonic()
    ahead.close()
    assert monotonic() - started < 2  # the bound that the protocol promises
    assert source.closed == 1
    assert ahead._thread is not None
    source.released.set()
    ahead._thread.join(5)
    assert not ahead._thread.is_alive()


def test_close_from_another_thread_wakes_who_waits_for_a_frame() -> None:
    source = Stuck()
    ahead = ReadAhead(source)
    failures: list[BaseException] = []

    def use() -> None:
        try:
            list(ahead)
        except ValueError as error:
            failures.append(error)

    user = threading.Thread(target=use)
    user.start()
    assert source.waiting.wait(5)
    ahead.close()
    user.join(5)
    assert not user.is_alive()
    assert "closed" in str(failures[0])


def test_close_while_a_pipe_has_nothing_to_say(tmp_path: Path) -> None:
    data = write_clip(tmp_path / "clip.mkv", frames=60, options={"g": "5"}).read_bytes()
    reader, writer = os.pipe()
    feeder = threading.Thread(target=os.write, args=(writer, data[: len(data) * 3 // 4]))
    feeder.start()
    ahead = ReadAhead(VideoSource(reader), depth=100)
    next(iter(ahead))
    feeder.join(5)
    started = monotonic()
    ahead.close()  # the rest never comes
    assert monotonic() - started < 2
    assert reading_threads() == []
    os.close(reader)
    os.close(writer)


def test_an_error_of_any_kind_arrives() -> None:
    with ReadAhead(FakeSource([gradient()] * 3, error=MemoryError("full"), at=1)) as ahead:
        frames = iter(ahead)
        next(frames)
        with pytest.raises(MemoryError, match="full"):
            next(frames)


def test_an_error_that_nobody_fetches_hinders_nothing() -> None:
    with ReadAhead(FakeSource([gradient()] * 3, error=SourceError("late"), at=2)) as ahead:
        next(iter(ahead))
    assert reading_threads() == []


def test_ctrl_c_in_the_loop_ends_the_thread() -> None:
    source = FakeSource([gradient()] * 100)

    def use() -> None:
        with ReadAhead(source) as ahead:
            for _ in ahead:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        use()
    assert reading_threads() == []
    assert source.closed == 1


def test_depth_is_checked() -> None:
    with pytest.raises(ValueError, match="1 or more, got 0"):
        ReadAhead(FakeSource([gradient()]), depth=0)
