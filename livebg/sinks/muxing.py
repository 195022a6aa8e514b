"""Packets into a container, and in words which one it refuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import av

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet


def put(container: OutputContainer, packets: Iterable[Packet[Any]]) -> None:
    """Write packets, in their order.

    Raises:
        ValueError: The container refuses one; the text says which.
        av.FFmpegError: The disk refuses.
    """
    for packet in packets:
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
