"""The protocols of the rooms that a frame goes through. Each stage is one verb.

    source -> segment -> smooth -> refine -> compose -> sink

Why smoothing comes before refinement: what flickers is the network's opinion, and it is as fine as the network's
input. Smoothing and carrying there cost a tenth of what they would cost at 1080p; refinement then finds the picture's
own edges once, in the frame that is shown.

State is private to a stage; ``reset()`` forgets it (a cut, the next still). Whoever opens a source or a sink closes
it: both are context managers whose ``close()`` may be called twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

    from livebg.frame import Frame, Matte, StreamInfo
    from livebg.motion import Motion


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


class Around(Closing):
    """A source around another, which it owns: what it does not say or do itself is the inner one's."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def info(self) -> StreamInfo:
        """The inner source's."""
        return self._source.info

    @property
    def notes(self) -> Sequence[str]:
        """The inner source's."""
        return self._source.notes

    def close(self) -> None:
        """Close the inner source."""
        self._source.close()


class SideStreams(Protocol):
    """Audio and subtitle packets that the source meets while it reads video, for the sink to take along.

    Written by the thread that reads and taken by the one that writes.
    """

    @property
    def streams(self) -> Sequence[Stream]:
        """The input streams, in the container's order."""

    @property
    def strict(self) -> str | None:
        """The input's name, where damage in it is an error; ``None`` where it is a note."""

    def take(self) -> list[Packet[Stream]]:
        """Packets met since the last call, in the container's order.

        ``packet.stream`` is the input stream and ``packet.time_base`` its clock; times are shifted so that 0 is the
        beginning of the stream that ``Frame.pts`` counts from (negative where audio begins before). ``packet.stream``
        ends with the source; ``packet.stream_index`` stays.
        """


class Segmenter(Protocol):
    """A frame's matte from that frame alone."""

    def segment(self, frame: Frame) -> Matte:
        """The matte of one frame, of the frame's own size, or coarse (of the network's) where a refiner follows.

        Raises:
            DeviceError: The runtime failed (out of memory, device lost).
        """

    def reset(self) -> None:
        """Forget what earlier frames left."""


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A frame on its way to its final matte.

    Attributes:
        frame: The picture.
        matte: Its matte so far; coarse mattes are smaller than the frame and span all of it.
        motion: How the frame came out of the one before it in the stream; ``None`` for the first one.
        fresh: Segmented from this very frame, and not carried from an earlier one.
    """

    frame: Frame
    matte: Matte
    motion: Motion | None = None
    fresh: bool = True


class Tracker(Protocol):
    """Motion from frame to frame."""

    def follow(self, frame: Frame) -> Motion | None:
        """How this frame came out of the last one given; ``None`` where there was none since ``reset()``."""

    def reset(self) -> None:
        """Forget the last frame."""


class Cadence(Protocol):
    """Segments a frame, or carries the last matte to it."""

    def draft(self, frame: Frame, motion: Motion | None) -> Draft:
        """The frame with a coarse matte.

        Raises:
            DeviceError: The segmenter's runtime failed.
        """

    def reset(self) -> None:
        """Forget what earlier frames left."""


class Smoother(Protocol):
    """Steadies mattes over time. May hold frames back to look ahead."""

    def smooth(self, draft: Draft) -> Sequence[Draft]:
        """Take one frame and give those that are ready, oldest first: usually this one; none while looking ahead."""

    def flush(self) -> Sequence[Draft]:
        """The frames held back, at the end of the stream or before a frame that has nothing to do with them."""

    def reset(self) -> None:
        """Forget what earlier frames left; call ``flush()`` first to lose none."""


class Refiner(Protocol):
    """Brings a matte to the frame's size and to the picture's edges."""

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know of the refining so far: keyframes, what was accepted. One line each."""

    def refine(self, draft: Draft) -> Matte:
        """The final matte, of the frame's own size.

        Raises:
            DeviceError: The runtime failed.
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
