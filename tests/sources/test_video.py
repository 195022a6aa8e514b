"""What a clip keeps: times, orientation, aspect and tags, and what it says of what is left out."""

from __future__ import annotations

import weakref
from fractions import Fraction as F
from threading import Lock
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest

from livebg.frame import Chapter
from livebg.sources import ReadAhead, open_source
from tests.media import numbered, read_packet_times, read_times, write_clip
from tests.sources.clips import numbers, read_clip, time_of
from tests.sources.test_images import with_exif

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = [F(0), F(1, 25), F(3, 25), F(1, 2), F(501, 1000), F(2), F(61, 30)]
MILLISECONDS = [F(0), F(40, 1000), F(120, 1000), F(500, 1000), F(501, 1000), F(2), F(2033, 1000)]


@pytest.mark.parametrize(
    ("name", "times", "codec"),
    [
        ("clip.mp4", VARIABLE, "libx264"),
        ("clip.mov", VARIABLE, "libx264"),
        ("clip.mkv", MILLISECONDS, "libx264"),
        ("clip.webm", MILLISECONDS, "libvpx-vp9"),
    ],
)
@pytest.mark.parametrize("preset", ["plain", "b-frames"])
def test_variable_times_are_exact(tmp_path: Path, name: str, times: list[F], codec: str, preset: str) -> None:
    options = {"bf": "2", "preset": "medium"} if preset == "b-frames" and codec == "libx264" else {}
    path = write_clip(tmp_path / name, times=times, codec=codec, options=options)
    frames = read_clip(path)
    assert [frame.pts for frame in frames] == times
    assert numbers(frames) == list(range(len(times)))


def test_what_is_known_before_the_first_frame(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mp4",
        frames=20,
        rate=F(30000, 1001),
        size=(96, 64),
        sar=F(128, 117),
        metadata={"title": "A talk", "artist": "Me"},
        chapters=[Chapter(F(0), F(1, 4), "one"), Chapter(F(1, 4), F(1, 2), "two")],
    )
    with open_source(path) as source:
        info = source.info
        assert (info.name, info.width, info.height) == (str(path), 96, 64)
        assert (info.rate, info.frames, info.duration) == (F(30000, 1001), 20, 20 * F(1001, 30000))
        assert info.time_base == F(1, 30000)
        assert info.sample_aspect_ratio == F(128, 117)
        assert info.metadata == {"title": "A talk", "artist": "Me"}
        assert info.chapters == (Chapter(F(0), F(1, 4), "one"), Chapter(F(1, 4), F(1, 2), "two"))
        assert info.side is None
        assert not info.live
        assert not info.stills
        assert [frame.duration for frame in source] == [F(1001, 30000)] * 20
        assert source.notes == []


@pytest.mark.parametrize(("rotation", "more"), [(45, -45), (60, 30), (100, -10), (180, 0)])
def test_a_turn_that_is_no_quarter_is_said(tmp_path: Path, rotation: int, more: int) -> None:
    path = write_clip(tmp_path / "clip.mp4", rotation=rotation)
    with open_source(path) as source:
        told = f"{path}: players turn it by {more}° more: only quarter turns are done"
        assert source.notes == ([told] if more else [])


@pytest.mark.parametrize("mirror", [{}, {"hflip": True}, {"vflip": True}], ids=["", "hflip", "vflip"])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotated_and_mirrored_clips_stand_upright(tmp_path: Path, degrees: int, mirror: dict[str, bool]) -> None:
    upright = np.full((48, 64, 3), 90, np.uint8)
    upright[:24, :32], upright[:24, 32:], upright[24:, :32] = (220, 40, 40), (40, 220, 40), (40, 40, 220)
    stored = _stored(upright, degrees, **mirror)
    path = write_clip(tmp_path / "clip.mp4", frames=[stored] * 3, sar=F(4, 3), rotation=degrees, **mirror)  # type: ignore[arg-type]
    with open_source(path) as source:
        assert (source.info.width, source.info.height) == (64, 48)
        assert source.info.sample_aspect_ratio == (F(3, 4) if degrees % 180 else F(4, 3))
        frame = next(iter(source))
        assert frame.pixel_aspect == source.info.sample_aspect_ratio
    assert np.abs(frame.image.astype(int) - upright).mean() < 4


def _stored(upright: np.ndarray, degrees: int, *, hflip: bool = False, vflip: bool = False) -> np.ndarray:
    """What a recorder stores so that turning and then mirroring gives ``upright``: what ffmpeg itself shows."""
    flipped = upright[:, ::-1] if hflip else upright[::-1] if vflip else upright
    return np.ascontiguousarray(np.rot90(flipped, -degrees // 90))


def test_an_unrotated_clip_is_not_copied(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=3)
    assert all(isinstance(frame.image.base, av.video.plane.VideoPlane) for frame in read_clip(path))


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (641, 361), (2, 1)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    pictures = [np.full((size[1], size[0], 3), (30, 120, 210), np.uint8)] * 3
    path = write_clip(tmp_path / "clip.mkv", frames=pictures, codec="ffv1", pix_fmt="bgr0")
    frames = read_clip(path)
    assert [(frame.width, frame.height) for frame in frames] == [size] * 3
    assert np.abs(frames[0].image.astype(int) - (30, 120, 210)).max() <= 1


def test_a_late_beginning_moves_picture_and_sound_alike(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.ts",
        frames=25,
        audio="mp2",
        audio_offset=F(1, 2),
        codec="mpeg2video",
        container_options={"output_ts_offset": "10"},
    )
    stored, sound = read_times(path), read_packet_times(path, "audio")
    assert stored[0] > 9
    zero = min(stored[0], sound[0])
    with open_source(path) as source:
        assert [frame.pts for frame in source] == [time - zero for time in stored]
        assert source.info.side is not None
        packets = source.info.side.take()
    assert [packet.pts * packet.time_base for packet in packets if packet.pts is not None] == [
        time - zero for time in sound
    ]


def test_sound_that_begins_first_delays_the_picture(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mkv", times=[F(1, 2) + F(i, 25) for i in range(10)], audio="pcm_s16le", audio_seconds=F(1)
    )
    assert read_clip(path)[0].pts == F(1, 2)


def test_priming_before_the_beginning_keeps_its_negative_time(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=25, audio="aac")
    with open_source(path) as source:
        list(source)
        assert source.info.side is not None
        first = source.info.side.take()[0]
    assert first.pts == -1024


def test_what_an_edit_list_hides_stays_hidden(tmp_path: Path) -> None:
    """Half a second cut away without encoding anew, as phones do: the packets are in the file, but not shown."""
    whole = write_clip(tmp_path / "whole.mkv", frames=50, audio="aac", options={"g": "250"})
    path = tmp_path / "cut.mp4"
    with (
        av.open(str(whole)) as clip,
        av.open(str(path), "w", container_options={"avoid_negative_ts": "disabled"}) as output,
    ):
        copies = {stream.index: output.add_stream_from_template(stream, opaque=True) for stream in clip.streams}
        for packet in clip.demux():
            if packet.pts is not None:
                shift = round(F(1, 2) / packet.time_base)
                packet.stream = copies[packet.stream.index]
                packet.pts -= shift
                packet.dts = packet.pts
                output.mux(packet)
    with open_source(path, strict=True) as source:
        frames = list(source)
        assert source.info.frames == len(frames)
        assert source.info.side is not None
        sound = [time_of(packet) for packet in source.info.side.take()]
    assert frames[0].pts == 0
    assert numbers(frames) == list(range(13, 50))
    assert -F(1, 8) < sound[0] <= 0


def test_a_cover_picture_is_not_the_video(tmp_path: Path) -> None:
    path = tmp_path / "cover.mp4"
    with av.open(str(path), "w") as output:
        cover = output.add_stream("mjpeg", rate=1, width=200, height=100, pix_fmt="yuvj420p")
        cover.disposition = av.stream.Disposition.attached_pic
        video = output.add_stream("libx264", rate=25, width=64, height=48)
        for stream, size in ((cover, (200, 100)), (video, (64, 48))):
            frame = av.VideoFrame.from_ndarray(numbered(5, *size), format="rgb24").reformat(format=stream.pix_fmt)
            frame.pts = 0
            output.mux([*stream.encode(frame), *stream.encode(None)])
    with open_source(path) as source:
        assert (source.info.width, source.info.height) == (64, 48)
        assert any("left out" in note for note in source.notes)


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv", ".mxf"])
@pytest.mark.parametrize(
    ("start", "timecode"), [(None, "01:02:03:24"), (F(3, 10), "01:02:04:07"), (F(1), "01:02:04:24")]
)
def test_a_timecode_is_of_the_first_frame_shown(tmp_path: Path, suffix: str, start: F | None, timecode: str) -> None:
    tags = {"timecode": "01:02:03:24"}
    codec = {"codec": "mpeg2video"} if suffix == ".mxf" else {}
    path = write_clip(tmp_path / f"clip{suffix}", frames=40, rate=F(25), video_tags=tags, **codec)
    with open_source(path, start=start) as source:
        list(source)
        assert source.info.timecode == timecode
        assert "timecode" not in source.info.metadata
        assert source.notes == []


def test_a_timecode_at_many_frames_a_second_is_told(tmp_path: Path) -> None:
    """A camera at 50 may count to 24, each number twice; the file says so where FFmpeg does not tell."""
    path = write_clip(tmp_path / "clip.mov", rate=F(50), video_tags={"timecode": "01:02:03:04"})
    with open_source(path) as source:
        assert source.info.timecode == "01:02:03:04"
        assert source.notes == [f"{path}: its timecode 01:02:03:04 is taken to count 50 a second"]


def test_a_timecode_that_nobody_can_count_on_stays_as_it_is(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", rate=F(27), metadata={"TIMECODE": "01:02:03:28"})
    with open_source(path, start=F(1, 9)) as source:
        assert source.info.timecode == "01:02:03:28"


def test_interlaced_is_said(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", options={"x264-params": "tff=1"})
    with open_source(path) as source:
        assert any("interlaced" in note for note in source.notes)


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", frames=200, audio="aac")
    alive = most = 0
    lock = Lock()

    def gone() -> None:
        nonlocal alive
        with lock:
            alive -= 1

    with ReadAhead(open_source(path), depth=4) as source:
        assert source.info.side is not None
        for frame in source:
            with lock:
                alive += 1
                most = max(most, alive)
            weakref.finalize(frame.image, gone)
            assert len(source.info.side.take()) < 60  # what a sink finds is what was read ahead, not the whole
    assert most <= 2


def test_motion_jpeg_with_exif_stands_upright(tmp_path: Path) -> None:
    """Its frames carry side data that PyAV has no name for."""
    stored = np.ascontiguousarray(np.rot90(numbered(0b1101, 80, 48)))
    jpeg = with_exif(cv2.imencode(".jpg", stored[..., ::-1])[1].tobytes(), 6)
    path = tmp_path / "clip.avi"
    with av.open(str(path), "w") as output:
        stream = output.add_mux_stream("mjpeg", width=stored.shape[1], height=stored.shape[0])
        stream.time_base = F(1, 25)
        for index in range(3):
            packet = av.Packet(jpeg)
            packet.pts = packet.dts = index
            packet.time_base, packet.stream, packet.is_keyframe = F(1, 25), stream, True
            output.mux(packet)
    frames = read_clip(path)
    assert numbers(frames) == [0b1101] * 3


@pytest.mark.parametrize(
    ("name", "count", "size", "step"),
    [
        ("single_face.mp4", 72, (640, 360), F(1, 30)),
        ("selfie.mp4", 146, (1080, 1920), F(163, 4830)),
        ("webcam_cap13.mp4", 765, (400, 300), F(1, 25)),
    ],
)
def test_real_clips(shared_data: Path, name: str, count: int, size: tuple[int, int], step: F) -> None:
    with open_source(shared_data / "clips" / name) as source:
        assert (source.info.width, source.info.height, source.info.frames) == (*size, count)
        assert [frame.pts for frame in source] == [index * step for index in range(count)]
        assert source.notes == []
