"""Clips as the tests look at them: whole, by the numbers in their pictures, and by the times of their packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livebg.sources import open_source
from tests.media import read_number

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    import av

    from livebg.frame import Frame


def read_clip(path: Path, **options: object) -> list[Frame]:
    """All frames."""
    with open_source(path, **options) as source:  # type: ignore[arg-type]
        return list(source)


def numbers(frames: list[Frame]) -> list[int]:
    """What is written into each picture."""
    return [read_number(frame.image) for frame in frames]


def time_of(packet: av.Packet) -> Fraction:
    """When it is shown, in seconds."""
    assert packet.pts is not None
    return packet.pts * packet.time_base
