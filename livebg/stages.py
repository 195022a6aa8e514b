"""The protocols of the rooms that a frame goes through. Each stage is one verb.

    source -> segment -> compose -> sink

State is private to a stage; ``reset()`` forgets it (a cut, the next still). Whoever opens a source or a sink closes
it: both are context managers whose ``close()`` may be called twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

    from livebg.frame import Frame, Matte, StreamInfo


class Closing(Protocol):
    """``with`` for everything that holds a file, a thread or a device."""

    def close(self) -> None:
        """Give everything back, within two seconds, whatever happened before. A second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Source(Closing, Protocol):
    """Frames in order, each once. Iterated once."""

    @property
    def info(self) -> StreamInfo:
        """What is known of the stream before its first frame."""

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know of the reading so far: times mended, frames lost. One line each."""

    def __iter__(self) -> Iterator[Frame]:
        """Frames (H, W, 3) with pts that strictly increase.

        Raises:
            SourceError: What is read is damaged beyond what is reported in ``notes``.
        """


class SideStreams(Protocol):
    """Audio and subtitle packets that the source meets while it reads video, for the sink to take along.

    Written by the thread that reads and taken by the one that writes.
    """

    @property
    def streams(self) -> Sequence[Stream]:
        """The input streams, in the container's order."""

    def take(self) -> list[Packet[Stream]]:
        """Packets met since the last call, in the container's order.

        ``packet.stream`` is the input stream and ``packet.time_base`` its clock; times are shifted so that 0 is the
        beginning of the stream that ``Frame.pts`` counts from (negative where audio begins before).
        """


class Segmenter(Protocol):
    """A frame's matte from that frame alone."""

    def segment(self, frame: Frame) -> Matte:
        """The matte of one frame, of the frame's own size.

        Raises:
            DeviceError: The runtime failed (out of memory, device lost).
        """

    def reset(self) -> None:
        """Forget what earlier frames left."""


class Compositor(Protocol):
    """The subject on its new background."""

    def compose(self, frame: Frame, matte: Matte) -> Frame:
        """The frame that may be shown: (H, W, 3), or (H, W, 4) with straight alpha for a transparent background."""

    def reset(self) -> None:
        """Forget what earlier frames left."""


class Sink(Closing, Protocol):
    """Where finished frames go. What it writes bears its final name only after ``finish()``."""

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know of the writing so far: audio encoded anew, a subtitle dropped. One line each."""

    def write(self, frame: Frame) -> None:
        """Take one frame; frames come in order of pts.

        Raises:
            SinkError: It cannot be written (disk full, size changed).
        """

    def finish(self) -> None:
        """Write what is held back, check what was written, and give it its final name.

        ``close()`` without ``finish()`` keeps what there is, playable, under another name.

        Raises:
            SinkError: It cannot be completed, or is not what it should be.
        """
