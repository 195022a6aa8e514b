"""A thread that writes live frames: what cannot keep up loses the oldest, and never holds the call.

``WriteBehind`` is the lossless form, for files.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from livebg.errors import SinkError
from livebg.sinks.write_behind import WriteBehind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livebg.frame import Frame
    from livebg.stages import Sink


class DropOldest(WriteBehind):
    """A sink that takes every frame at once and hands on those that its thread has time for.

    Args:
        sink: Written by the thread; closed here, always.
        depth: How many frames wait at most; 1 is newest wins.
        interrupt: Makes a ``sink.write`` that hangs return or raise; called from another thread.
        patience: Seconds without a frame taken after which a write hangs.
        grace: Seconds that ``finish`` and ``close`` wait for frames that are being written.

    Attributes:
        dropped: Frames that were never handed on.
    """

    def __init__(
        self,
        sink: Sink,
        depth: int = 1,
        *,
        interrupt: Callable[[], None] | None = None,
        patience: float = 3.0,
        grace: float = 0.3,
    ) -> None:
        self.dropped = 0
        self._interrupt, self._patience, self._grace = interrupt, patience, grace
        self._full_since: float | None = None
        super().__init__(sink, depth)

    @property
    def notes(self) -> Sequence[str]:
        """The inner sink's notes, and how many frames were dropped."""
        lost = [f"{self.dropped} frames came too fast and were dropped"] if self.dropped else []
        return [*super().notes, *lost]

    def write(self, frame: Frame) -> None:
        """Put one frame in the queue, in place of the oldest where it is full. Never waits.

        Raises:
            SinkError: It is finished or closed already.
            Exception: Whatever the inner sink raised at an earlier frame.
        """
        hangs = False
        with self._changed:
            self._raise_error()
            if self._stopped:
                raise SinkError(f"frame {frame.index} came after the sink was finished or closed")
            if len(self._waiting) < self._depth:
                self._full_since = None
            else:
                self._waiting.popleft()
                self.dropped += 1
                hangs = self._hangs()
            self._waiting.append(frame)
            self._changed.notify_all()
        if hangs and self._interrupt is not None:
            self._interrupt()

    def finish(self) -> None:
        """Write what waits, as far as ``grace`` allows, drop the rest, and finish the inner sink.

        Raises:
            SinkError: It is finished or closed already, or the frame that is being written hangs.
            Exception: Whatever the inner sink raised at an earlier frame, or raises now.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: not (self._waiting or self._busy) or self._error is not None or self._stopped, self._grace
            )
            self.dropped += len(self._waiting)
            self._waiting.clear()
            if not self._changed.wait_for(lambda: not self._busy, self._grace):
                raise SinkError("the last frame could not be written: what takes it hangs")
        super().finish()

    def close(self) -> None:
        """Drop what waits, interrupt what hangs, end the thread and close the inner sink."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join(self._grace)
        if self._thread.is_alive() and self._interrupt is not None:
            self._interrupt()
        super().close()

    def _hangs(self) -> bool:
        """Whether nothing was taken for too long; then it is asked again only after as long a time."""
        now = monotonic()
        if self._full_since is None:
            self._full_since = now
        if now - self._full_since <= self._patience:
            return False
        self._full_since = now
        return True
