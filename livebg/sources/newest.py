"""The newest frame of a live source, and never an older one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livebg.sources.read_ahead import ReadAhead

if TYPE_CHECKING:
    from livebg.frame import Frame
    from livebg.sources.live import LiveSource


class Newest(ReadAhead):
    """A live source read by a thread of its own, with room for one frame: a newer one takes the place of the last.

    Itself a source, whose iteration waits for frames; or it is asked by ``take``, which waits no longer than it is
    told. Use one of the two. An error in the thread is raised to whoever asks next; ``close()`` stops and joins the
    thread within two seconds.
    """

    def __init__(self, source: LiveSource) -> None:
        """Own ``source``, which is not iterated yet: ``close()`` closes it."""
        if not source.info.live:
            raise ValueError(f"{source.info.name} is not live: nothing of it may be dropped")
        super().__init__(source, depth=1)
        self._live_source = source

    @property
    def drops(self) -> int:
        """Frames that nobody took before a newer one came."""
        return self.dropped

    @property
    def lost(self) -> str | None:
        """Why no picture comes just now, in one line; ``None`` while they come."""
        return self._live_source.lost

    @property
    def ended(self) -> bool:
        """Whether the source has come to its end and nothing waits."""
        with self._changed:
            return self._ended and not self._frames

    def captured(self, frame: Frame) -> float:
        """When a frame was captured, in seconds of ``time.monotonic``."""
        return self._live_source.captured(frame)

    def take(self, timeout: float) -> Frame | None:
        """The newest frame that was not taken yet.

        Args:
            timeout: Seconds to wait for it where there is none.

        Returns:
            ``None`` where none came in time, and at the end of the source (``ended``).

        Raises:
            SourceError: The source is gone for good.
            ValueError: It is closed.
        """
        if self._thread is None:
            iter(self)
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._ended or self._stop, timeout)
            self._require_open()
            if self._frames:
                frame = self._frames.popleft()
                self._changed.notify_all()
                return frame
            if self._error is not None:
                raise self._error
        return None
