from __future__ import annotations

import re
import struct
import zlib
from fractions import Fraction as F
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from livebg.errors import SourceError, UsageError
from livebg.sources import is_picture, is_video, open_source
from livebg.sources.images import picture_size
from tests.media import numbered, read_number

if TYPE_CHECKING:
    from pathlib import Path

    from livebg.frame import Frame

EXIF_ORIENTATIONS = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored),
}


def save(path: Path, image: np.ndarray) -> Path:
    """Write an RGB, RGBA or gray picture of 8 or 16 bits."""
    if image.ndim == 3:
        image = image[..., [2, 1, 0, 3][: image.shape[2]]]
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


def save_sequence(folder: Path, names: list[str]) -> None:
    for index, name in enumerate(names):
        save(folder / name, numbered(index))


def exif(orientation: int, order: str = ">") -> bytes:
    tiff = (b"MM" if order == ">" else b"II") + struct.pack(order + "HIH", 42, 8, 1)
    return tiff + struct.pack(order + "HHIHHI", 0x0112, 3, 1, orientation, 0, 0)


def with_exif(jpeg: bytes, orientation: int, order: str = ">") -> bytes:
    segment = b"Exif\0\0" + exif(orientation, order)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def png_with_exif(png: bytes, orientation: int) -> bytes:
    return png[:33] + png_chunk(b"eXIf" + exif(orientation)) + png[33:]


def png_chunk(body: bytes) -> bytes:
    """Of its name and content."""
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def webp_with_exif(webp: bytes, orientation: int, width: int, height: int) -> bytes:
    tiff = exif(orientation)
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    head = b"VP8X" + struct.pack("<IB3x", 10, 0x18) + size
    body = b"WEBP" + head + webp[12:] + b"EXIF" + struct.pack("<I", len(tiff)) + tiff
    return b"RIFF" + struct.pack("<I", len(body)) + body


def read(path: Path | str, **options: object) -> list[Frame]:
    with open_source(path, **options) as source:  # type: ignore[arg-type]
        return list(source)


def test_a_folder_is_a_sequence_in_natural_order(tmp_path: Path) -> None:
    save_sequence(tmp_path, ["frame1.png", "frame2.png", "frame10.png", "Frame11.png"])
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "._frame3.png").write_bytes(b"what a Mac leaves behind")
    with open_source(tmp_path, rate=F(30000, 1001)) as source:
        info = source.info
        frames = list(source)
    assert (info.rate, info.frames, info.duration, info.stills) == (F(30000, 1001), 4, 4 * F(1001, 30000), False)
    assert info.time_base == F(1001, 30000)
    assert [frame.name for frame in frames] == ["frame1", "frame2", "frame10", "Frame11"]
    assert [frame.pts for frame in frames] == [index * F(1001, 30000) for index in range(4)]
    assert [read_number(frame.image) for frame in frames] == [0, 1, 2, 3]


def test_a_glob(tmp_path: Path) -> None:
    save_sequence(tmp_path, ["a1.png", "a2.png", "b1.png"])
    assert [frame.name for frame in read(tmp_path / "a*.png")] == ["a1", "a2"]
    (tmp_path / "notes.txt").touch()
    for pattern, matched in (("c*.png", "nothing"), ("n*", "no picture")):
        with pytest.raises(SourceError, match=rf"{re.escape(pattern)} matches {matched}: check the pattern"):
            open_source(tmp_path / pattern)


def test_a_name_that_looks_like_a_glob(tmp_path: Path) -> None:
    save(tmp_path / "holiday [1].png", numbered(1))
    assert [frame.name for frame in read(tmp_path / "holiday [1].png")] == ["holiday [1]"]


def test_one_picture(tmp_path: Path) -> None:
    path = save(tmp_path / "naïve 日本.png", numbered(3))
    with open_source(str(path)) as source:
        assert source.info.stills
        assert source.info.frames == 1
        assert source.info.name == str(path)
        (frame,) = source
    assert frame.name == "naïve 日本"
    assert np.array_equal(frame.image, numbered(3))


def test_unequal_sizes_are_stills(tmp_path: Path) -> None:
    save(tmp_path / "a.png", numbered(0))
    save(tmp_path / "b.png", numbered(1, 32, 24))
    with open_source(tmp_path) as source:
        assert source.info.stills
        assert [frame.image.shape for frame in source] == [(48, 64, 3), (24, 32, 3)]


def test_equal_sizes_are_stills_when_asked(tmp_path: Path) -> None:
    save_sequence(tmp_path, ["a.png", "b.png"])
    with open_source(tmp_path, stills=True) as source:
        assert source.info.stills


def test_pictures_that_share_a_stem_keep_apart(tmp_path: Path) -> None:
    save(tmp_path / "a.png", numbered(0))
    save(tmp_path / "a.bmp", numbered(1))
    save(tmp_path / "b.bmp", numbered(2))
    assert sorted(frame.name or "" for frame in read(tmp_path)) == ["a.bmp", "a.png", "b"]


def test_a_part_of_a_sequence(tmp_path: Path) -> None:
    save_sequence(tmp_path, [f"{index}.png" for index in range(20)])
    frames = read(tmp_path, start=F(1, 5), end=F(2, 5), rate=F(25))
    assert [read_number(frame.image) for frame in frames] == [5, 6, 7, 8, 9]
    assert [frame.pts for frame in frames] == [F(index, 25) for index in range(5)]
    with pytest.raises(SourceError, match="no picture between 5 s"):
        open_source(tmp_path, start=F(5))
    with pytest.raises(UsageError, match="start and end need a clip or a sequence"):
        open_source(tmp_path / "3.png", start=F(1))


# Kinds of pictures


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("orientation", EXIF_ORIENTATIONS)
def test_exif_orientation(tmp_path: Path, orientation: int, order: str) -> None:
    stored = numbered(0b00100110, 80, 48)
    path = tmp_path / "phone.jpg"
    path.write_bytes(with_exif(cv2.imencode(".jpg", stored[..., ::-1])[1].tobytes(), orientation, order))
    wanted = EXIF_ORIENTATIONS[orientation](stored)
    (frame,) = read(path)
    assert frame.image.shape == wanted.shape
    assert np.abs(frame.image.astype(int) - wanted).mean() < 6
    assert picture_size(path) == (wanted.shape[1], wanted.shape[0])


@pytest.mark.parametrize("suffix", [".png", ".webp"])
@pytest.mark.parametrize("orientation", [*EXIF_ORIENTATIONS, 9])
def test_exif_orientation_of_what_has_alpha(tmp_path: Path, orientation: int, suffix: str) -> None:
    stored = np.dstack([numbered(0b00100110, 80, 48), np.full((48, 80), 255, np.uint8)])
    stored[:10, :20, 3] = 0
    parameters = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else []  # without loss
    plain = cv2.imencode(suffix, stored[..., [2, 1, 0, 3]], parameters)[1].tobytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(
        png_with_exif(plain, orientation) if suffix == ".png" else webp_with_exif(plain, orientation, 80, 48)
    )
    stored[:10, :20, :3] = 255
    wanted = EXIF_ORIENTATIONS[orientation if orientation < 9 else 1](stored[..., :3])
    (frame,) = read(path)
    assert np.array_equal(frame.image, wanted)
    assert picture_size(path) == (wanted.shape[1], wanted.shape[0])


@pytest.mark.parametrize("channels", [3, 4])
def test_exif_of_a_png_as_others_write_it(tmp_path: Path, capfd: pytest.CaptureFixture, channels: int) -> None:
    """With JPEG's mark, and again behind the end: libpng warned of one, and turned it only where there was alpha."""
    stored = np.full((48, 80, channels), 255, np.uint8)
    stored[..., :3] = numbered(0b00100110, 80, 48)
    png = cv2.imencode(".png", stored[..., [2, 1, 0, 3][:channels]])[1].tobytes()
    path = tmp_path / "phone.png"
    path.write_bytes(png[:33] + png_chunk(b"eXIfExif\0\0" + exif(6)) + png[33:])
    (frame,) = read(path)
    assert np.array_equal(frame.image, EXIF_ORIENTATIONS[6](stored[..., :3]))
    path.write_bytes(png + png_with_exif(png, 6))
    (frame,) = read(path)
    assert np.array_equal(frame.image, stored[..., :3])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("place", ["behind a long text", "behind the picture"])
def test_exif_orientation_far_into_a_png(tmp_path: Path, place: str) -> None:
    stored = numbered(0b00100110, 80, 48)
    png = cv2.imencode(".png", stored[..., ::-1])[1].tobytes()
    path = tmp_path / "phone.png"
    behind = len(png) - 12 if place == "behind the picture" else 33
    text = png_chunk(b"tEXta\0" + b"IDAT " * 1600)
    path.write_bytes(png[:behind] + text + png_chunk(b"eXIf" + exif(6)) + png[behind:])
    (frame,) = read(path)
    assert np.array_equal(frame.image, EXIF_ORIENTATIONS[6](stored))
    assert picture_size(path) == (48, 80)


def test_pictures_on_their_side_make_no_sequence(tmp_path: Path) -> None:
    jpeg = cv2.imencode(".jpg", numbered(0))[1].tobytes()
    (tmp_path / "1.jpg").write_bytes(with_exif(jpeg, 1))
    (tmp_path / "2.jpg").write_bytes(with_exif(jpeg, 6))
    with open_source(tmp_path) as source:
        assert source.info.stills


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tiff", ".ppm"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a{suffix}", numbered(7))
    (frame,) = read(path)
    assert np.abs(frame.image.astype(int) - numbered(7)).mean() < 6
    assert picture_size(path) == (64, 48)
    assert is_picture(path)
    assert not is_video(path)


def test_gray_becomes_rgb(tmp_path: Path) -> None:
    gray = numbered(7)[..., 0].copy()
    (frame,) = read(save(tmp_path / "gray.png", gray))
    assert np.array_equal(frame.image, gray[..., None].repeat(3, axis=2))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_become_eight(tmp_path: Path, channels: int) -> None:
    deep = np.zeros((4, 4, channels), np.uint16)
    deep[:2], deep[2:] = 65535, 32896
    (frame,) = read(save(tmp_path / "deep.png", deep.squeeze()))
    assert frame.image.dtype == np.uint8
    assert np.all(frame.image[:2] == 255)
    if channels < 4:
        assert np.abs(frame.image[2:].astype(int) - 128).max() <= 1


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff"])
def test_what_is_transparent_is_white(tmp_path: Path, suffix: str) -> None:
    picture = np.full((16, 16, 4), (200, 40, 90, 255), np.uint8)
    picture[:8, :, 3] = 0
    picture[8:12, :, 3] = 128
    path = tmp_path / f"cut{suffix}"
    parameters = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else []
    path.write_bytes(cv2.imencode(suffix, picture[..., [2, 1, 0, 3]], parameters)[1].tobytes())
    (frame,) = read(path)
    assert np.all(frame.image[:8] == 255)
    assert np.abs(frame.image[8:12].astype(int) - (227, 147, 172)).max() <= 1
    assert np.all(frame.image[12:] == (200, 40, 90))


# Bad pictures


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(SourceError, match="has no pictures in it"):
        open_source(tmp_path)


def test_a_missing_picture(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nothing\.png does not exist"):
        open_source(tmp_path / "nothing.png")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"hello", "is damaged"),
        (b"\x89PNG\r\n\x1a\nrest", "is damaged"),
        (b"\xff\xd8\xff", "is damaged"),
    ],
)
def test_a_damaged_picture(tmp_path: Path, content: bytes, match: str) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=match) as caught:
        open_source(path)
    assert str(path) in str(caught.value)


def test_a_jpeg_that_was_cut_off(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = save(tmp_path / "cut.jpg", noise)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(SourceError, match="is damaged"):
        open_source(path)


def test_an_unreadable_picture_leaves_its_moment_empty(tmp_path: Path) -> None:
    save_sequence(tmp_path, [f"{index}.png" for index in range(5)])
    (tmp_path / "2.png").write_bytes(b"nothing")
    with open_source(tmp_path) as source:
        frames = list(source)
        assert len(source.notes) == 1
        assert "2.png is damaged" in source.notes[0]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert [frame.pts for frame in frames] == [F(0), F(1, 25), F(3, 25), F(4, 25)]
    assert [read_number(frame.image) for frame in frames] == [0, 1, 3, 4]
    with pytest.raises(SourceError, match=r"2\.png is damaged"), open_source(tmp_path, strict=True) as source:
        list(source)


def test_no_picture_of_a_folder_can_be_read(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(SourceError, match=r"a\.png is damaged.*b\.png is damaged"):
        open_source(tmp_path)


def test_a_picture_that_changes_its_size_while_the_sequence_is_read(tmp_path: Path) -> None:
    save_sequence(tmp_path, ["0.png", "1.png", "2.png"])
    with open_source(tmp_path) as source:
        frames = iter(source)
        next(frames)
        save(tmp_path / "1.png", numbered(1, 32, 24))
        with pytest.raises(SourceError, match=r"1\.png is 32x24, the pictures before it 64x48: treat them as stills"):
            next(frames)


def test_pictures_are_opened_without_ffmpeg(tmp_path: Path) -> None:
    import subprocess
    import sys

    path = save(tmp_path / "a.png", numbered(1))
    code = (
        "import sys\nfrom livebg.sources import open_source\n"
        f"with open_source({str(path)!r}) as source:\n    list(source)\n"
        "print('av' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.parametrize(
    "rest", [b"\xff\xff", b"\xff\xe0\0\0", b"\xff\xe0\0\1", b"\xff\xc0\0\2", b"\xff", b""],
    ids=["ends in fill bytes", "no length", "half a length", "no size", "half a marker", "nothing"],
)  # fmt: skip
def test_a_jpeg_that_breaks_off_in_its_header_is_left_out(tmp_path: Path, rest: bytes) -> None:
    save(tmp_path / "a.png", numbered(0))
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8" + rest)
    assert picture_size(tmp_path / "b.jpg") is None
    with open_source(tmp_path) as source:
        assert len(list(source)) == 1
        (note,) = source.notes
    assert "b.jpg is damaged" in note
