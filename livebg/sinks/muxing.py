"""Tags, chapters and packets into a container, and in words which packet it refuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet

    from livebg.frame import StreamInfo
    from livebg.sinks.room import Room

_MICROSECOND = Fraction(1, 1_000_000)
# What belongs to the container that was read, not to the work.
_CONTAINER_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration"}


def describe(container: OutputContainer, info: StreamInfo) -> dict[str, str]:
    """Give a container that has not begun a stream's tags and chapters; the tags it was given."""
    tags = {key: value for key, value in info.metadata.items() if key.lower() not in _CONTAINER_TAGS}
    container.metadata.update(tags)
    container.set_chapters(
        [
            {
                "id": number,
                "start": round(chapter.start / _MICROSECOND),
                "end": round(chapter.end / _MICROSECOND),
                "time_base": _MICROSECOND,
                "metadata": {"title": chapter.title},
            }
            for number, chapter in enumerate(info.chapters)
        ]
    )
    return tags


def put(container: OutputContainer, packets: Iterable[Packet[Any]], room: Room | None = None) -> None:
    """Write packets, in their order, each once there is room for it.

    Raises:
        ValueError: The container refuses one; the text says which.
        NoRoomError: There is none.
        av.FFmpegError: The disk refuses.
    """
    for packet in packets:
        if room is not None:
            room.take(packet.size)
        with naming(container, packet):
            container.mux_one(packet)


@contextmanager
def naming(container: OutputContainer, packet: Packet[Any]) -> Iterator[None]:
    """While a packet is written: what the container says of its data or times becomes a line that names its stream.

    Raises:
        ValueError: The container refuses the packet.
    """
    stream, clock = packet.stream, packet.time_base
    shown, decoded = (None if ticks is None else float(ticks * clock) for ticks in (packet.pts, packet.dts))
    try:
        yield
    except (av.ArgumentError, av.InvalidDataError) as error:
        raise ValueError(
            f"{container.format.name} refuses a packet of {stream.type} stream {stream.index} "
            f"(decoded at {decoded} s, shown at {shown} s): {error.strerror}"
        ) from error
