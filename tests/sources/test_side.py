"""What is beside the picture: every packet of it is there, at its own time."""

from __future__ import annotations

from fractions import Fraction as F
from typing import TYPE_CHECKING

import av

from livebg.sources import open_source
from livebg.sources.clip import Clip
from livebg.sources.side import SidePackets
from tests.media import read_packet_times, write_clip
from tests.sources.clips import time_of

if TYPE_CHECKING:
    from pathlib import Path


def test_all_side_packets_are_there_when_the_frames_end(tmp_path: Path) -> None:
    lines = [(F(1, 10), F(1, 2), "Hello"), (F(1, 2), F(9, 10), "world")]
    path = write_clip(tmp_path / "clip.mkv", frames=25, audio="aac", audio_seconds=F(3), subtitles=lines)
    with open_source(path) as source:
        assert source.info.side is not None
        assert [stream.type for stream in source.info.side.streams] == ["audio", "subtitle"]
        list(source)
        packets = source.info.side.take()
        assert source.info.side.take() == []
        times = {
            kind: [time_of(packet) for packet in packets if packet.stream.type == kind]
            for kind in ("audio", "subtitle")
        }
    assert times["audio"] == read_packet_times(path, "audio")
    assert times["audio"][-1] > F(29, 10)
    assert times["subtitle"] == [F(1, 10), F(1, 2)]


def test_packets_can_be_copied_into_another_file_while_the_source_is_open(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=25, audio="aac")
    copy = tmp_path / "copy.mka"
    with open_source(path) as source, av.open(str(copy), "w") as output:
        assert source.info.side is not None
        stream = output.add_stream_from_template(source.info.side.streams[0])
        list(source)
        for packet in source.info.side.take():
            packet.stream = stream
            output.mux(packet)
    assert len(read_packet_times(copy, "audio")) == len(read_packet_times(path, "audio"))


def test_nobody_wants_the_sound(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=25, audio="aac")
    clip = Clip(str(path), start=None, end=None, side=False, strict=False)
    try:
        assert clip.side is None
        assert [stream.type for stream in clip.container.streams if stream.discard == av.stream.Discard.all] == [
            "audio"
        ]
    finally:
        clip.close()
    with open_source(path, side=False) as source:
        assert source.info.side is None
        assert len(list(source)) == 25


def test_packets_without_a_time_are_counted() -> None:
    side = SidePackets([], zero=F(1))
    packet = av.Packet(b"data")
    assert side.put(packet) is None
    assert side.untimed == 1
    assert side.take() == []
