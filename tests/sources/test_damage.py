"""Bad clips: each gets one line that names it, or what decodes and a note."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from fractions import Fraction as F
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from livebg.errors import SourceError
from livebg.sources import ReadAhead, open_source
from livebg.sources.video import VideoSource
from tests.media import numbered, read_number, to_yuv, write_clip

if TYPE_CHECKING:
    from pathlib import Path


def refuse(path: Path | str, match: str, **options: object) -> None:
    with pytest.raises(SourceError, match=match) as caught, open_source(path, **options) as source:  # type: ignore[arg-type]
        list(source)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def truncate(path: Path, part: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    return path


def test_a_missing_file(tmp_path: Path) -> None:
    refuse(tmp_path / "nothing.mp4", "does not exist: check the name")


def test_a_text_named_mp4(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("hello\n" * 100)
    refuse(path, "is not a video, or its header is damaged")


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    refuse(path, "is empty")


def copy_stream(source: Path, target: Path, kind: str, **options: Any) -> None:
    """A file with the first stream of a kind alone."""
    with av.open(str(source)) as clip, av.open(str(target), "w", **options) as output:
        stream = output.add_stream_from_template(getattr(clip.streams, kind)[0])
        for packet in clip.demux(**{kind: 0}):
            if packet.size:
                packet.stream = stream
                output.mux(packet)


def test_sound_only(tmp_path: Path) -> None:
    path = tmp_path / "sound.m4a"
    write_clip(tmp_path / "clip.mp4", audio="aac")
    copy_stream(tmp_path / "clip.mp4", path, "audio", format="mp4")
    refuse(path, "has no video stream")


def test_a_file_cut_off_before_its_first_track(tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    copy_stream(write_clip(tmp_path / "clip.mp4"), tmp_path / "first.mp4", "video", options={"movflags": "faststart"})
    content = (tmp_path / "first.mp4").read_bytes()
    path.write_bytes(content[: content.index(b"trak") + 100])
    refuse(path, "holds neither pictures nor sound")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "clip.mp4")
    path.chmod(0)
    if os.access(path, os.R_OK):  # the administrator reads everything: let FFmpeg say what it says to others

        def forbid(*_: object, **__: object) -> None:
            raise av.error.PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(av, "open", forbid)
    refuse(path, "may not be read")


def test_a_file_below_a_file(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4")
    refuse(tmp_path / "clip.mp4" / "inner.mp4", "cannot be reached: Not a directory")


@pytest.mark.parametrize("name", ["a:b.mp4", "höhe 日本.mp4", "%03d.mkv", "-.mkv"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    path = write_clip(tmp_path / "plain.mkv").rename(tmp_path / name)
    with open_source(path) as source:
        assert len(list(source)) == 10


@pytest.mark.parametrize(
    ("name", "codec", "note"),
    [
        ("clip.mp4", "libx264", r"\d+ of 50 frames are missing: the file is cut off"),
        ("clip.mkv", "libx264", r"the last \d\.\d\d s are missing: the file is cut off"),
        ("clip.avi", "mpeg4", r"the last \d\.\d+ s are missing: the file is cut off"),
    ],
)
def test_a_truncated_file(tmp_path: Path, name: str, codec: str, note: str) -> None:
    options = {"movflags": "faststart"} if name.endswith("mp4") else {}
    path = write_clip(tmp_path / name, frames=50, codec=codec, audio="mp2", container_options=options)
    truncate(path, 0.6)
    with open_source(path) as source:
        frames = list(source)
        notes = "\n".join(source.notes)
    assert 10 < len(frames) < 50
    assert [read_number(frame.image) for frame in frames] == list(range(len(frames)))
    with pytest.raises(SourceError, match=note):
        raise SourceError(notes)
    refuse(path, note, strict=True)


def test_a_truncated_file_read_from_the_middle(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mp4", frames=100, options={"g": "10"}, container_options={"movflags": "faststart"}
    )
    truncate(path, 0.8)
    with open_source(path, start=F(1)) as source:
        list(source)
        assert any("frames are missing" in note for note in source.notes)
    with open_source(path, start=F(1), end=F(2)) as source:  # nothing is missing of what was asked for
        assert len(list(source)) == 25
        assert source.notes == []


def test_strict_errors_come_through_the_thread_after_the_frames(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=50, container_options={"movflags": "faststart"})
    truncate(path, 0.6)
    seen: list[int] = []
    with ReadAhead(open_source(path, strict=True)) as source, pytest.raises(SourceError, match=r"missing|damaged"):
        seen.extend(frame.index for frame in source)
    assert len(seen) > 10


def test_an_mp4_without_its_index(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=50)  # the index is at the end
    refuse(truncate(path, 0.6), "is cut off, and what says where its frames are stands at its end: copy it again")


def test_a_mov_that_ends_within_its_index(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mov", frames=50)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"stsz") + 40])
    refuse(path, "is cut off")


def test_nothing_decodes(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=50, container_options={"movflags": "faststart"})
    data = path.read_bytes()
    begin = data.index(b"mdat") + 4
    path.write_bytes(data[:begin] + b"\xff" * (len(data) - begin))
    refuse(path, "no frame of it can be decoded")


def test_damage_in_the_middle(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.ts", frames=100, options={"g": "10"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)
    with open_source(path) as source:
        frames = list(source)
        assert any("damaged packets" in note for note in source.notes)
    assert 80 < len(frames) <= 100
    assert all(a.pts < b.pts for a, b in pairwise(frames))
    refuse(path, "is damaged", strict=True)


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "options"),
    [("mjpeg", "yuvj420p", {}), ("libx264", "yuv420p", {"g": "1"})],
    ids=["at once", "by threads"],
)
def test_frames_behind_the_damage_in_an_avi_keep_their_times(
    tmp_path: Path, codec: str, pix_fmt: str, options: dict[str, str]
) -> None:
    whole = write_clip(tmp_path / "whole.avi", frames=30, rate=F(10), codec=codec, pix_fmt=pix_fmt, options=options)
    path = tmp_path / "clip.avi"
    with av.open(str(whole)) as given, av.open(str(path), "w") as output:
        video = output.add_stream_from_template(given.streams.video[0])
        for index, packet in enumerate(each for each in given.demux(video=0) if each.size):
            copy = av.Packet(bytes(packet.size) if 5 <= index < 8 else bytes(packet))
            copy.stream, copy.time_base, copy.is_keyframe = video, packet.time_base, True
            copy.pts = copy.dts = packet.dts
            output.mux(copy)
    with open_source(path) as source:
        shown = {read_number(frame.image): frame.pts for frame in source}
        assert source.notes == [f"{path}: damaged packets or frames (3): the picture may show it"]
    assert shown == {index: F(index, 10) for index in [*range(5), *range(8, 30)]}


def test_a_size_that_changes_and_a_clock_that_begins_again(tmp_path: Path) -> None:
    """Two transport streams put one after the other."""
    first = write_clip(tmp_path / "first.ts", frames=25, audio="mp2")
    second = write_clip(tmp_path / "second.ts", frames=25, size=(32, 24), audio="mp2")
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    with open_source(both) as source:
        frames = list(source)
        notes = "\n".join(source.notes)
        assert source.info.side is not None
        sound = [packet.pts * packet.time_base for packet in source.info.side.take() if packet.pts is not None]
    assert len(frames) == 50
    assert {(frame.width, frame.height) for frame in frames} == {(64, 48)}
    assert [read_number(frame.image) for frame in frames] == [*range(25), *range(25)]
    assert "25 frames of another size, scaled" in notes
    assert "the clock began again (1x)" in notes
    steps = [b.pts - a.pts for a, b in pairwise(frames)]
    assert all(0 < step < F(1, 10) for step in steps)
    assert frames[-1].pts == pytest.approx(2, abs=0.1)
    assert all(0 < b - a < F(1, 10) for a, b in pairwise(sound))
    assert sound[-1] == pytest.approx(2, abs=0.1)


def test_a_stream_that_appears_on_the_way(tmp_path: Path) -> None:
    """A transport stream may announce sound later than FFmpeg looks ahead: PyAV may trip over it at the end."""
    noise = [np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)] * 80
    silent = write_clip(tmp_path / "silent.ts", frames=noise, options={"crf": "1", "g": "1"})
    spoken = write_clip(tmp_path / "spoken.ts", frames=20, size=(320, 240), audio="mp2")
    assert silent.stat().st_size > 6_000_000
    both = tmp_path / "both.ts"
    both.write_bytes(silent.read_bytes() + spoken.read_bytes() + silent.read_bytes())  # it looks at the end too
    with open_source(both) as source:
        assert source.info.side is None
        assert len(list(source)) == 180


def test_a_raw_stream_of_two_sizes_and_no_times(tmp_path: Path) -> None:
    data = [
        write_clip(tmp_path / f"{n}.h264", frames=10, size=size).read_bytes()
        for n, size in enumerate([(64, 48), (128, 96)])
    ]
    path = tmp_path / "both.h264"
    path.write_bytes(b"".join(data))
    with open_source(path) as source:
        frames = list(source)
        notes = "\n".join(source.notes)
    assert [frame.pts for frame in frames] == [F(index, 25) for index in range(20)]
    assert {(frame.width, frame.height) for frame in frames} == {(64, 48)}
    assert "20 frames had no time and follow at 25 a second" in notes
    refuse(path, "frame 10 is 128x96, not of the first one's size", strict=True)


def test_times_that_repeat_are_mended_once_and_said(tmp_path: Path) -> None:
    """Matroska rounds to milliseconds; frames closer than that share one."""
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as output:
        video = output.add_stream("ffv1", rate=25, width=64, height=48, pix_fmt="yuv420p")
        packets = []
        for index in range(6):
            frame = to_yuv(numbered(index))
            frame.pts, frame.time_base = index, F(1, 25)
            packets += video.encode(frame)
        packets += video.encode(None)
        for packet, time in zip(packets, [0, 40, 40, 80, 120, 160], strict=True):
            packet.time_base, packet.pts, packet.dts = F(1, 1000), time, time
            output.mux(packet)
    with open_source(path) as source:
        frames = list(source)
        assert len([note for note in source.notes if "mended" in note]) == 1
    assert [frame.pts for frame in frames] == [F(time, 1000) for time in (0, 40, 60, 80, 120, 160)]


# Pipes


def test_a_clip_through_standard_input(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", frames=30, audio="aac")
    code = (
        "from livebg.sources import open_source\n"
        "with open_source('-') as source:\n"
        "    count = len(list(source))\n"
        "    print(source.info.name, count, len(source.info.side.take()) > 30, source.notes)\n"
    )
    with path.open("rb") as clip:
        done = subprocess.run([sys.executable, "-c", code], stdin=clip, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "standard input 30 True []", done.stderr


def test_a_start_in_a_pipe(tmp_path: Path) -> None:
    from tests.sources.test_contract import feed

    descriptor = feed(write_clip(tmp_path / "clip.mkv", frames=50).read_bytes())
    with VideoSource(descriptor, start=F(1)) as source:
        assert [read_number(frame.image) for frame in source] == list(range(25, 50))
    os.close(descriptor)


def test_nonsense_through_a_pipe() -> None:
    from tests.sources.test_contract import feed

    descriptor = feed(b"hello\n" * 1000)
    with pytest.raises(SourceError, match=r"pipe .* is not a video.*faststart"):
        VideoSource(descriptor)
    os.close(descriptor)


def test_an_mp4_whose_index_comes_last_through_a_pipe(tmp_path: Path) -> None:
    from tests.sources.test_contract import feed

    noise = [np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)] * 10
    descriptor = feed(write_clip(tmp_path / "clip.mp4", frames=noise).read_bytes())
    with pytest.raises(SourceError, match=r"no frame of it can be decoded.*faststart"):
        VideoSource(descriptor)
    os.close(descriptor)


@pytest.mark.parametrize("part", [0.0, 0.6], ids=["opening", "reading"])
def test_ctrl_c_while_a_pipe_is_silent(tmp_path: Path, part: float) -> None:
    data = write_clip(tmp_path / "clip.mkv", frames=60, options={"g": "5"}).read_bytes()
    code = (
        # Started in the background, as CI may start its tests, a program is told to ignore Ctrl-C.
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from livebg.sources.video import VideoSource\n"
        "try:\n"
        "    print('begins', flush=True)\n"
        "    with VideoSource(0) as source:\n"
        "        for frame in source:\n"
        "            print('frame', flush=True)\n"
        "except KeyboardInterrupt:\n    print('ended')\n"
    )
    reader, writer = os.pipe()
    with subprocess.Popen([sys.executable, "-c", code], stdin=reader, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "begins\n"
            os.write(writer, data[: int(len(data) * part)])
            if part:
                assert child.stdout.readline() == "frame\n"
            child.send_signal(signal.SIGINT)
            out, _ = child.communicate(timeout=20)
            assert out.endswith("ended\n")
        finally:
            child.kill()
    os.close(reader)
    os.close(writer)
