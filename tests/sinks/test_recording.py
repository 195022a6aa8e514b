"""Recordings of what is live: uneven times, repeats, a process that is killed, a disk that is full."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from livebg.errors import SinkError, UsageError
from livebg.frame import Frame, StreamInfo
from livebg.sinks.recording import LiveVideoSink, open_recording
from livebg.sinks.tee import Tee
from tests.evaluate.disk import no_file_beyond
from tests.fakes import FakeSink, gradient

LIVE = StreamInfo(name="camera 0", width=128, height=96, live=True)
SUFFIXES = [".mp4", ".mkv", ".mov", ".webm"]


def uneven(count: int, seed: int = 0) -> list[Frame]:
    """Pictures at 25 to 40 a second, and every tenth shown twice."""
    generator = np.random.default_rng(seed)
    shown, frames = Fraction(7, 1000), []
    for index in range(count):
        image = np.roll(gradient(96, 128, seed=3), 3 * index, axis=1)
        frames.append(Frame(np.ascontiguousarray(image), pts=shown, index=index))
        if index % 10 == 9:
            frames.append(frames[-1])
        shown += Fraction(int(generator.integers(25, 41)), 1000)
    return frames


def read(path: Path) -> list[Fraction]:
    """When each picture is shown; what is damaged at the very end is left out."""
    times: list[Fraction] = []
    with av.open(str(path)) as container:
        try:
            for frame in container.decode(video=0):
                assert frame.to_ndarray(format="rgb24").shape == (96, 128, 3)
                times.append(frame.pts * frame.time_base)
        except av.error.InvalidDataError:
            pass  # the packet that was cut
    return times


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_times_are_those_of_the_capture_and_repeats_are_written_once(tmp_path, suffix):
    frames = uneven(60)
    path = tmp_path / f"call{suffix}"
    with open_recording(path, LIVE) as sink:
        for frame in frames:
            sink.write(frame)
            while len(sink._waiting) > 20:  # faster than any camera: nothing may be dropped here
                time.sleep(0.002)
        sink.finish()
    assert sink.dropped == 0
    expected = sorted({frame.pts for frame in frames})
    times = read(path)
    assert len(times) == len(expected)
    assert np.allclose([float(t - times[0]) for t in times], [float(t - expected[0]) for t in expected], atol=0.0011)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_killed_process_leaves_a_file_that_plays(tmp_path, suffix):
    code = f"""
        import os, signal
        from pathlib import Path
        from livebg.sinks.recording import open_recording
        from tests.sinks.test_recording import LIVE, uneven
        sink = open_recording(Path({str(tmp_path)!r}) / "call{suffix}", LIVE)
        for frame in uneven(150):
            sink._sink.write(frame)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=root, timeout=60, check=False)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".call.livebg-")
    times = read(left)
    assert times[-1] > 2.5  # of 4.9 s
    assert np.all(np.diff(times) > 0)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk_ends_the_recording_and_not_the_call(tmp_path, suffix):
    call, told = FakeSink(), []
    noise = np.random.default_rng(0)
    with Tee(call, open_recording(tmp_path / f"call{suffix}", LIVE, crf=0), tell=told.append) as tee:
        with no_file_beyond(1_500_000):
            for index in range(2000):
                image = noise.integers(0, 255, (96, 128, 3), np.uint8)
                tee.write(Frame(image, pts=Fraction(index, 30), index=index))
                while tee.others and len(tee.others[0]._waiting) > 20 and tee.others[0]._error is None:
                    time.sleep(0.002)
                if told:
                    break
            assert told, "the disk was never full"
            written = len(call.frames)
            tee.write(Frame(image, pts=Fraction(5000), index=5000))
        tee.finish()
    assert call.finished
    assert len(call.frames) == written + 1
    (note,) = told
    assert "cannot write" in note
    assert "it was given up, the rest goes on" in note
    assert note in tee.notes
    (left,) = tmp_path.iterdir()
    assert left.name == f"call.partial{suffix}"
    assert len(read(left)) > 30


def test_closed_without_finish_it_is_kept_as_partial(tmp_path):
    with open_recording(tmp_path / "call.mp4", LIVE) as sink:
        for frame in uneven(30):
            sink._sink.write(frame)
    (left,) = tmp_path.iterdir()
    assert left.name == "call.partial.mp4"
    assert len(read(left)) == 30


@pytest.mark.parametrize(
    "error",
    [
        av.error.UnknownError(1, "the encoder is gone"),
        OSError(28, "the disk is full"),
        ValueError("a packet is refused"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_an_end_that_fails_is_told_and_what_was_written_is_kept(tmp_path, monkeypatch, suffix, error):
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(LiveVideoSink, "_flush", refuse)
    told: list[str] = []
    with Tee(FakeSink(), open_recording(tmp_path / f"call{suffix}", LIVE), tell=told.append) as tee:
        for frame in uneven(30):
            tee.others[0]._sink.write(frame)
        tee.finish()
        assert tee.others == ()
    (note,) = told
    assert note.startswith("cannot complete ")
    assert (error.args[-1] if isinstance(error, ValueError) else error.strerror) in note
    assert tee.notes == told
    (left,) = tmp_path.iterdir()
    assert left.name == f"call.partial{suffix}"
    assert len(read(left)) > 10


def test_it_is_kept_where_a_folder_bears_its_name(tmp_path):
    (tmp_path / "call.partial.mp4").mkdir()
    with open_recording(tmp_path / "call.mp4", LIVE) as sink:
        for frame in uneven(30):
            sink._sink.write(frame)
    (kept,) = (each for each in tmp_path.iterdir() if each.is_file())
    assert kept.name.startswith("call.partial-")
    assert len(read(kept)) == 30


@pytest.mark.parametrize("name", ["call.mp4", "call.mkv", "call.mov", "call.webm", "frames"])
@pytest.mark.parametrize("pixels", ["rgb", "gray"])
def test_nothing_recorded_leaves_nothing(tmp_path, name, pixels):
    with open_recording(tmp_path / name, LIVE, pixels=pixels):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "vp9"])
def test_one_frame_and_no_finish_is_kept_whatever_the_encoder_holds_back(tmp_path, codec):
    with open_recording(tmp_path / "call.mp4", LIVE, codec=codec) as sink:
        sink._sink.write(uneven(1)[0])
    assert len(read(tmp_path / "call.partial.mp4")) == 1


def test_a_matte_is_recorded_as_gray(tmp_path):
    with open_recording(tmp_path / "matte.mkv", LIVE, pixels="gray") as sink:
        sink.write(Frame(gradient(96, 128)[..., 0].copy()))
        sink.finish()
    assert len(read(tmp_path / "matte.mkv")) == 1


def test_a_folder_of_pictures_is_a_recording_too(tmp_path):
    with open_recording(tmp_path / "frames", LIVE) as sink:
        for frame in uneven(5):
            sink.write(frame)
        sink.finish()
    assert len(list((tmp_path / "frames").iterdir())) == 5


def test_what_cannot_be_written_is_refused_before_the_call(tmp_path):
    with pytest.raises(UsageError):
        open_recording(tmp_path / "call.xyz", LIVE)
    (tmp_path / "taken.mp4").touch()
    with pytest.raises(UsageError, match="taken"):
        open_recording(tmp_path / "taken.mp4", LIVE)
    with pytest.raises(SinkError):
        open_recording(tmp_path / "nowhere" / "call.mp4", LIVE)


def test_times_between_two_ticks_are_no_repeats(tmp_path):
    path = tmp_path / "call.mp4"
    with open_recording(path, replace(LIVE, time_base=Fraction(1, 25))) as sink:
        for index in range(6):
            sink._sink.write(Frame(gradient(96, 128), pts=Fraction(2 * index + 1, 50), index=index))
        sink.finish()
    assert len(read(path)) == 6
