"""Times: every frame once, in order, when it was shown, for as long."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest

from livebg.errors import SinkError
from livebg.frame import Frame
from livebg.sinks import open_sink
from livebg.sources import open_source
from tests.media import numbered, read_frames, read_number, read_times, write_clip
from tests.sinks.clips import LAST, SIZE, VARIABLE, frames, steady, stream, write

EXACT = [("mp4", "h264"), ("mov", "h264"), ("mp4", "h265"), ("mp4", "av1"), ("mp4", "vp9")]
MILLISECONDS = [("mkv", "h264"), ("mkv", "h265"), ("webm", "vp9"), ("webm", "av1")]


def end(path):
    """When the last frame is over, in microseconds of the stream's clock, as the container says."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        if video.duration is None:  # Matroska counts from zero
            return container.duration
        return float((video.start_time + video.duration) * video.time_base) * 1e6


@pytest.mark.parametrize(("suffix", "codec"), EXACT)
def test_exact_in_mp4_and_mov(tmp_path, suffix, codec):
    path = tmp_path / f"out.{suffix}"
    write(path, stream((64, 64)), frames(VARIABLE, size=(64, 64)), codec=codec)
    assert read_times(path) == VARIABLE
    assert abs(end(path) - float(VARIABLE[-1] + LAST) * 1e6) <= 12  # a tick


@pytest.mark.parametrize(("suffix", "codec"), MILLISECONDS)
def test_within_half_a_tick_elsewhere(tmp_path, suffix, codec):
    path = tmp_path / f"out.{suffix}"
    write(path, stream((64, 64)), frames(VARIABLE, size=(64, 64)), codec=codec)
    times = read_times(path)
    assert len(times) == len(VARIABLE)
    assert max(abs(got - given) for got, given in zip(times, VARIABLE, strict=True)) <= Fraction(1, 2000)
    assert abs(end(path) - float(VARIABLE[-1] + LAST) * 1e6) <= 1000


@pytest.mark.parametrize("suffix", ["mov", "webm"])
def test_transparent_times(tmp_path, suffix):
    path = tmp_path / f"out.{suffix}"
    write(path, stream(), frames(VARIABLE, pixels="rgba"), pixels="rgba")
    slack = 0 if suffix == "mov" else Fraction(1, 2000)
    assert max(abs(got - given) for got, given in zip(read_times(path), VARIABLE, strict=True)) <= slack


@pytest.mark.parametrize(
    "clock",
    [Fraction(1, 25), Fraction(1001, 30000), Fraction(163, 4830), Fraction(1, 19320), Fraction(1, 1_000_000),
     Fraction(1, 10_000_000), Fraction(7, 13)],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_any_clock(tmp_path, suffix, clock):
    step = max(1, round(Fraction(1, 30) / clock))
    times = [clock * (index * (step + 1) + index % 2 + 3) for index in range(12)]
    path = tmp_path / f"out.{suffix}"
    write(path, stream(time_base=clock, rate=None), frames(times, last=clock * step))
    assert read_times(path) == times
    assert abs(end(path) - float(times[-1] + clock * step) * 1e6) <= 1


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_order_and_number(tmp_path, suffix):
    """More frames than any look-ahead holds."""
    path = tmp_path / f"out.{suffix}"
    write(path, stream(), frames(steady(80)))
    assert [read_number(image) for image in read_frames(path)] == list(range(80))


def test_unknown_durations_are_taken_from_the_frame_before(tmp_path):
    path = tmp_path / "out.mp4"
    times = steady(5, rate=10)
    write(path, stream(rate=None), (Frame(numbered(i, *SIZE), pts=time, index=i) for i, time in enumerate(times)))
    assert end(path) == pytest.approx(500_000)


def test_times_that_do_not_increase_are_refused(tmp_path):
    with open_sink(tmp_path / "out.mp4", stream()) as sink:
        sink.write(Frame(numbered(0, *SIZE), pts=Fraction(1)))
        with pytest.raises(SinkError, match="frame 1 is not later"):
            sink.write(Frame(numbered(1, *SIZE), pts=Fraction(1), index=1))


def test_times_between_two_ticks_are_distinct(tmp_path):
    """Pictures at 25 a second from 0.5 s on lie half a frame off their clock."""
    path = tmp_path / "out.mp4"
    halves = [Fraction(2 * index + 1, 50) for index in range(6)]
    write(path, stream(time_base=Fraction(1, 25)), frames(halves, last=Fraction(1, 25)))
    assert read_times(path) == [time + Fraction(1, 50) for time in halves]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_clip_on_an_odd_clock_can_be_written(tmp_path, suffix):
    """Matroska's clock may be any number of nanoseconds; its parts are no longer of FFmpeg's 32 bits."""
    given, path = write_clip(tmp_path / "in.mkv", frames=10), tmp_path / f"out.{suffix}"
    data = given.read_bytes()
    scale = bytes.fromhex("2ad7b1 83")  # TimestampScale, three bytes long
    given.write_bytes(data.replace(scale + (1_000_000).to_bytes(3), scale + (1_000_093).to_bytes(3)))
    times = read_times(given)
    assert times[1] == Fraction(1_000_093 * 40, 10**9)
    with open_source(given) as source, open_sink(path, source.info) as sink:
        for frame in source:
            sink.write(frame)
        sink.finish()
    off = Fraction(1, 10**6) if suffix == "mp4" else Fraction(1, 1000)
    assert all(abs(there - time) < off for there, time in zip(read_times(path), times, strict=True))
