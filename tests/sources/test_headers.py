"""What is said of pictures that are not read, or not wholly."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from livebg.errors import SourceError
from livebg.sources import is_picture, open_source
from livebg.sources.headers import count_pictures, is_heic
from tests.media import numbered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def heic(brand: bytes = b"heic", others: bytes = b"mif1heicmiaf") -> bytes:
    """The beginning of an iPhone's picture, and nothing after it."""
    return struct.pack(">I4s4sI", 16 + len(others), b"ftyp", brand, 0) + others + bytes(200)


def animated(suffix: str) -> bytes:
    animation = cv2.Animation()
    animation.frames = [numbered(index) for index in range(5)]
    animation.durations = np.full(5, 100)
    written, data = cv2.imencodeanimation(suffix, animation)
    assert written
    return data.tobytes()


@pytest.mark.parametrize("name", ["IMG_1.heic", "IMG_1.HEIF", "sent.jpg", "saved.png", "no_suffix", "clip.mov"])
def test_heic_is_named_whatever_its_suffix(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(heic())
    with pytest.raises(SourceError) as caught:
        open_source(path)
    assert str(caught.value) == f"{path}: HEIC is not read; export it as JPEG"


def test_a_folder_of_heic(tmp_path: Path) -> None:
    for index in range(9):
        (tmp_path / f"{index}.heic").write_bytes(heic())
    with pytest.raises(SourceError, match=r"0\.heic: HEIC is not read; export it as JPEG.*; and 6 more$"):
        open_source(tmp_path)


def test_heic_among_other_pictures_is_left_out_with_a_note(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), numbered(1))
    (tmp_path / "2.heic").write_bytes(heic())
    with open_source(tmp_path) as source:
        assert len(list(source)) == 1
        assert source.notes == [f"{tmp_path / '2.heic'}: HEIC is not read; export it as JPEG; left out"]


def test_brands() -> None:
    assert is_picture("a.HEIC")
    assert all(is_heic(heic(brand)) for brand in (b"heic", b"heix", b"mif1", b"hevc"))
    assert not is_heic(heic(b"avif", b"avifmif1miaf"))
    assert not is_heic(heic(b"mif1", b"mif1avifmiaf"))  # AVIF too, which is read
    assert not is_heic(heic(b"isom", b"isomavc1"))
    assert not is_heic(b"")


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_of_an_animation_the_first_picture_is_taken_with_a_note(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"moving{suffix}"
    path.write_bytes(animated(suffix))
    with open_source(path) as source:
        assert len(list(source)) == 1
        (note,) = source.notes
    assert note.startswith(f"{path}: the first of its 5 pictures is taken; for all of them make it a GIF")


def test_of_several_pages_the_first_is_taken_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    assert cv2.imwritemulti(str(path), [numbered(index) for index in range(3)])
    with open_source(path) as source:
        assert len(list(source)) == 1
        assert "the first of its 3 pictures is taken" in source.notes[0]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".jpg", ".bmp"])
def test_one_picture_is_one(suffix: str) -> None:
    assert count_pictures(cv2.imencode(suffix, numbered(1))[1].tobytes()) == 1


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_counting_what_is_cut_off_fails_nowhere(suffix: str) -> None:
    whole = animated(suffix) if suffix != ".tif" else cv2.imencodemulti(suffix, [numbered(1), numbered(2)])[1].tobytes()
    assert all(1 <= count_pictures(whole[:length]) <= 5 for length in range(0, len(whole), 7))


def cut_off(png: bytes) -> bytes:
    return png[: len(png) // 2]


def emptied(png: bytes) -> bytes:
    """Its pixels' chunk is named otherwise, so that it has none."""
    return png.replace(b"IDAT", b"IDAt")


@pytest.mark.parametrize("damage", [cut_off, emptied])
def test_opencv_says_nothing_of_a_damaged_picture(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "cut.png"
    path.write_bytes(damage(cv2.imencode(".png", numbered(1))[1].tobytes()))
    with pytest.raises(SourceError, match=r"cut\.png is damaged"):
        open_source(path)
    assert capfd.readouterr().err == ""


def png_with(*chunks: bytes) -> bytes:
    """A palette's red picture, all of it hidden where one of the chunks is tRNS; each given as name and content."""
    parts = [b"IHDR" + struct.pack(">IIBBBBB", 64, 48, 8, 3, 0, 0, 0), b"PLTE\xff\0\0", *chunks]
    parts += [b"IDAT" + zlib.compress(bytes(65 * 48)), b"IEND"]
    framed = (struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.mark.parametrize("size", [10, 10_000])
def test_what_alpha_hides_stays_hidden_however_far_it_stands(tmp_path: Path, size: int) -> None:
    path = tmp_path / "cut.png"
    path.write_bytes(png_with(b"tEXta\0" + b"IDAT" + b"." * size, b"tRNS\0"))
    (frame,) = open_source(path)
    assert (frame.image == 255).all()


def test_what_is_amiss_beside_a_png_s_picture_is_not_talked_about(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    """By libpng, on standard error: a call writes its own lines there."""
    path = tmp_path / "edited.png"
    broken = bytearray(png_with(b"iCCPx\0\0" + zlib.compress(b"short"), b"cHRM...", b"tEXta\0b"))
    broken[broken.index(b"tEXt") + 5] = 0x21  # its checksum is wrong now
    path.write_bytes(broken)
    (frame,) = open_source(path)
    assert (frame.image == (255, 0, 0)).all()
    assert capfd.readouterr() == ("", "")
