"""Sound and subtitles beside the picture: copied, encoded anew or dropped, and always in time."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from livebg.errors import SourceError
from livebg.sinks import open_sink
from livebg.sources import open_source
from tests.media import read_packet_times, read_times, write_clip

LINES = [
    (Fraction(1, 2), Fraction(1), "Guten {\\i1}Tag{\\i0}"),
    (Fraction(1), Fraction(3, 2), "Zwei\\NZeilen"),
    (Fraction(7, 4), Fraction(2), "Ende"),
]


def pass_through(source_path, path, *, stop_after=None, strict=False):
    """Source to sink with nothing between; returns the sink's notes."""
    with open_source(source_path, strict=strict) as source, open_sink(path, source.info) as sink:
        for frame in source:
            if stop_after is not None and frame.index == stop_after:
                return sink.notes
            sink.write(frame)
        sink.finish()
        return sink.notes


def payloads(path, kind="audio"):
    with av.open(str(path)) as container:
        stream = next(each for each in container.streams if each.type == kind)
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def first_sound(path):
    """When the tone begins, in seconds, by decoding."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", 48000)
        for decoded in container.decode(audio=0):
            for frame in resampler.resample(decoded):
                loud = np.abs(frame.to_ndarray()[0]) > 0.05
                if loud.any():
                    return float(frame.pts * frame.time_base) + int(np.argmax(loud)) / 48000
    raise AssertionError(f"{path} is silent")


def shown_text(path):
    """(start, end, text without markup) of each subtitle."""
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        found = []
        for packet in container.demux(stream):
            for each in stream.decode(packet) if packet.size else []:
                start = packet.pts * packet.time_base
                text = each.dialogue.decode().replace("{\\i1}", "").replace("{\\i0}", "")
                found.append((start, start + packet.duration * packet.time_base, text))
        return found


@pytest.mark.parametrize("offset", [Fraction(0), Fraction(1, 5)])
@pytest.mark.parametrize("audio", ["aac", "libmp3lame"])
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_sound_is_copied_bit_for_bit_in_time(tmp_path, suffix, audio, offset):
    given = write_clip(tmp_path / "in.mp4", frames=60, audio=audio, audio_offset=offset, rate=Fraction(30))
    path = tmp_path / f"out.{suffix}"
    assert pass_through(given, path) == []
    assert payloads(path) == payloads(given)
    slack = Fraction(1, 2000) if suffix == "mkv" else 0
    for got, expected in zip(read_packet_times(path, "audio"), read_packet_times(given, "audio"), strict=True):
        assert abs(got - expected) <= slack
    # Sound before zero (the codec's priming) must not move the picture.
    assert max(abs(got - was) for got, was in zip(read_times(path), read_times(given), strict=True)) <= slack
    assert first_sound(path) == pytest.approx(first_sound(given), abs=0.001)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_the_source_may_be_closed_before_its_last_sound_is_taken(tmp_path, suffix):
    """As a call closes its camera before its recording is complete."""
    given = write_clip(tmp_path / "in.mp4", frames=25, audio="aac", subtitles=LINES[:2])
    path = tmp_path / f"out.{suffix}"
    with open_source(given) as source, open_sink(path, source.info) as sink:
        frames = list(source)
        source.close()
        for frame in frames:
            sink.write(frame)
        sink.finish()
    assert len(shown_text(path)) == 2
    assert first_sound(path) == pytest.approx(first_sound(given), abs=0.005)
    with av.open(str(path)) as out:
        assert sum(frame.samples / frame.sample_rate for frame in out.decode(audio=0)) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("clock", [Fraction(1, 25), Fraction(1001, 30000)])
def test_offset_is_exact_whatever_the_picture_s_clock(tmp_path, clock):
    """The muxer's own movie clock of milliseconds would round it, and the picture's clock is coarser still."""
    times = [clock * index for index in range(30)]
    given = write_clip(
        tmp_path / "in.mp4", times=times, time_base=clock, audio="aac", audio_offset=Fraction(1234, 10007)
    )
    path = tmp_path / "out.mp4"
    pass_through(given, path)
    assert read_packet_times(path, "audio") == read_packet_times(given, "audio")


@pytest.fixture
def damaged(tmp_path):
    """A clip four packets of whose sound cannot be decoded."""
    given = write_clip(tmp_path / "in.mp4", frames=50, audio="aac")
    data = bytearray(given.read_bytes())
    with av.open(str(given)) as container:
        sounds = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    for place, size in sounds[40:44]:
        data[place : place + size] = b"\xff" * size
    given.write_bytes(data)
    return given


def test_damaged_sound_is_left_out_and_told(damaged, tmp_path):
    """Encoded anew; it ended the whole job, as if the output could not be written."""
    notes = pass_through(damaged, tmp_path / "out.webm")
    assert "audio stream 1: damaged packets could not be decoded and are left out (4)" in notes
    with av.open(str(tmp_path / "out.webm")) as out:
        seconds = sum(frame.samples for frame in out.decode(audio=0)) / 48_000
    assert seconds == pytest.approx(2, abs=0.05)  # silence in their place: what follows is in time


def test_damaged_sound_of_a_strict_source_is_an_error(damaged, tmp_path):
    with pytest.raises(SourceError, match=r"in\.mp4 is damaged: a packet of its audio cannot be decoded$"):
        pass_through(damaged, tmp_path / "out.webm", strict=True)
    assert not (tmp_path / "out.webm").exists()


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_a_damaged_line_is_left_out_and_told(tmp_path, suffix):
    """One in another encoding than UTF-8 ended the whole job, as if the output could not be written."""
    given, path = write_clip(tmp_path / "in.mkv", frames=75, subtitles=LINES), tmp_path / f"out.{suffix}"
    assert given.read_bytes().count(b"Ende") == 1
    given.write_bytes(given.read_bytes().replace(b"Ende", "Été.".encode("latin-1")))
    notes = pass_through(given, path)
    assert "subtitle stream 1: damaged packets could not be decoded and are left out (1)" in notes
    assert [start for start, _, _ in shown_text(path)] == [start for start, _, _ in LINES[:2]]


@pytest.mark.parametrize(
    ("container", "audio", "suffix", "becomes"),
    [
        ("mp4", "aac", "webm", "Opus"),
        ("mp4", "libmp3lame", "webm", "Opus"),
        ("mkv", "pcm_s16le", "webm", "Opus"),
        ("mkv", "pcm_s16le", "mp4", "AAC"),
        ("mkv", "flac", "mov", "AAC"),
        ("mkv", "libopus", "mov", "AAC"),
    ],
)
@pytest.mark.parametrize("offset", [Fraction(0), Fraction(1, 5)])
def test_sound_is_encoded_anew_where_it_must_be(tmp_path, container, audio, suffix, becomes, offset):
    given = write_clip(tmp_path / f"in.{container}", frames=50, audio=audio, audio_offset=offset)
    path = tmp_path / f"out.{suffix}"
    notes = pass_through(given, path)
    assert len(notes) == 1
    assert f"cannot go into .{suffix}; encoded as {becomes}" in notes[0]
    assert first_sound(path) == pytest.approx(first_sound(given), abs=0.005)
    assert read_times(path)[0] == 0
    with av.open(str(path)) as out:
        sound = out.streams.audio[0]
        heard = sum(frame.samples / frame.sample_rate for frame in out.decode(sound))
    assert heard == pytest.approx(2.0, abs=0.06)


@pytest.mark.parametrize("audio", ["libopus", "pcm_s16le", "flac", "ac3"])
def test_matroska_takes_them_all(tmp_path, audio):
    given = write_clip(tmp_path / "in.mkv", frames=25, audio=audio)
    assert pass_through(given, tmp_path / "out.mkv") == []
    assert payloads(tmp_path / "out.mkv") == payloads(given)


def test_webm_has_no_time_below_what_opus_declares(tmp_path):
    """Chromium refuses a block of a negative time."""
    given = write_clip(tmp_path / "in.mp4", frames=25, audio="aac", audio_offset=Fraction(-1, 10))
    path = tmp_path / "out.webm"
    pass_through(given, path)
    assert read_packet_times(path, "audio")[0] >= Fraction(-7, 1000)
    assert read_times(path)[0] == 0


@pytest.mark.parametrize(
    ("container", "codec", "suffix", "note"),
    [
        ("mkv", "subrip", "mkv", None),
        ("mkv", "ass", "mkv", None),
        ("mp4", None, "mp4", None),
        ("webm", None, "webm", None),
        ("mkv", "subrip", "mp4", "converted to MP4 text"),
        ("mkv", "ass", "mov", "converted to MP4 text"),
        ("mp4", None, "webm", "converted to WebVTT"),
        ("mp4", None, "mkv", "converted to SubRip"),
        ("webm", None, "mp4", "converted to MP4 text"),
    ],
)
def test_subtitles(tmp_path, container, codec, suffix, note):
    video = "libvpx-vp9" if container == "webm" else "libx264"
    given = write_clip(
        tmp_path / f"in.{container}", frames=50, subtitles=LINES, subtitle_codec=codec, codec=video, audio="libopus"
    )
    path = tmp_path / f"out.{suffix}"
    notes = [each for each in pass_through(given, path) if "subtitle" in each]
    assert len(notes) == (note is not None)
    if note:
        assert note in notes[0]
    assert shown_text(path) == [
        (Fraction(1, 2), Fraction(1), "Guten Tag"),
        (Fraction(1), Fraction(3, 2), "Zwei\nZeilen"),
        (Fraction(7, 4), Fraction(2), "Ende"),
    ]
    assert payloads(path, "subtitle") == payloads(given, "subtitle") or note


def test_pictures_of_text_are_kept_or_dropped_with_a_note(tmp_path):
    plain = write_clip(tmp_path / "plain.mkv", frames=25)
    given = add_bitmap_subtitles(plain, tmp_path / "in.mkv")
    assert pass_through(given, tmp_path / "out.mkv") == []
    assert payloads(tmp_path / "out.mkv", "subtitle") == payloads(given, "subtitle")
    (note,) = pass_through(given, tmp_path / "out.webm")
    assert "dvdsub cannot go into .webm and is no text; dropped" in note
    with av.open(str(tmp_path / "out.webm")) as out:
        assert not out.streams.subtitles


def add_bitmap_subtitles(plain, path):
    """The same clip with a stream of DVD subtitles; their pixels do not matter here."""
    with av.open(str(plain)) as container, av.open(str(path), "w") as output:
        video = output.add_stream_from_template(container.streams.video[0])
        text = output.add_mux_stream("dvd_subtitle")
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = video
                output.mux(packet)
        packet = av.Packet(bytes([0, 10, 0, 6, 0, 0, 0xFF, 0, 0, 0]))
        packet.stream, packet.time_base = text, Fraction(1, 1000)
        packet.pts = packet.dts = 500
        packet.duration = 300
        output.mux(packet)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_several_streams_keep_their_tags(tmp_path, suffix):
    """Two languages, of which the second is preferred."""
    first = write_clip(tmp_path / "a.mkv", frames=25, audio="aac", subtitles=LINES[:1])
    given, path = tmp_path / "in.mkv", tmp_path / f"out.{suffix}"
    with av.open(str(first)) as container, av.open(str(given), "w") as output:
        video, sound, text = container.streams.video[0], container.streams.audio[0], container.streams.subtitles[0]
        outs = {video.index: [output.add_stream_from_template(video)], sound.index: [], text.index: []}
        for language in ("deu", "eng"):
            for stream in (sound, text):
                out = output.add_stream_from_template(stream)
                out.metadata["language"] = language
                out.disposition = av.stream.Disposition.default if language == "eng" else 0
                outs[stream.index].append(out)
        for packet in container.demux():
            for out in outs[packet.stream.index] if packet.size else []:
                copy = av.Packet(bytes(packet))
                copy.stream, copy.time_base = out, packet.time_base
                copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
                copy.is_keyframe = packet.is_keyframe
                output.mux(copy)
    pass_through(given, path)
    with av.open(str(path)) as container:
        assert [stream.language for stream in container.streams.audio] == ["deu", "eng"]
        assert [stream.language for stream in container.streams.subtitles] == ["deu", "eng"]
        preferred = [bool(stream.disposition & av.stream.Disposition.default) for stream in container.streams.audio]
        assert preferred == [False, True]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_sound_keeps_its_name(tmp_path, container, suffix):
    given = write_clip(tmp_path / f"in.{container}", audio="aac", audio_tags={"title": "Commentary"})
    path = tmp_path / f"out.{suffix}"
    pass_through(given, path)
    with av.open(str(path)) as out:
        tags = out.streams.audio[0].metadata
    assert tags["name" if suffix == "mp4" else "title"] == "Commentary"
    assert "name" not in tags or suffix == "mp4"


def test_a_track_s_own_timecode_would_be_wrong_in_a_part(tmp_path):
    tags = {"timecode": "01:00:00:00"}
    given = write_clip(tmp_path / "in.mkv", frames=50, rate=Fraction(25), audio="aac", video_tags=tags, audio_tags=tags)
    path = tmp_path / "out.mkv"
    with open_source(given, start=Fraction(1)) as source, open_sink(path, source.info) as sink:
        for frame in source:
            sink.write(frame)
        sink.finish()
    with av.open(str(path)) as out:
        told = [{key.lower(): value for key, value in each.metadata.items()} for each in out.streams]
    assert [each.get("timecode") for each in told] == ["01:00:01:00", None]


def test_no_side_streams_when_not_asked(tmp_path):
    given = write_clip(tmp_path / "in.mp4", frames=10, audio="aac")
    with open_source(given) as source, open_sink(tmp_path / "out.mp4", source.info, side=False) as sink:
        for frame in source:
            sink.write(frame)
        sink.finish()
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_an_interrupted_run_has_its_sound_too_and_no_more(tmp_path):
    given = write_clip(tmp_path / "in.mp4", frames=100, audio="aac")
    pass_through(given, tmp_path / "out.mp4", stop_after=50)
    partial = tmp_path / "out.partial.mp4"
    assert len(read_times(partial)) == 50
    assert 1.8 <= read_packet_times(partial, "audio")[-1] <= 2.0


def test_start_keeps_the_offset(tmp_path):
    """What sounds at 1 s of the input sounds at 0 of a copy from 1 s on."""
    given = write_clip(
        tmp_path / "in.mp4", frames=75, audio="aac", audio_offset=Fraction(3, 2), audio_seconds=Fraction(1)
    )
    path = tmp_path / "out.mp4"
    with open_source(given, start=Fraction(1)) as source, open_sink(path, source.info) as sink:
        for frame in source:
            sink.write(frame)
        sink.finish()
    assert first_sound(path) == pytest.approx(first_sound(given) - 1, abs=0.001)


@pytest.mark.parametrize("target", ["single_face.mp4", "selfie.mp4"])
def test_real_clips(shared_data, tmp_path, target):
    given, path = shared_data / "clips" / target, tmp_path / "out.mp4"
    notes = pass_through(given, path, stop_after=None if target == "single_face.mp4" else 20)
    assert notes == []
    if target == "single_face.mp4":
        assert read_times(path) == read_times(given)
        assert payloads(path) == payloads(given)
        assert read_packet_times(path, "audio") == read_packet_times(given, "audio")
    else:
        # What the encoder still held when the time to close was up is lost; on a busy machine that is more.
        times = read_times(tmp_path / "out.partial.mp4")
        assert times
        assert times == [Fraction(163 * index, 4830) for index in range(20)][: len(times)]
