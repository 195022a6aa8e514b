"""Segmentation that runs ahead of everything behind it, several frames of a file at once.

Why: a frame of a file waits for no other. Two frames that have a core each need less time than one after the other on
two cores, whose halves of each layer wait for each other: 5 to 20 % less on two cores. And while the frames before them
are smoothed, composed and encoded, the cores have no gaps.

What goes in is a source and a segmenter, and what comes out is both, so that the pipeline stays a loop. A live stream
has no frames ahead and does not come here.

Why daemon threads: a pool of ``concurrent.futures`` is waited for when the program ends, however long a frame takes.
But a network's library that comes back to an interpreter that is gone aborts the program. So lanes that are still open
when it ends are ended then, and the frames under way waited for, ten seconds at most. A program that cannot wait leaves
by ``os._exit``, as the command does; ``lanes_at_work`` tells.
"""

from __future__ import annotations

import atexit
from collections import deque
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from threading import enumerate as enumerate_threads
from time import monotonic
from typing import TYPE_CHECKING
from weakref import WeakSet

from livebg.stages import Around

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livebg.frame import Frame, Matte
    from livebg.stages import Segmenter, Source

_SPARE = 1  # frames that wait for a lane, so that none stands still while the frame before is composed
_PATIENCE = 0.5  # seconds that close() waits for frames under way
_LAST_PATIENCE = 10  # seconds that the end of the program does

_NAME = "segment "

_Task = tuple["Frame", "Future[Matte]"]


def lanes_at_work() -> bool:
    """Whether a frame of something closed is still in the network."""
    return any(thread.name.startswith(_NAME) for thread in enumerate_threads())


class SegmentAhead(Around):
    """The frames of a source, segmented by the time that somebody asks for their mattes.

    Each frame that is given out has to be segmented before the next one is taken. An error of the segmenter is raised
    where that frame's matte is asked for; one of the source behind the frames that were read before it.
    """

    def __init__(self, source: Source, segmenter: Segmenter, lanes: int) -> None:
        """Own ``source``: ``close()`` closes it.

        Args:
            source: Not iterated yet, and not live.
            segmenter: May be called by ``lanes`` threads at once.
            lanes: Frames that are segmented at once, 1 or more. So many more wait in memory, and one.
        """
        super().__init__(source)
        self._segmenter = segmenter
        self._under_way = lanes + _SPARE
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._mattes: deque[_Task] = deque()
        self._closed = False
        self._lanes = [Thread(target=self._work, name=f"{_NAME}{lane}", daemon=True) for lane in range(lanes)]

    def __iter__(self) -> Iterator[Frame]:
        """The source's frames; once.

        Raises:
            ValueError: The source is closed, or was iterated before; the matte of a frame was not asked for.
        """
        frames = iter(self._source)
        read: deque[Frame] = deque()
        failure: Exception | None = None
        more = True
        while more or read:
            if len(self._mattes) > len(read):
                raise ValueError("a frame's matte was not asked for: whoever takes frames from here segments them here")
            while more and len(read) <= self._under_way:
                try:
                    frame = next(frames, None)
                except Exception as error:  # noqa: BLE001  # raised below, behind the frames that came before it
                    frame, failure = None, error
                if frame is None:
                    more = False
                    break
                if self._lanes[0].ident is None:
                    self._start()
                task: _Task = (frame, Future())
                self._mattes.append(task)
                self._tasks.put(task)
                read.append(frame)
            if read:
                yield read.popleft()
            if self._closed:
                raise ValueError(f"{self.info.name} is closed: open it again")
        if failure is not None:
            raise failure

    def segment(self, frame: Frame) -> Matte:
        """The matte of the frame that was given out last; waits for it.

        Raises:
            ValueError: It is not that frame.
            LivebgError: What the segmenter raised.
        """
        if not self._mattes or self._mattes[0][0] is not frame:
            raise ValueError(f"frame {frame.index} is not the next one: segment each frame that is given out, in order")
        return self._mattes.popleft()[1].result()

    def reset(self) -> None:
        """The segmenter keeps nothing between frames."""

    def close(self) -> None:
        """Start no more frames, wait for those under way, and close the source: within two seconds.

        A frame that takes longer ends by itself, in a thread that nobody waits for, and goes nowhere.
        """
        self._stop()
        self._join(monotonic() + _PATIENCE)
        super().close()

    def _start(self) -> None:
        _begun.add(self)
        atexit.unregister(_end_lanes)
        atexit.register(_end_lanes)  # before those of the network's libraries: the last comes first
        for lane in self._lanes:
            lane.start()

    def _stop(self) -> None:
        self._closed = True
        for _, matte in self._mattes:
            matte.cancel()
        self._mattes.clear()
        for _ in self._lanes:
            self._tasks.put(None)

    def _join(self, until: float) -> None:
        for lane in self._lanes:
            if lane.ident is not None:  # begun
                lane.join(max(0.0, until - monotonic()))

    def _work(self) -> None:
        """A lane's thread."""
        while (task := self._tasks.get()) is not None:
            frame, matte = task
            if not matte.set_running_or_notify_cancel():
                continue
            try:
                matte.set_result(self._segmenter.segment(frame))
            except BaseException as error:  # noqa: BLE001  # raised to whoever asks for the matte
                matte.set_exception(error)
            del task, frame, matte  # a lane that waits holds no picture


_begun: WeakSet[SegmentAhead] = WeakSet()  # a lane that lives keeps its own from going


def _end_lanes() -> None:
    """Called when the program ends; closes no source, which is its opener's."""
    until = monotonic() + _LAST_PATIENCE
    left = list(_begun)
    for each in left:
        each._stop()
    for each in left:
        each._join(until)
