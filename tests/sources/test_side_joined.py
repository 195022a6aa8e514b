"""Stretches whose clock begins again: all streams are moved by one amount, and none runs into its own end."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import pairwise
from typing import TYPE_CHECKING

import av
import pytest

from livebg.sources import open_source
from livebg.sources.times import PATIENCE, Stretches
from tests.media import read_packet_times, read_times, write_clip

if TYPE_CHECKING:
    from pathlib import Path

    from av.packet import Packet
    from av.stream import Stream

CLOCK = F(1, 1000)


@pytest.fixture
def streams(tmp_path: Path) -> tuple[Stream, Stream]:
    """Of picture and sound; packets need one to belong to."""
    container = av.open(str(tmp_path / "none.mkv"), "w")
    return container.add_stream("libx264", rate=25), container.add_stream("aac", rate=48000)


def packet(stream: Stream, time: int, duration: int = 0) -> Packet[Stream]:
    made: Packet[Stream] = av.Packet(b"data")
    made.stream, made.time_base = stream, CLOCK
    made.pts = made.dts = time
    made.duration = duration
    return made


def place(stretches: Stretches, *packets: Packet[Stream]) -> list[tuple[int, int | None]]:
    """(stream, time) of what comes out."""
    return [(each.stream.index, each.pts) for one in packets for each in stretches.place(one)]


@pytest.mark.parametrize("picture_first", [True, False])
def test_the_stream_that_ends_last_decides_whichever_enters_first(
    streams: tuple[Stream, Stream], picture_first: bool
) -> None:
    picture, sound = streams
    stretches = Stretches()
    # Pictures do not say how long they are shown: 40. Sound ends at 1090, pictures at 1080.
    first = [packet(sound, 1000, 30), packet(picture, 1000), packet(sound, 1030, 30), packet(picture, 1040)]
    first.append(packet(sound, 1060, 30))
    assert place(stretches, *first) == [(1, 1000), (0, 1000), (1, 1030), (0, 1040), (1, 1060)]
    again = [packet(picture, 520), packet(sound, 500, 30)]
    moved = [(0, 1110), (1, 1090)]
    if not picture_first:
        again.reverse()
        moved.reverse()
    assert place(stretches, again[0]) == []
    assert place(stretches, again[1]) == moved
    assert place(stretches, packet(picture, 560)) == [(0, 1150)]
    assert stretches.joints == 1


def test_what_is_left_of_the_old_stretch_passes_those_that_wait(streams: tuple[Stream, Stream]) -> None:
    picture, sound = streams
    stretches = Stretches()
    place(stretches, packet(sound, 1000, 30), packet(picture, 1000, 40))
    assert place(stretches, packet(sound, 0, 30)) == []
    assert place(stretches, packet(picture, 1040, 40)) == [(0, 1040)]
    assert place(stretches, packet(picture, 0, 40)) == [(1, 1080), (0, 1080)]


def test_nobody_waits_for_ever(streams: tuple[Stream, Stream]) -> None:
    """Neither for a stream that has ended for good, nor at the end, nor over a second joint."""
    picture, sound = streams
    stretches = Stretches()
    place(stretches, packet(sound, 1000, 30), packet(picture, 1000, 40))
    late = int(PATIENCE / CLOCK) + 40
    assert place(stretches, packet(picture, 0, 40), packet(picture, late - 40, 40)) == []
    assert place(stretches, packet(picture, late, 40)) == [(0, 1040), (0, 1000 + late), (0, 1040 + late)]
    assert place(stretches, packet(picture, 0, 40), packet(picture, 400, 40)) == []
    assert place(stretches, packet(picture, 0, 40)) == [(0, 1080 + late), (0, 1480 + late)]
    end: Packet[Stream] = av.Packet()
    end.stream = picture
    assert place(stretches, end) == [(0, 1520 + late), (0, None)]
    assert stretches.joints == 3


@pytest.mark.parametrize(("offset", "seconds"), [(F(0), F(3, 5)), (F(1, 10), F(6, 5))])
def test_sound_and_picture_stay_together_over_a_joint(tmp_path: Path, offset: F, seconds: F) -> None:
    """Sound that begins and ends before the picture, and after it."""
    one = write_clip(tmp_path / "one.ts", frames=25, audio="aac", audio_offset=offset, audio_seconds=seconds)
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() * 2)
    with open_source(both) as source:
        shown = [frame.pts for frame in source]
        assert source.info.side is not None
        packets = [each for each in source.info.side.take() if each.pts is not None]
    heard = [each.pts * each.time_base for each in packets]
    ends = [time + each.duration * each.time_base for time, each in zip(heard, packets, strict=True)]
    assert len(shown) == 50
    assert min(b - a for a, b in pairwise(shown)) == F(1, 25)
    tick = F(1, 90000)
    assert all(start >= end - tick for start, end in zip(heard[1:], ends, strict=False))
    count = len(heard) // 2
    apart = heard[0] - shown[0]
    assert abs(apart - (read_packet_times(one, "audio")[0] - read_times(one)[0])) <= tick
    assert abs((heard[count] - shown[25]) - apart) <= tick
    # The longer of the two goes on without a gap.
    assert min(heard[count] - ends[count - 1], shown[25] - shown[24] - F(1, 25)) <= tick
