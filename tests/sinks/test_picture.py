"""The picture: sizes, colours and their tags, alpha, mattes, and what the container says about it."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation, VideoReformatter

from livebg.errors import UsageError
from livebg.frame import Chapter, Colour, Frame
from livebg.sinks import open_sink
from tests.media import read_frames, read_times
from tests.sinks.clips import VARIABLE, frames, matte, read_alpha, steady, stream, transparent, write

BT709, BT601, PAL = Colour(1, 1, 1, False), Colour(6, 6, 6, False), Colour(5, 6, 5, False)
EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


def soft_colours(height=96, width=128):
    """Every hue, smoothly, so that 4:2:0 loses little of it."""
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width) * 2 * np.pi
    image = np.stack([np.sin(rows + columns), np.cos(rows - columns), np.sin(2 * rows)], axis=-1) * 90 + 128
    return image.astype(np.uint8)


def decoded(path):
    """The first picture, converted by its own tags as an exact reader does; and the stream's context."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        context = container.streams.video[0].codec_context
        tags = Colour(context.color_primaries, context.color_trc, context.colorspace, context.color_range == 2)
        image = VideoReformatter().reformat(frame, format="rgb24", interpolation=EXACT).to_ndarray()
        return image, tags


def write_one(path, image, info, **options):
    return write(path, info, [Frame(image, duration=Fraction(1, 25))], **options)


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "h264"), ("mp4", "h265"), ("mkv", "h264"), ("webm", "vp9")])
@pytest.mark.parametrize("full", [False, True], ids=["tv", "pc"])
@pytest.mark.parametrize("colour", [BT709, BT601, PAL], ids=["709", "601", "pal"])
def test_colour_and_its_tags(tmp_path, suffix, codec, full, colour):
    path, image = tmp_path / f"out.{suffix}", soft_colours()
    given = Colour(colour.primaries, colour.transfer, colour.matrix, full)
    write_one(path, image, stream((128, 96), colour=given), codec=codec, crf=4)
    got, tags = decoded(path)
    assert (tags.primaries, tags.transfer, tags.full_range) == (given.primaries, given.transfer, full)
    assert {tags.matrix, given.matrix} in ({tags.matrix}, {5, 6})  # 5 and 6 are the same numbers
    assert np.abs((got.astype(float) - image).mean(axis=(0, 1))).max() <= 0.5
    assert np.abs(got.astype(float) - image).mean() <= 2


@pytest.mark.parametrize("size", [(128, 96), (127, 95)])
@pytest.mark.parametrize("full", [False, True], ids=["tv", "pc"])
def test_opaque_prores_is_422_hq_in_limited_range(tmp_path, full, size):
    path, image = tmp_path / "out.mov", soft_colours(*size[::-1])
    sink = write_one(path, image, stream(size, colour=Colour(1, 1, 1, full)), codec="prores")
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.codec_tag, context.profile, context.pix_fmt) == ("apch", "HQ", "yuv422p10le")
    got, tags = decoded(path)
    assert tags == Colour(1, 1, 1, False)
    assert got.shape == (96, 128, 3)  # an odd size is padded: FFmpeg loses the colour of the last odd column
    assert np.abs(got[: size[1], : size[0]].astype(float) - image).mean() <= 2
    assert np.abs(got[:, -1].astype(float) - got[:, -2]).mean() <= 8
    assert [note.partition(":")[0] for note in sink.notes] == ([] if size == (128, 96) else ["prores has no odd sizes"])


@pytest.mark.parametrize("full", [False, True])
def test_gray_has_no_tint(tmp_path, full):
    """swscale alone puts chroma half a step low in full range."""
    gray = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (16, 1))[..., None], 3, axis=2)
    path = tmp_path / "out.mp4"
    write_one(path, gray, stream((256, 16), colour=Colour(1, 1, 1, full)), crf=1)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    for index in (1, 2):
        plane = frame.planes[index]
        chroma = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width]
        assert abs(chroma.astype(float).mean() - 128) < 0.1


@pytest.mark.parametrize("said", [Colour(), Colour(matrix=0, full_range=True), Colour(matrix=8)])
def test_what_cannot_be_kept_becomes_bt709(tmp_path, said):
    path, image = tmp_path / "out.mp4", soft_colours()
    write_one(path, image, stream((128, 96), colour=said), crf=4)
    got, tags = decoded(path)
    assert (tags.primaries, tags.transfer, tags.matrix) == (1, 1, 1)
    assert np.abs((got.astype(float) - image).mean(axis=(0, 1))).max() <= 0.5


@pytest.mark.parametrize("suffix", ["mov", "webm"])
def test_alpha_is_real_and_nothing_is_under_it(tmp_path, suffix):
    path, size = tmp_path / f"out.{suffix}", (256, 144)
    write(path, stream(size), frames(steady(6), size=size, pixels="rgba"), pixels="rgba")
    pictures = read_alpha(path)
    assert len(pictures) == 6
    for index, got in enumerate(pictures):
        given = transparent(index, *size)
        # Away from edges: what a codec does to the pixels beside them is its own.
        clear, solid = np.s_[:, : 256 // 8 - 16], np.s_[:, 256 // 4 + 16 : 256 * 3 // 4 - 16]
        assert got[clear][..., 3].max() == 0
        assert got[solid][..., 3].min() == 255
        # VP9 would let the faintest arrive as 0 with the room's colour; it counts as none before that.
        kept = np.where(given[..., 3] < (24 if suffix == "webm" else 0), 0, given[..., 3]).astype(int)
        assert np.abs(got[..., 3] - kept).max() <= 10
        assert got[clear][..., :3].max() <= 2
        assert got[got[..., 3] == 0][:, :3].mean() <= 1
        assert np.abs(got[solid][..., :3].astype(float) - given[solid][..., :3]).mean() <= 4


def test_webm_says_that_it_has_alpha_as_browsers_read_it(tmp_path):
    path = tmp_path / "out.webm"
    write(path, stream(), frames(steady(2), pixels="rgba"), pixels="rgba")
    assert b"\x53\xc0\x81\x01" in path.read_bytes()  # the element AlphaMode, 1


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm", "mov"])
def test_a_matte_comes_back(tmp_path, suffix):
    path, size = tmp_path / f"matte.{suffix}", (160, 120)
    write(path, stream(size, colour=BT601), frames(steady(10), size=size, pixels="gray"), pixels="gray")
    with av.open(str(path)) as container:
        grays = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    for index, (gray, rgb) in enumerate(zip(grays, read_frames(path), strict=True)):
        given = matte(index, *size).astype(int)
        assert np.abs(gray - given).mean() <= 0.5
        assert np.abs(gray - given).max() <= 8
        assert gray.min() == 0
        assert gray.max() == 255
        assert np.abs(rgb - given[..., None]).mean() <= 1.5


@pytest.mark.parametrize("ratio", [Fraction(128, 117), Fraction(16, 15), Fraction(3, 4)])
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_sample_aspect_ratio_is_kept(tmp_path, suffix, ratio):
    path = tmp_path / f"out.{suffix}"
    write(path, stream(sample_aspect_ratio=ratio), frames(steady(3)))
    with av.open(str(path)) as container:
        assert container.streams.video[0].sample_aspect_ratio == ratio


def test_sample_aspect_ratio_of_transparent_mov(tmp_path):
    path = tmp_path / "out.mov"
    write(path, stream(sample_aspect_ratio=Fraction(128, 117)), frames(steady(3), pixels="rgba"), pixels="rgba")
    with av.open(str(path)) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(128, 117)


@pytest.mark.parametrize(("ratio", "size"), [(Fraction(128, 117), (70, 48)), (Fraction(3, 4), (64, 64))])
def test_webm_gets_square_pixels(tmp_path, ratio, size):
    path = tmp_path / "out.webm"
    sink = write(path, stream(sample_aspect_ratio=ratio), frames(steady(3), pixels="rgba"), pixels="rgba")
    assert read_alpha(path)[0].shape[1::-1] == size
    assert f"scaled to {size[0]}x{size[1]}" in sink.notes[0]


@pytest.mark.parametrize("size", [(1, 1), (33, 21), (65, 48), (64, 49)])
def test_odd_sizes_are_padded_for_h264(tmp_path, size):
    path = tmp_path / "out.mp4"
    sink = write(path, stream(size), frames(steady(3), size=size))
    image = read_frames(path)[0]
    even = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert image.shape[1::-1] == even
    assert f"makes it {even[0]}x{even[1]}" in sink.notes[0]
    if size[0] % 2:
        assert np.abs(image[:, -1].astype(int) - image[:, -2]).mean() < 4


@pytest.mark.parametrize("size", [(1, 1), (33, 21), (65, 48)])
@pytest.mark.parametrize(("suffix", "pixels"), [("webm", "rgb"), ("webm", "rgba"), ("mov", "rgba")])
def test_odd_sizes_are_kept_where_the_codec_can(tmp_path, size, suffix, pixels):
    path = tmp_path / f"out.{suffix}"
    sink = write(path, stream(size), frames(steady(3), size=size, pixels=pixels), pixels=pixels)
    assert read_frames(path)[0].shape[1::-1] == size
    assert not sink.notes


@pytest.mark.parametrize("codec", ["h265", "av1"])
def test_too_small_for_the_codec(tmp_path, codec):
    with pytest.raises(UsageError, match=r"is 2x2, .* at least .*; use h264"):
        open_sink(tmp_path / "out.mp4", stream((2, 2)), codec=codec)
    assert not list(tmp_path.iterdir())


def test_h265_is_tagged_for_apple(tmp_path):
    path = tmp_path / "out.mp4"
    write(path, stream((64, 64)), frames(steady(2), size=(64, 64)), codec="h265")
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


@pytest.mark.parametrize("times", [steady(25), VARIABLE])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_the_timecode_of_the_first_frame(tmp_path, suffix, times):
    """A clip that is cut to what is written finds its place in the edit again."""
    path = tmp_path / f"out{suffix}"
    rate = Fraction(30_000, 1001)
    assert write(path, stream(rate=rate, timecode="01:02:03;04"), frames(times)).notes == []
    with av.open(str(path)) as container:
        tags = {key.lower(): value for key, value in container.streams.video[0].metadata.items()}
        assert tags["timecode"] == "01:02:03;04"
        kinds = [each.type for each in container.streams]
        assert kinds == (["video", "data"] if suffix in (".mp4", ".mov") else ["video"])


@pytest.mark.parametrize(("timecode", "rate"), [("01:02:03;04", 25), ("01:02:03:28", 27), ("noon", 25)])
def test_a_timecode_that_cannot_be_written_is_told_and_ends_nothing(tmp_path, timecode, rate):
    path = tmp_path / "out.mov"
    (note,) = write(path, stream(rate=Fraction(rate), timecode=timecode), frames(steady(5))).notes
    assert note == f"the timecode {timecode} is left out: it is none of {rate} frames a second"
    assert len(read_times(path)) == 5


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
def test_title_tags_and_chapters(tmp_path, suffix):
    path = tmp_path / f"out.{suffix}"
    chapters = (Chapter(Fraction(0), Fraction(1, 2), "Anfang"), Chapter(Fraction(1, 2), Fraction(1), "Ende"))
    tags = {"title": "Ein Gespräch", "artist": "Anna", "comment": "x", "major_brand": "mp42", "encoder": "old"}
    write(path, stream(metadata=tags, chapters=chapters), frames(steady(25)))
    with av.open(str(path)) as container:
        got = {key.lower(): value for key, value in container.metadata.items()}
        assert {key: got[key] for key in ("title", "artist", "comment")} == {
            "title": "Ein Gespräch", "artist": "Anna", "comment": "x",
        }  # fmt: skip
        assert got.get("major_brand") != "mp42"
        assert got["encoder"] != "old"
        assert [
            Chapter(each["start"] * each["time_base"], each["end"] * each["time_base"], each["metadata"]["title"])
            for each in container.chapters()
        ] == list(chapters)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
def test_tags_of_ones_own(tmp_path, suffix):
    path = tmp_path / f"out.{suffix}"
    tags = {"title": "T", "com.apple.quicktime.model": "Phone 9", "scene": "12b"}
    write(path, stream(metadata=tags), frames(steady(2)))
    with av.open(str(path)) as container:
        got = {key.lower(): value for key, value in container.metadata.items()}
    assert {key: got.get(key) for key in tags} == tags
