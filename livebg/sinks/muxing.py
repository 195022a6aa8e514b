"""How a container is written: its options, tags, chapters and packets, and in words which packet it refuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import lcm
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
_INT_MAX = 2**31 - 1
# The keys that MP4 has an atom for, as FFmpeg names them.
_MP4_TAGS = {
    "title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping",
    "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "encoder", "track", "disc",
    "creation_time", "location", "make", "model", "author",
}  # fmt: skip


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


def muxer_options(muxer: str, clock: Fraction, rates: Iterable[int], tags: Iterable[str]) -> dict[str, str]:
    """How a container is written.

    Args:
        muxer: FFmpeg's name of it.
        clock: Seconds a tick of the picture.
        rates: Ticks a second of the other tracks.
        tags: The keys of its tags.
    """
    # Packets come in order already: the muxer must not hold a file back because its subtitles are sparse.
    options = {"max_interleave_delta": "1"}
    if muxer in ("matroska", "webm"):
        return {**options, "avoid_negative_ts": "disabled"}
    # Edit lists (a late first frame, an early sound) count in the movie's clock: it must hold both of the tracks'.
    ticks = clock.denominator
    while ticks < 10_000:  # as the muxer does
        ticks *= 2
    exact = lcm(ticks, *rates)
    options["movie_timescale"] = str(exact if exact <= _INT_MAX else ticks)
    if any(key.lower() not in _MP4_TAGS for key in tags):
        options["movflags"] = "use_metadata_tags"  # free keys; without it standard ones stand where players look
    return options


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
