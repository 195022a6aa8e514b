from __future__ import annotations

import itertools
from fractions import Fraction
from time import monotonic

import pytest

from livebg.errors import SourceError
from livebg.sources import open_camera, realtime
from livebg.sources.realtime import RealtimeSource
from tests.media import numbered, read_number, write_clip

RATE = Fraction(50)


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.mp4", frames=20, rate=RATE, audio="aac")


def test_frames_come_at_their_times_again_and_again(clip):
    with RealtimeSource(str(clip)) as source:
        seen = []
        for frame in source:
            assert monotonic() >= source.captured(frame)
            seen.append((read_number(frame.image), frame.pts))
            if len(seen) == 50:
                break
    assert [number for number, _ in seen] == [index % 20 for index in range(50)]
    assert [pts for _, pts in seen] == [index / RATE for index in range(50)]
    assert source.notes == []


def test_without_loop_it_ends(clip):
    with open_camera(clip, loop=False, size=None) as camera:
        numbers = [read_number(frame.image) for frame in camera]
        assert camera.take(1) is None
        assert camera.ended
    assert numbers == sorted(numbers)
    assert numbers[-1] == 19


@pytest.mark.parametrize("frames", [1, 3])
def test_clips_shorter_than_a_restart_of_the_clock_repeat_evenly(tmp_path, frames):
    path = write_clip(tmp_path / "short.mkv", frames=frames, rate=RATE)
    with RealtimeSource(str(path)) as source:
        times = [frame.pts for frame in itertools.islice(source, 4 * frames)]
    steps = {later - earlier for earlier, later in itertools.pairwise(times)}
    assert all(Fraction(15, 1000) < step < Fraction(25, 1000) for step in steps), steps


def test_the_size_asked_for_is_filled_without_distortion(tmp_path):
    path = write_clip(tmp_path / "tall.mp4", frames=[numbered(0, 48, 96)] * 3, size=(48, 96))
    with open_camera(path, size=(64, 36)) as camera:
        frame = camera.take(5)
        assert (camera.info.width, camera.info.height) == (64, 36)
        assert frame.image.shape == (36, 64, 3)
        assert frame.image.flags.c_contiguous


def test_audio_goes_on_over_the_repetitions_on_the_clock_of_the_frames(clip):
    with RealtimeSource(str(clip), side=True) as source:
        side = source.info.side
        last = [frame.pts for frame in itertools.islice(source, 70)][-1]
        packets = side.take()
        assert side.take() == []
        assert all(packet.stream in side.streams for packet in packets)
        starts = [packet.pts * packet.time_base for packet in packets]
        lengths = [packet.duration * packet.time_base for packet in packets]
    assert starts[-1] == pytest.approx(float(last), abs=0.2)
    for (start, length), following in zip(zip(starts, lengths, strict=True), starts[1:], strict=False):
        assert following >= start + length - Fraction(1, 1000)  # none overlaps: a sink may write them as they are
        assert following - start - length < Fraction(8, 100)  # and the silence at a joint is short


def played(path, seconds, kind="audio"):
    """Start and duration of the packets of one kind, while a clip is played for so long."""
    with RealtimeSource(str(path), side=True) as source:
        for frame in source:
            if frame.pts >= seconds:
                break
        side = source.info.side
        (wanted,) = (each.index for each in side.streams if each.type == kind)
        return [
            (packet.pts * packet.time_base, packet.duration * packet.time_base)
            for packet in side.take()
            if packet.stream_index == wanted
        ]


@pytest.mark.parametrize(
    ("name", "audio", "traits"),
    [
        ("primed.mp4", "libmp3lame", {}),  # an encoder's lead-in stands before each repetition
        ("primed.ts", "aac", {}),
        ("early.mp4", "libmp3lame", {"audio_seconds": Fraction(2), "audio_offset": Fraction(-1, 10)}),
        ("longer.mkv", "aac", {"audio_seconds": Fraction(2)}),
        ("on a packet's end.mov", "pcm_s16le", {"audio_seconds": Fraction(2), "frames": 16}),
        ("between two ticks.mp4", "aac", {"frames": 11, "rate": Fraction(30000, 1001)}),
    ],
)
def test_sound_is_whole_through_all_repetitions(tmp_path, name, audio, traits):
    path = write_clip(tmp_path / name, audio=audio, **{"frames": 20, "rate": RATE, **traits})
    packets = played(path, Fraction(9, 10))
    assert packets[-1][0] > Fraction(4, 5)
    for (start, length), (following, _) in itertools.pairwise(packets):
        assert start < following
        assert -length / 2 < following - start - length < length  # cut to whole packets


def test_a_lead_in_does_not_sound_into_what_it_follows(tmp_path):
    path = write_clip(tmp_path / "c.mp4", frames=20, rate=RATE, audio="libmp3lame", audio_seconds=Fraction(37, 100))
    for (start, length), (following, _) in itertools.pairwise(played(path, Fraction(9, 10))):
        assert following >= start + length


def test_text_is_shown_in_each_repetition_beside_the_sound(tmp_path):
    text = [(Fraction(0), Fraction(3, 10), "word")]
    path = write_clip(tmp_path / "c.mkv", frames=20, rate=RATE, audio="aac", subtitles=text, subtitle_codec="srt")
    assert [start for start, _ in played(path, Fraction(9, 10), "subtitle")] == [0, Fraction(2, 5), Fraction(4, 5)]


def test_where_sound_is_short_its_lead_in_is_kept(tmp_path):
    path = write_clip(tmp_path / "short.mp4", frames=20, rate=RATE, audio="libmp3lame", audio_seconds=Fraction(1, 5))
    starts = [start for start, _ in played(path, Fraction(9, 10))]
    first = [start for start in starts if start < Fraction(3, 10)]
    second = [start - Fraction(2, 5) for start in starts if Fraction(3, 10) < start < Fraction(7, 10)]
    assert second == pytest.approx(first, abs=0.001)


def test_audio_that_nobody_wants_is_not_kept(clip):
    with RealtimeSource(str(clip)) as source:
        assert source.info.side is None


def test_audio_that_nobody_takes_any_more_is_not_kept_for_ever(clip, monkeypatch):
    monkeypatch.setattr(realtime, "_UNTAKEN", Fraction(1, 5))
    with RealtimeSource(str(clip), side=True) as source:
        last = [frame.pts for frame in itertools.islice(source, 70)][-1]
        starts = [packet.pts * packet.time_base for packet in source.info.side.take()]
    assert starts[-1] - starts[0] <= Fraction(1, 5)
    assert starts[-1] == pytest.approx(float(last), abs=0.2)  # whoever takes again has the newest


def test_one_that_cannot_keep_up_stands_still_with_its_sound_and_says_so(clip):
    with RealtimeSource(str(clip), side=True) as source:
        frames = iter(source)
        before = [next(frames) for _ in range(3)][-1]
        source._started -= 60  # as after a suspended minute
        frame = next(frames)
        assert monotonic() - source.captured(frame) < 5
        assert "stood still" in source.notes[0]
        assert frame.pts - before.pts > 59
        source.info.side.take()  # what was read before
        last = [frame.pts for frame in itertools.islice(frames, 20)][-1]
        packets = source.info.side.take()
        assert packets[-1].pts * packets[-1].time_base == pytest.approx(float(last), abs=0.2)


def test_a_clip_that_is_not_there_or_not_a_clip(tmp_path):
    with pytest.raises(SourceError, match=r"gone\.mp4 does not exist"):
        open_camera("gone.mp4")
    (tmp_path / "text.mp4").write_text("no clip")
    with pytest.raises(SourceError, match="is not a video"):
        open_camera(tmp_path / "text.mp4")


def test_a_clip_that_becomes_unreadable_while_it_plays(clip):
    with RealtimeSource(str(clip)) as source:
        frames = iter(source)
        for _ in range(20):
            next(frames)
        source._clip.jump = lambda time: False
        with pytest.raises(SourceError, match="cannot be played again"):
            next(frames)
