"""What a clip keeps: times, orientation, aspect, tags, and what is beside the picture."""

from __future__ import annotations

import weakref
from fractions import Fraction as F
from threading import Lock
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest

from livebg.errors import SourceError, UsageError
from livebg.frame import Chapter
from livebg.sources import ReadAhead, open_source
from livebg.sources.clip import Clip
from livebg.sources.side import SidePackets
from tests.media import numbered, read_number, read_packet_times, read_times, write_clip
from tests.sources.test_images import with_exif

if TYPE_CHECKING:
    from pathlib import Path

    from livebg.frame import Frame

VARIABLE = [F(0), F(1, 25), F(3, 25), F(1, 2), F(501, 1000), F(2), F(61, 30)]
MILLISECONDS = [F(0), F(40, 1000), F(120, 1000), F(500, 1000), F(501, 1000), F(2), F(2033, 1000)]


def read(path: Path, **options: object) -> list[Frame]:
    with open_source(path, **options) as source:  # type: ignore[arg-type]
        return list(source)


def numbers(frames: list[Frame]) -> list[int]:
    return [read_number(frame.image) for frame in frames]


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
    frames = read(path)
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
        image = next(iter(source)).image
    assert np.abs(image.astype(int) - upright).mean() < 4


def _stored(upright: np.ndarray, degrees: int, *, hflip: bool = False, vflip: bool = False) -> np.ndarray:
    """What a recorder stores so that turning and then mirroring gives ``upright``: what ffmpeg itself shows."""
    flipped = upright[:, ::-1] if hflip else upright[::-1] if vflip else upright
    return np.ascontiguousarray(np.rot90(flipped, -degrees // 90))


def test_an_unrotated_clip_is_not_copied(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=3)
    assert all(isinstance(frame.image.base, av.video.plane.VideoPlane) for frame in read(path))


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (641, 361), (2, 1)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    pictures = [np.full((size[1], size[0], 3), (30, 120, 210), np.uint8)] * 3
    path = write_clip(tmp_path / "clip.mkv", frames=pictures, codec="ffv1", pix_fmt="bgr0")
    frames = read(path)
    assert [(frame.width, frame.height) for frame in frames] == [size] * 3
    assert np.abs(frames[0].image.astype(int) - (30, 120, 210)).max() <= 1


# Beginnings


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
    assert read(path)[0].pts == F(1, 2)


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
        sound = [_time(packet) for packet in source.info.side.take()]
    assert frames[0].pts == 0
    assert numbers(frames) == list(range(13, 50))
    assert -F(1, 8) < sound[0] <= 0


# Side streams


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
            kind: [_time(packet) for packet in packets if packet.stream.type == kind] for kind in ("audio", "subtitle")
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


def test_packets_without_a_time_are_counted() -> None:
    side = SidePackets([], zero=F(1))
    packet = av.Packet(b"data")
    assert side.put(packet) is None
    assert side.untimed == 1
    assert side.take() == []


def test_a_timecode_is_left_out_by_name(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mov", video_tags={"timecode": "01:02:03:04"})
    with open_source(path) as source:
        list(source)
        assert source.notes == [f"{path}: left out: the timecode"]


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
    frames = read(path)
    assert numbers(frames) == [0b1101] * 3


# Real clips


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


# Cutting


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds with a keyframe every two, B-frames, sound, subtitles and chapters."""
    return write_clip(
        tmp_path_factory.mktemp("long") / "long.mp4",
        frames=250,
        audio="aac",
        options={"preset": "medium", "bf": "3", "g": "50"},
        subtitles=[(F(1), F(2), "early"), (F(4), F(6), "across"), (F(7), F(8), "late")],
        chapters=[Chapter(F(0), F(5), "one"), Chapter(F(5), F(9), "two"), Chapter(F(9), F(10), "three")],
    )


@pytest.fixture(scope="module", params=["mp4", "mkv", "ts"])
def any_long_clip(request: pytest.FixtureRequest, long_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "mp4":
        return long_clip
    return write_clip(
        tmp_path_factory.mktemp("long") / f"long.{request.param}",
        frames=250,
        audio="aac",
        options={"preset": "medium", "bf": "3", "g": "50"},
    )


@pytest.mark.parametrize(
    ("start", "end"), [(F(5), F(6)), (F(51, 10), None), (None, F(3, 2)), (F(1, 1000), F(1, 2)), (F(4), F(4) + F(1, 25))]
)
def test_start_and_end_cut_exactly(any_long_clip: Path, start: F | None, end: F | None) -> None:
    whole = read(any_long_clip)
    wanted = [frame for frame in whole if (start or 0) <= frame.pts and (end is None or frame.pts < end)]
    with open_source(any_long_clip, start=start, end=end) as source:
        frames = list(source)
        assert source.notes == []
        assert source.info.frames is not None
        assert abs(source.info.frames - len(frames)) <= 1
    assert [frame.pts for frame in frames] == [frame.pts - (start or 0) for frame in wanted]
    assert numbers(frames) == numbers(wanted)
    assert [frame.index for frame in frames] == list(range(len(frames)))


@pytest.mark.parametrize(("start", "end"), [(F(5), F(6)), (F(51, 10), None), (None, F(3, 2)), (F(4), F(41, 10))])
def test_sound_is_cut_with_the_picture(any_long_clip: Path, start: F | None, end: F | None) -> None:
    with open_source(any_long_clip) as source:
        list(source)
        assert source.info.side is not None
        whole = [packet for packet in source.info.side.take() if packet.stream.type == "audio"]
        # By end and by time: packets that sound at all within [start, end).
        wanted = [
            _time(packet) - (start or 0)
            for packet in whole
            if (start is None or _time(packet) + packet.duration * packet.time_base > start)
            and (end is None or _time(packet) < end)
        ]
    with open_source(any_long_clip, start=start, end=end) as source:
        list(source)
        assert source.info.side is not None
        got = [_time(packet) for packet in source.info.side.take() if packet.stream.type == "audio"]
    assert got == pytest.approx(wanted, abs=1 / 10000)


def _time(packet: av.Packet) -> F:
    assert packet.pts is not None
    return packet.pts * packet.time_base


def test_subtitles_and_chapters_are_cut_too(long_clip: Path) -> None:
    with open_source(long_clip, start=F(5), end=F(19, 2)) as source:
        list(source)
        assert source.info.chapters == (Chapter(F(0), F(4), "two"), Chapter(F(4), F(9, 2), "three"))
        assert source.info.duration == F(9, 2)
        assert source.info.side is not None
        lines = [packet for packet in source.info.side.take() if packet.stream.type == "subtitle"]
    texts = [bytes(packet)[2:] for packet in lines if packet.size > 2]
    assert b"late" in texts
    assert b"early" not in texts


def test_a_start_is_reached_by_jumping(long_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    original = Clip._decode

    def counting(clip: Clip, packet: av.Packet) -> list[av.VideoFrame]:
        pictures = original(clip, packet)
        decoded.extend(pictures)
        return pictures

    monkeypatch.setattr(Clip, "_decode", counting)
    assert len(read(long_clip, start=F(9))) == 25
    assert len(decoded) <= 75  # from the keyframe at 8 s, not from the top


def test_a_start_in_a_stream_that_cannot_jump(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "raw.h264", frames=50, options={"g": "10"})
    frames = read(path, start=F(1))
    assert numbers(frames) == list(range(25, 50))
    assert frames[0].pts == 0


def test_a_start_behind_the_end_is_refused(long_clip: Path) -> None:
    with pytest.raises(SourceError, match="no frame in the part asked for, from 60 s on"):
        open_source(long_clip, start=F(60))


@pytest.mark.parametrize(("start", "end"), [(F(-1), None), (F(2), F(2)), (F(3), F(2)), (None, F(0))])
def test_a_part_that_is_nothing_is_refused(long_clip: Path, start: F | None, end: F | None) -> None:
    with pytest.raises(UsageError, match="leave nothing"):
        open_source(long_clip, start=start, end=end)


def test_a_float_counts_as_it_is_written(tmp_path: Path) -> None:
    """0.2 in binary is a little more than a fifth, where frame 6 begins."""
    path = write_clip(tmp_path / "thirty.mp4", frames=12, rate=F(30))
    assert len(read(path, end=0.2)) == len(read(path, end=F(1, 5))) == 6
    assert numbers(read(path, start=0.3)) == [9, 10, 11]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"end": float("nan")}, "^end must be a number, like .* got nan$"),
        ({"start": "0:01"}, "^start must be a number, like .* got '0:01'$"),
        ({"rate": 0}, "^rate must be more than 0 pictures a second, got 0$"),
    ],
)
def test_what_is_no_number_is_refused(long_clip: Path, option: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_source(long_clip, **option)  # type: ignore[arg-type]
