"""What every live source has: a clock, an end that comes at once, and a word for why there is no picture just now."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from threading import Event, Lock
from typing import TYPE_CHECKING, NamedTuple

from livebg.frame import Frame
from livebg.stages import Closing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livebg.frame import Image, StreamInfo

# Seconds that close() waits for a read under way; what holds longer gives itself back when it returns.
PATIENCE = 0.5


class Shot(NamedTuple):
    """A picture (H, W, 3) RGB and when it was captured: seconds since the source's first one."""

    image: Image
    pts: Fraction
    duration: Fraction | None = None


class LiveSource(Closing, ABC):
    """A source that does not wait for its reader.

    ``Frame.pts`` is the moment of capture: seconds on the monotonic clock since the first frame's. ``captured`` gives
    it on ``time.monotonic``, so that ``monotonic() - source.captured(frame)`` is the frame's age. While no picture
    comes and some may come again, the iteration waits and ``lost`` says why.

    Frames are read by one thread; ``close()``, ``lost``, ``notes`` and ``captured`` may be used from others.
    """

    def __init__(self, info: StreamInfo) -> None:
        self._info = info
        self._closing = Event()
        self._ended = self._released = self._iterated = False
        self._started = 0.0
        self._reading = Lock()

    @property
    def info(self) -> StreamInfo:
        """What is known of the stream; ``live`` is set. All frames have its size."""
        return self._info

    @property
    @abstractmethod
    def notes(self) -> Sequence[str]:
        """What a user should know of the capture so far, one line each."""

    @property
    def lost(self) -> str | None:
        """Why no picture comes just now, in one line; ``None`` while they come."""
        return None

    def captured(self, frame: Frame) -> float:
        """When a frame of this source was captured, in seconds of ``time.monotonic``."""
        return self._started + float(frame.pts)

    def __iter__(self) -> Iterator[Frame]:
        """Frames as they are captured; once.

        Raises:
            SourceError: What is read is gone for good.
            ValueError: The source is closed, or was read before.
        """
        self._require_open()
        if self._iterated:
            raise ValueError(f"{self._info.name} was read already: open it again")
        self._iterated = True
        return self._iterate()

    def close(self) -> None:
        """Give the device back: at once between two reads, else within half a second."""
        self._closing.set()
        if self._reading.acquire(timeout=PATIENCE):
            try:
                self._release_once()
            finally:
                self._reading.release()

    def _iterate(self) -> Iterator[Frame]:
        index = 0
        while True:
            with self._reading:
                self._require_open()
                try:
                    shot = self._shoot()
                finally:
                    if self._closing.is_set():  # by another thread that did not wait for this read
                        self._release_once()
            self._require_open()
            if self._ended:
                return
            if shot is not None:
                yield Frame(shot.image, shot.pts, index, shot.duration)
                index += 1
                del shot  # it is the user's now

    @abstractmethod
    def _shoot(self) -> Shot | None:
        """The next picture; ``None`` to be asked again, which must not take much longer than a picture's time.

        Waits end when ``_closing`` is set. Sets ``_ended`` at the end.
        """

    @abstractmethod
    def _release(self) -> None:
        """Give back what is held; called once, and not while ``_shoot`` runs."""

    def _release_once(self) -> None:
        if not self._released:
            self._released = True
            self._release()

    def _require_open(self) -> None:
        if self._closing.is_set():
            raise ValueError(f"{self._info.name} is closed: open it again")
