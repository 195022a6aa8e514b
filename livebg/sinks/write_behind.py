"""A thread that writes while the next frame is segmented.

Why finishing happens in the caller's thread: flushing an encoder takes seconds, and Ctrl-C reaches the main thread
only. There it ends the flush between two packets, and ``close()`` finds the inner sink at rest.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from livebg.errors import SinkError
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.frame import Frame
    from livebg.stages import Sink

# How long close() waits for the frame that is being written; the rest of the two seconds belongs to the inner close().
_CLOSE_SECONDS = 1.0


class WriteBehind(Closing):
    """A sink that takes frames at once and hands them to another in a thread of its own.

    Args:
        sink: Written by the thread, finished by the caller's; closed here, always.
        depth: How many frames wait at most; ``write`` blocks beyond.
    """

    def __init__(self, sink: Sink, depth: int = 4) -> None:
        if depth < 1:
            raise ValueError(f"depth must be at least 1, got {depth}")
        self._sink, self._depth = sink, depth
        self._waiting: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._busy = False
        self._stopped = False
        self._closed = False
        self._orphaned = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="livebg-write", daemon=True)
        self._thread.start()

    @property
    def notes(self) -> Sequence[str]:
        """The inner sink's notes."""
        return self._sink.notes

    def write(self, frame: Frame) -> None:
        """Put one frame in the queue; wait while the queue is full.

        Raises:
            SinkError: It is finished or closed already.
            Exception: Whatever the inner sink raised at an earlier frame.
        """
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < self._depth or self._stopped or self._error is not None)
            self._raise_error()
            if self._stopped:
                raise SinkError(f"frame {frame.index} came after the sink was finished or closed")
            self._waiting.append(frame)
            self._changed.notify_all()

    def finish(self) -> None:
        """Wait until all is written, then finish the inner sink here.

        Raises:
            SinkError: It is finished or closed already.
            Exception: Whatever the inner sink raised at an earlier frame, or raises now.
        """
        with self._changed:
            if self._stopped:
                raise SinkError("the sink is finished or closed already")
            self._changed.wait_for(lambda: not (self._waiting or self._busy) or self._error is not None)
            self._raise_error()
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()
        self._sink.finish()

    def close(self) -> None:
        """Drop what waits, end the thread and close the inner sink.

        A frame that takes longer than a second to write is left to the thread, which then closes the inner sink itself:
        two threads must not be inside one encoder.
        """
        with self._changed:
            if self._closed:
                return
            self._closed = self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join(_CLOSE_SECONDS)
        with self._changed:
            self._orphaned = self._busy
        if not self._orphaned:
            self._sink.close()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._stopped)
                if not self._waiting:
                    return
                frame = self._waiting.popleft()
                self._busy = True
                self._changed.notify_all()
            error: BaseException | None = None
            try:
                self._sink.write(frame)
            except BaseException as raised:  # noqa: BLE001 - carried to the caller's thread
                error = raised
            with self._changed:
                self._busy = False
                self._error = error
                self._changed.notify_all()
                orphaned = self._orphaned
            if orphaned:
                self._sink.close()
            if orphaned or error is not None:
                return
