"""A part of a clip: cut exactly, picture, sound, subtitles and chapters alike, and reached by jumping."""

from __future__ import annotations

from fractions import Fraction as F
from typing import TYPE_CHECKING

import pytest

from livebg.errors import SourceError, UsageError
from livebg.frame import Chapter
from livebg.sources import open_source
from livebg.sources.clip import Clip
from tests.media import write_clip
from tests.sources.clips import numbers, read_clip, time_of

if TYPE_CHECKING:
    from pathlib import Path

    import av


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
    whole = read_clip(any_long_clip)
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
            time_of(packet) - (start or 0)
            for packet in whole
            if (start is None or time_of(packet) + packet.duration * packet.time_base > start)
            and (end is None or time_of(packet) < end)
        ]
    with open_source(any_long_clip, start=start, end=end) as source:
        list(source)
        assert source.info.side is not None
        got = [time_of(packet) for packet in source.info.side.take() if packet.stream.type == "audio"]
    assert got == pytest.approx(wanted, abs=1 / 10000)


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
    assert len(read_clip(long_clip, start=F(9))) == 25
    assert len(decoded) <= 75  # from the keyframe at 8 s, not from the top


def test_a_start_in_a_stream_that_cannot_jump(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "raw.h264", frames=50, options={"g": "10"})
    frames = read_clip(path, start=F(1))
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
    assert len(read_clip(path, end=0.2)) == len(read_clip(path, end=F(1, 5))) == 6
    assert numbers(read_clip(path, start=0.3)) == [9, 10, 11]


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
