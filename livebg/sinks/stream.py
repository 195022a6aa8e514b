"""A live stream: RTMP, SRT, MPEG-TS over UDP.

The encoder runs in a process of its own (``stream_encoder``), which is killed where the network hangs and started
again where it was lost; meanwhile frames are dropped, never the call held up.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from livebg.errors import SinkError, UsageError
from livebg.sinks.child import Child, start_own
from livebg.sinks.child_sink import ChildSink
from livebg.sinks.drop_oldest import DropOldest
from livebg.sinks.i420 import require_rgb

if TYPE_CHECKING:
    from fractions import Fraction

    from livebg.frame import Frame

SCHEMES = ("rtmp", "rtmps", "srt", "udp")
_QUEUE = 4
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


class StreamSink(ChildSink):
    """Feeds the encoder's process; ``write`` blocks until it has the frame (``open_stream`` puts a thread before).

    Args:
        url: Where to: rtmp://, rtmps://, srt:// or udp://.
        width: Pixels; an odd last column is repeated.
        height: Pixels; an odd last row is repeated.
        fps: Declared frames a second.
        kilobits: Bits a second at most, in thousands.

    Raises:
        UsageError: The address is of another kind.
        SinkError: Nobody answers there.
    """

    def __init__(self, url: str, width: int, height: int, fps: Fraction, *, kilobits: int = 3000) -> None:
        check_stream(url)
        # A stream key is part of the path: what is said of the address ends before it.
        parts = urlsplit(url)
        super().__init__(f"the stream to {parts.scheme}://{parts.hostname}")
        self._size = (width, height)
        self._told = {
            "url": url,
            "width": width,
            "height": height,
            "fps": str(fps),
            "kilobits": kilobits,
            "silence": parts.scheme.startswith("rtmp"),  # services refuse a stream without sound
        }
        self._lost: str | None = None
        self._losses = 0
        self._pause, self._again = _FIRST_PAUSE, 0.0
        self._child = self._start()

    @property
    def notes(self) -> Sequence[str]:
        """How often the connection was lost, and why."""
        return [f"{self._name} was lost {self._losses} times: {self._lost}"] if self._lost is not None else []

    def write(self, frame: Frame) -> None:
        """Send one frame, RGB (H, W, 3) of the size declared; nothing while the connection is lost.

        Raises:
            SinkError: The size changed, or it is finished or closed.
        """
        self._require_open(frame)
        require_rgb(frame, self._size, self._name)
        try:
            if self._child is None:
                if monotonic() < self._again:
                    return
                self._child = self._start()
            self._child.send_frame(frame)
            self._pause = _FIRST_PAUSE
        except SinkError as error:
            self._lose(error)

    def _start(self) -> Child:
        return start_own(self._name, "livebg.sinks.stream_encoder", self._told)

    def _lose(self, error: SinkError) -> None:
        child = self._let_go()
        if child is not None:
            self._losses += 1
        self._lost = "it hung" if child is not None and child.interrupted else str(error)
        self._again = monotonic() + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)


def check_stream(url: str) -> None:
    """Refuse an address that cannot be streamed to.

    Raises:
        UsageError: It is of another kind, or names no host.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        kinds = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise UsageError(f"{url}: cannot stream there; give an address with a host that begins with one of {kinds}")


def open_stream(url: str, width: int, height: int, fps: Fraction, *, kilobits: int = 3000) -> DropOldest:
    """A stream whose ``write`` never waits; the oldest frames are dropped. As ``StreamSink``."""
    stream = StreamSink(url, width, height, fps, kilobits=kilobits)
    return DropOldest(stream, depth=_QUEUE, interrupt=stream.interrupt)
