"""What a picture and a mask must be, and what is said where they are not."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from livebg.errors import SourceError
from livebg.evaluate.samples import UnusableFile, pictures_by_stem, read_mask, read_picture, read_sample
from tests.evaluate.cases import blob
from tests.evaluate.sets import picture_of, write

MASK = blob(44, 60, 0)
BINARY = np.where(MASK, 255, 0).astype(np.uint8)


def test_a_pair_as_it_should_be(tmp_path):
    picture = picture_of(MASK)
    sample = read_sample("a", write(tmp_path / "a.png", picture), write(tmp_path / "m.png", BINARY), soft=False)
    assert np.array_equal(sample.image, picture[..., ::-1])  # OpenCV wrote BGR
    assert np.array_equal(sample.truth, BINARY)
    assert sample.notes == ()


def test_a_mask_of_three_equal_channels_is_gray(tmp_path):
    mask, note = read_mask(write(tmp_path / "m.png", np.repeat(BINARY[..., None], 3, axis=2)), soft=False)
    assert np.array_equal(mask, BINARY)
    assert note is None


def test_a_mask_of_0_and_1_is_recognised_and_said(tmp_path):
    path = write(tmp_path / "m.png", BINARY // 255)
    mask, note = read_mask(path, soft=False)
    assert np.array_equal(mask, BINARY)
    assert "0 and 1 instead of 0 and 255" in note
    sample = read_sample("a", write(tmp_path / "a.png", picture_of(MASK)), path, soft=False)
    assert [(finding.where, finding.lost) for finding in sample.notes] == [(str(path), False)]


def test_an_empty_mask_is_empty_and_a_breath_of_alpha_is_no_mask_of_0_and_1(tmp_path):
    nothing = np.zeros_like(BINARY)
    assert read_mask(write(tmp_path / "m.png", nothing), soft=False) == (pytest.approx(nothing), None)
    breath = nothing.copy()
    breath[0, :5] = 1
    mask, note = read_mask(write(tmp_path / "b.png", breath), soft=True)
    assert mask.max() == 1
    assert note is None


def test_a_mask_in_colour_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"m\.png: not a mask: it is in colour"):
        read_mask(write(tmp_path / "m.png", picture_of(MASK) * np.array([1, 0, 0], np.uint8)), soft=False)


def test_a_mask_in_the_alpha_channel_is_refused(tmp_path):
    path = write(tmp_path / "m.png", np.dstack([BINARY * 0, BINARY * 0, BINARY * 0, BINARY]))
    with pytest.raises(SourceError, match=r"m\.png: not a mask: it is transparent in places"):
        read_mask(path, soft=False)
    opaque = write(tmp_path / "o.png", np.dstack([BINARY, BINARY, BINARY, np.full_like(BINARY, 255)]))
    assert np.array_equal(read_mask(opaque, soft=False)[0], BINARY)


def test_a_mask_of_labels_is_refused_and_not_taken_as_empty(tmp_path):
    path = write(tmp_path / "m.png", BINARY // 17)
    with pytest.raises(SourceError, match=r"m\.png: not a mask: nothing in it lies above 15"):
        read_mask(path, soft=False)


def test_a_mask_of_16_bits_is_refused(tmp_path):
    with pytest.raises(SourceError, match="uint16"):
        read_mask(write(tmp_path / "m.png", BINARY.astype(np.uint16) * 257), soft=False)


def test_a_mask_full_of_grays_is_refused_unless_grays_are_meant(tmp_path):
    path = write(tmp_path / "m.png", np.random.default_rng(0).integers(0, 256, (44, 60), np.uint8))
    with pytest.raises(SourceError, match=r"m\.png: not a mask: \d\d% of its pixels are neither black nor white"):
        read_mask(path, soft=False)
    assert read_mask(path, soft=True)[1] is None


def test_a_mask_with_a_soft_edge_is_a_mask(tmp_path):
    smooth = cv2.GaussianBlur(np.where(blob(300, 400, 0), 255, 0).astype(np.uint8), (0, 0), 3)
    assert read_mask(write(tmp_path / "m.jpg", smooth), soft=False)[1] is None


def test_a_mask_of_another_size_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"m\.png: the mask is 59x44, its picture 60x44"):
        read_sample(
            "a", write(tmp_path / "a.png", picture_of(MASK)), write(tmp_path / "m.png", BINARY[:, 1:]), soft=False
        )


@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
def test_a_damaged_picture_is_named(tmp_path, damage, capfd):
    path = write(tmp_path / "a.jpg", picture_of(MASK))
    content = {"cut": path.read_bytes()[:-400], "empty": b"", "text": b"not a picture"}[damage]
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.jpg: it is damaged or not a picture"):
        read_picture(path)


def test_a_missing_picture_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"a\.jpg: cannot be read: No such file"):
        read_picture(tmp_path / "a.jpg")


def test_a_gray_picture_has_three_channels(tmp_path):
    assert read_picture(write(tmp_path / "a.png", BINARY)).shape == (44, 60, 3)


def test_two_pictures_of_one_stem_are_said(tmp_path):
    for name in ("a.jpg", "a.png", "b.png", ".hidden.png", "notes.txt"):
        write(tmp_path / name, BINARY) if name != "notes.txt" else (tmp_path / name).write_text("x")
    found, twice = pictures_by_stem(tmp_path)
    assert list(found) == ["a", "b"]
    assert [finding.where for finding in twice] == [str(tmp_path / "a.png")]


@pytest.mark.parametrize("read", [read_picture, lambda path: read_mask(path, soft=False)], ids=["picture", "mask"])
def test_a_header_that_claims_more_than_may_be_decoded(tmp_path, read):
    """OpenCV raises there, where it says «nothing» of other damage."""
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b""), b"IEND")
    packed = [struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in chunks]
    path = tmp_path / "huge.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    with pytest.raises(UnusableFile, match=r"huge\.png: cannot be decoded: .*") as caught:
        read(path)
    assert "\n" not in str(caught.value)
