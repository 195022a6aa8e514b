"""Colours as an ICC profile means them, of profiles made here tag by tag; expected values are the spaces' own."""

from __future__ import annotations

import struct
import sys
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageCms

from livebg.sources import open_source
from livebg.sources.profile import in_srgb

if TYPE_CHECKING:
    from pathlib import Path

# Primaries adapted to D50, and curves: of IEC 61966-2-1, or a gamma.
WHITE = (0.9642, 1.0, 0.8249)
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
PRIMARIES = {
    "srgb": ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)),
    "p3": ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
    "adobe": ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
}
ADOBE_GAMMA = (2.19921875,)


def number(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(number, values))


def curve(parameters: tuple[float, ...]) -> bytes:
    kind = {1: 0, 5: 3}[len(parameters)]
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + b"".join(map(number, parameters))


def profile(space: bytes, tags: dict[bytes, bytes], *, connection: bytes = b"XYZ ", kind: bytes = b"mntr") -> bytes:
    """Source: ICC.1:2022, 7.2 and 7.3."""
    text = b"mluc\0\0\0\0" + struct.pack(">II", 1, 12) + b"enUS" + struct.pack(">II", 2, 28) + b"\0x"
    tags = {b"desc": text, b"cprt": text, b"wtpt": xyz(WHITE), **tags}
    table, body, place = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", place + len(body), len(content))
        body += content
    head = bytes(8) + b"\x04\x30\0\0" + kind + space + connection + bytes(12) + b"acsp" + bytes(28)
    head += b"".join(map(number, WHITE)) + bytes(48)
    whole = head + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


def rgb(name: str) -> bytes:
    bent = curve(ADOBE_GAMMA if name == "adobe" else SRGB_CURVE)
    tags = {b"%cXYZ" % each: xyz(values) for each, values in zip(b"rgb", PRIMARIES[name], strict=True)}
    return profile(b"RGB ", tags | {b"%cTRC" % each: bent for each in b"rgb"})


def inks() -> bytes:
    """A press whose cyan ink prints middle gray, whose others print black, and whose paper is white."""
    table = b"".join(
        bytes([round(255 * lightness / 100), 128, 128])
        for cyan in (0, 1)
        for others in range(8)
        for lightness in [0 if others else 50 if cyan else 100]
    )
    straight = bytes(range(256))
    head = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + b"".join(number(i % 4 == 0) for i in range(9))
    lut = head + straight * 4 + table + straight * 3
    return profile(b"CMYK", {b"A2B0": lut}, connection=b"Lab ", kind=b"prtr")


GRAY = profile(b"GRAY", {b"kTRC": curve((1.0,))})


def save(path: Path, image: np.ndarray, icc: bytes | None, **options: object) -> Path:
    mode = "CMYK" if options.pop("inks", False) else None
    picture = Image.fromarray(image)
    if mode:
        picture = Image.frombytes(mode, image.shape[1::-1], image.tobytes())
    picture.save(path, icc_profile=icc, **options)
    return path


def flat(*colour: int) -> np.ndarray:
    return np.full((16, 24, len(colour)), colour, np.uint8) if len(colour) > 1 else np.full((16, 24), colour, np.uint8)


def read(path: Path) -> tuple[np.ndarray, list[str]]:
    with open_source(path) as source:
        (frame,) = source
        return frame.image, list(source.notes)


# The colours of sRGB as other spaces count them.
MEANT = [
    ("p3", (234, 51, 35), (255, 0, 0)),
    ("adobe", (144, 255, 60), (0, 255, 0)),
    ("adobe", (219, 0, 0), (255, 0, 0)),
]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize(("space", "stored", "meant"), MEANT)
def test_wide_colours_become_those_of_srgb(tmp_path, space, stored, meant, suffix):
    options = {".jpg": {"quality": 98, "subsampling": 0}, ".webp": {"lossless": True}}
    image, notes = read(save(tmp_path / f"a{suffix}", flat(*stored), rgb(space), **options.get(suffix, {})))
    assert np.abs(image.astype(int) - meant).max() <= 3
    assert image.flags.c_contiguous
    assert image.flags.writeable
    assert notes == []


def test_transparency_stays(tmp_path):
    image, _ = read(save(tmp_path / "a.png", flat(234, 51, 35, 128), rgb("p3")))
    assert np.abs(image[0, 0].astype(int) - (255, 127, 127)).max() <= 1  # and not of what white makes of Display P3's
    image, _ = read(save(tmp_path / "b.png", flat(234, 51, 35, 0), rgb("p3")))
    assert (image == 255).all()


def test_gray_and_inks(tmp_path):
    image, notes = read(save(tmp_path / "gray.png", flat(128), GRAY))
    assert (image == 188).all()  # half the light
    assert notes == []
    image, notes = read(save(tmp_path / "gray-as-rgb.png", flat(128), rgb("srgb")))
    assert (image == 128).all()
    assert notes == []
    for suffix in (".jpg", ".tif"):
        image, notes = read(save(tmp_path / f"inks{suffix}", flat(255, 0, 0, 0), inks(), inks=True))
        assert np.abs(image.astype(int) - 119).max() <= 2  # L* 50
        assert notes == []


def test_a_picture_in_inks_stands_upright(tmp_path):
    stored = flat(0, 0, 0, 0)
    stored[:, :12] = 255, 0, 0, 0
    turned = Image.Exif()
    turned[0x0112] = 6
    image, _ = read(save(tmp_path / "a.jpg", stored, inks(), inks=True, exif=turned, quality=98))
    assert image.shape == (24, 16, 3)
    assert image[3, 8].max() < 130
    assert image[20, 8].min() > 250


@pytest.mark.parametrize("made", [rgb("srgb"), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()])
def test_srgb_itself_changes_nothing(tmp_path, made):
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    image, notes = read(save(tmp_path / "a.png", noise, made))
    assert np.array_equal(image, noise)
    assert notes == []


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
def test_without_a_profile_nothing_is_done(tmp_path, monkeypatch, suffix):
    data = save(tmp_path / f"a{suffix}", flat(234, 51, 35), None).read_bytes()
    monkeypatch.setitem(sys.modules, "PIL", None)  # not even imported
    image = flat(234, 51, 35)
    assert in_srgb(image, data) is image


def test_a_mark_in_something_else_is_no_profile(tmp_path):
    path = save(tmp_path / "a.jpg", flat(9, 99, 199), None, comment=b"ICC_PROFILE\0")
    assert read(path)[1] == []


LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize(
    "broken",
    [b"no profile at all" * 20, rgb("p3")[:200], inks(), GRAY, LAB, profile(b"RGB ", {})],
    ids=["text", "cut off", "of inks", "of grays", "of neither", "without tags"],
)
def test_a_profile_that_cannot_be_used_is_told(tmp_path, suffix, broken):
    plain, _ = read(save(tmp_path / f"plain{suffix}", flat(234, 51, 35), None))
    path = save(tmp_path / f"a{suffix}", flat(234, 51, 35), broken)
    image, notes = read(path)
    assert np.array_equal(image, plain)
    assert notes == [f"{path}: the colour profile cannot be used; its colours are taken as sRGB"]


def test_a_picture_of_inks_with_a_profile_of_light(tmp_path):
    path = save(tmp_path / "a.jpg", flat(255, 0, 0, 0), rgb("p3"), inks=True)
    assert read(path)[1] == [f"{path}: the colour profile cannot be used; its colours are taken as sRGB"]


def test_a_profile_packed_wrong(tmp_path):
    data = save(tmp_path / "a.png", flat(234, 51, 35), rgb("p3")).read_bytes()
    place = data.index(b"iCCP")
    (tmp_path / "a.png").write_bytes(data[: place + 20] + bytes(20) + data[place + 40 :])
    assert "cannot be used" in " ".join(read(tmp_path / "a.png")[1])


def test_of_many_one_line_is_said(tmp_path):
    for index in range(3):
        save(tmp_path / f"{index}.png", flat(1, 2, 3), b"no profile at all")
    with open_source(tmp_path) as source:
        assert len(list(source)) == 3
        (note,) = source.notes
    assert note == f"{tmp_path / '0.png'} and 2 more: the colour profile cannot be used; its colours are taken as sRGB"


def test_a_large_picture_raises_no_warning(tmp_path, monkeypatch):
    """Pillow warns of what has more than MAX_IMAGE_PIXELS, and refuses twice that; OpenCV has decoded it already."""
    data = save(tmp_path / "a.png", flat(234, 51, 35), rgb("p3")).read_bytes()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 16 * 24 - 1)
    assert np.abs(in_srgb(flat(234, 51, 35), data).astype(int) - (255, 0, 0)).max() <= 3
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 16 * 24 // 2 - 1)
    assert in_srgb(flat(234, 51, 35), data) is None


def test_the_profile_made_here_is_one():
    opened = ImageCms.ImageCmsProfile(BytesIO(rgb("p3"))).profile
    assert opened.red_primary[1][:2] == pytest.approx((0.68, 0.32), abs=0.01)
