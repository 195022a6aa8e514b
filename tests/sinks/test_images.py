"""Folders of PNGs and single pictures."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from livebg.errors import SinkError
from livebg.frame import Frame
from livebg.sinks import open_sink
from livebg.sources import open_source
from tests.media import write_clip
from tests.sinks.clips import PICTURE, SIZE, frames, hidden, steady, stream, write


def read(path):
    """A picture as it is stored, in RGB order."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image.ndim == 2:
        return image
    return cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA if image.shape[2] == 4 else cv2.COLOR_BGR2RGB)


@pytest.mark.parametrize("pixels", ["rgb", "rgba", "gray"])
def test_pictures_come_back_exactly(tmp_path, pixels):
    with open_sink(tmp_path / "out", stream(), pixels=pixels) as sink:
        for frame in frames(steady(11), pixels=pixels):
            sink.write(frame)
        sink.finish()
    found = sorted((tmp_path / "out").iterdir())
    assert [each.name for each in found] == [f"{index:06d}.png" for index in range(11)]
    for index, each in enumerate(found):
        assert np.array_equal(read(each), PICTURE[pixels](index, *SIZE))


def test_pictures_keep_their_names_and_sizes(tmp_path):
    with open_sink(tmp_path / "out", stream(stills=True)) as sink:
        for index, (name, size) in enumerate([("anna", (64, 48)), ("bert.v2", (31, 17)), ("çelik", (1, 1))]):
            sink.write(Frame(PICTURE["rgb"](index, *size), pts=Fraction(index), index=index, name=name))
        sink.finish()
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["anna.png", "bert.v2.png", "çelik.png"]
    assert read(tmp_path / "out" / "bert.v2.png").shape == (17, 31, 3)


def test_a_timecode_is_told(tmp_path):
    sink = write(tmp_path / "out", stream(timecode="01:02:03:04"), frames(steady(2)))
    assert sink.notes == [f"{tmp_path}/out: PNGs have no timecode: that of the first frame was 01:02:03:04"]


def test_two_pictures_of_one_name_do_not_overwrite_each_other(tmp_path):
    first, second = (replace(frame, name=name) for frame, name in zip(frames(steady(2)), ("a", "A"), strict=True))
    with open_sink(tmp_path / "out", stream(stills=True)) as sink:
        sink.write(first)
        with pytest.raises(SinkError, match="two pictures are called A"):
            sink.write(second)
    assert np.array_equal(read(tmp_path / "out.partial" / "a.png"), first.image)


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "PNG"])
@pytest.mark.parametrize("pixels", ["rgb", "gray"])
def test_one_picture(tmp_path, suffix, pixels):
    path = tmp_path / f"out.{suffix}"
    (frame,) = frames(steady(1), pixels=pixels)
    with open_sink(path, stream(stills=True), pixels=pixels) as sink:
        sink.write(frame)
        assert not path.exists()
        with pytest.raises(SinkError, match="holds one picture"):
            sink.write(frame)
        sink.finish()
    got = read(path).astype(float)
    if got.ndim == 3 and pixels == "gray":  # WebP has no gray
        got = got.mean(axis=-1)
    assert np.abs(got - frame.image).mean() < (4 if "jp" in suffix else 0.01)
    assert not hidden(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "tiff"])
def test_one_transparent_picture(tmp_path, suffix):
    path = tmp_path / f"out.{suffix}"
    (frame,) = frames(steady(1), pixels="rgba")
    with open_sink(path, stream(stills=True), pixels="rgba") as sink:
        sink.write(frame)
        sink.finish()
    assert np.array_equal(read(path)[..., 3], frame.image[..., 3])
    solid = frame.image[..., 3] > 0
    assert np.array_equal(read(path)[solid], frame.image[solid])
    assert read(path)[~solid].max() == 0


def test_a_transparent_picture_that_its_format_has_no_size_for(tmp_path):
    path = tmp_path / "out.webp"
    said = r"out\.webp: a picture of 16384x1 cannot be written as \.webp: .*16383"
    with open_sink(path, stream(stills=True), pixels="rgba") as sink, pytest.raises(SinkError, match=said):
        sink.write(Frame(np.zeros((1, 16384, 4), np.uint8)))
    assert not list(tmp_path.iterdir())


def test_no_picture_is_no_success(tmp_path):
    with open_sink(tmp_path / "out.png", stream(stills=True)) as sink, pytest.raises(SinkError, match="no picture"):
        sink.finish()
    assert not list(tmp_path.iterdir())


def test_an_unfinished_picture_is_partial(tmp_path):
    with open_sink(tmp_path / "out.png", stream(stills=True)) as sink:
        sink.write(next(iter(frames(steady(1)))))
    assert [each.name for each in tmp_path.iterdir()] == ["out.partial.png"]


def test_a_lost_picture_is_noticed(tmp_path):
    with open_sink(tmp_path / "out", stream()) as sink:
        for frame in frames(steady(3)):
            sink.write(frame)
        (folder,) = (each for each in tmp_path.iterdir() if each.name.startswith("."))
        (folder / "000001.png").unlink()
        with pytest.raises(SinkError, match="2 pictures were found where 3 were written"):
            sink.finish()
    assert not (tmp_path / "out").exists()


def test_an_older_partial_folder_gives_way_unless_it_holds_other_things(tmp_path):
    partial = tmp_path / "out.partial"
    for number in (1, 2):
        with open_sink(tmp_path / "out", stream()) as sink:
            for frame in frames(steady(number)):
                sink.write(frame)
        assert len(list(partial.iterdir())) == number
    (partial / "letter.txt").write_bytes(b"dear")
    with open_sink(tmp_path / "out", stream()) as sink:
        sink.write(next(iter(frames(steady(1)))))
    assert (partial / "letter.txt").read_bytes() == b"dear"
    others = [each for each in tmp_path.iterdir() if each != partial]
    assert len(others) == 1
    assert others[0].name.startswith("out.partial-")


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (steady(9, 30), []),
        ([Fraction(round(1000 * time), 1000) for time in steady(9, 30)], []),  # as Matroska rounds them
        ([*steady(3, 30), Fraction(1, 5)], ["PNGs have no times: these frames were 33 to 133 ms apart"]),
        ([Fraction(1)], []),
    ],
    ids=["steady", "rounded", "a gap", "one"],
)
def test_times_that_are_lost_are_told(tmp_path, times, said):
    path = tmp_path / "out"
    with open_sink(path, stream()) as sink:
        for frame in frames(times):
            sink.write(frame)
        sink.finish()
    assert sink.notes == [f"{path}: {each}" for each in said]


def test_pictures_have_no_times_to_lose(tmp_path):
    with open_sink(tmp_path / "out", stream()) as sink:
        for frame in frames([*steady(3, 30), Fraction(1, 5)]):
            sink.write(replace(frame, name=str(frame.index)))
        sink.finish()
    assert sink.notes == []


@pytest.mark.parametrize("taken", [True, False])
def test_sound_is_let_go_and_told_of(tmp_path, taken):
    clip = write_clip(tmp_path / "talk.mkv", audio="aac", subtitles=[(Fraction(0), Fraction(1, 5), "one")])
    path = tmp_path / "out"
    with open_source(clip) as source, open_sink(path, source.info, side=taken) as sink:
        for frame in source:
            sink.write(frame)
        sink.finish()
        left = source.info.side.take()
    said = f"{path}: PNGs have no sound and no subtitles: audio stream 1, subtitle stream 2 dropped"
    assert sink.notes == ([said] if taken else [])
    assert bool(left) != taken  # the matte's folder must leave the picture's file its sound
