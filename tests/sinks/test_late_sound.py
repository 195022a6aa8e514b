"""Sound whose times do not increase, and what a container refuses all the same."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

from livebg.errors import SinkError
from livebg.sinks import open_sink, partial_path
from livebg.sources import open_source
from tests.media import read_packet_times, read_times, write_clip


class Disturbed:
    """The side streams of a clip, each packet of which has been through ``disturb``."""

    def __init__(self, side, disturb):
        self.streams, self.strict = side.streams, side.strict
        self._side, self._disturb = side, disturb

    def take(self):
        packets = self._side.take()
        for packet in packets:
            self._disturb(packet)
        return packets


def pass_through(given, path, disturb=None):
    with open_source(given) as source:
        info = source.info
        if disturb is not None:
            info = replace(info, side=Disturbed(info.side, disturb))
        with open_sink(path, info) as sink:
            for frame in source:
                sink.write(frame)
            sink.finish()
            return sink.notes


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
def test_joined_transport_streams(tmp_path, suffix):
    """Their sound begins and ends after the picture: it used to run into the next stretch, and MP4 refused it."""
    given, path = tmp_path / "both.ts", tmp_path / f"out.{suffix}"
    one = write_clip(
        tmp_path / "one.ts", frames=25, audio="aac", audio_offset=Fraction(1, 10), audio_seconds=Fraction(6, 5)
    )
    given.write_bytes(one.read_bytes() * 2)
    assert len(pass_through(given, path)) == (suffix == "webm")  # where AAC becomes Opus
    assert len(read_times(path)) == 50
    heard = read_packet_times(path, "audio")
    assert all(Fraction(1, 60) < b - a for a, b in pairwise(heard))
    assert len(heard) > 90


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_sound_not_after_the_one_before_is_dropped_and_said(tmp_path, suffix):
    """The others keep their own times: put behind each other they would fall back behind the picture."""
    given, path = write_clip(tmp_path / "in.ts", frames=25, audio="aac"), tmp_path / f"out.{suffix}"
    times = []

    def disturb(packet):
        if len(times) % 10 in (7, 8):
            packet.pts = packet.dts = times[-1] - 1
        times.append(packet.pts)

    notes = pass_through(given, path, disturb)
    kept = [time for index, time in enumerate(times) if index % 10 not in (7, 8)]
    assert notes == [f"audio stream 1: packets not after the one before it, dropped ({len(times) - len(kept)})"]
    heard = read_packet_times(path, "audio")
    assert heard == pytest.approx([Fraction(time, 90000) for time in kept], abs=0.001)
    assert len(read_times(path)) == 25


def test_a_packet_that_is_refused_is_named(tmp_path):
    given, path = write_clip(tmp_path / "in.mp4", frames=25, audio="aac"), tmp_path / "out.mp4"

    def disturb(packet):
        if packet.dts * packet.time_base > Fraction(1, 2):
            packet.pts = packet.dts - 100

    with pytest.raises(SinkError) as caught:
        pass_through(given, path, disturb)
    message = str(caught.value)
    assert f"{path}: mp4 refuses a packet of audio stream 1 (decoded at 0.5" in message
    assert message.endswith("Invalid argument")
    assert not path.exists()
    assert read_times(partial_path(path))
