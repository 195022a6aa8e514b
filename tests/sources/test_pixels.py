"""Colours: as the stream's own tags say, without a shift, and HDR as BT.709."""

from __future__ import annotations

from fractions import Fraction as F
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from livebg.frame import Colour
from livebg.sources import open_source
from livebg.sources.hdr import to_sdr
from tests.media import numbered, to_yuv, write_clip

if TYPE_CHECKING:
    from pathlib import Path

# Kr and Kb of each H.273 matrix.
WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
COLOURS = [
    Colour(1, 1, 1, False),
    Colour(1, 1, 1, True),
    Colour(5, 6, 5, False),
    Colour(6, 6, 6, True),
    Colour(6, 6, 6, False),
    Colour(9, 14, 9, False),
]


def planes(frame: av.VideoFrame) -> list[np.ndarray]:
    """The useful part of each 8-bit plane."""
    return [
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width].astype(float)
        for plane in frame.planes
    ]


def soft_yuv(width: int = 128, height: int = 96, pix_fmt: str = "yuv444p") -> av.VideoFrame:
    """Smooth planes inside the RGB cube, whatever the matrix."""
    rows, columns = np.mgrid[0:height, 0:width]
    luma = 70 + 90 * (np.sin(columns / 17) * np.cos(rows / 13) / 2 + 0.5)
    values = [luma, 128 + 18 * np.sin(columns / 23), 128 + 18 * np.cos(rows / 19)]
    frame = av.VideoFrame(width, height, pix_fmt)
    for plane, value in zip(frame.planes, values, strict=True):
        step = width // plane.width
        target = np.zeros((plane.height, plane.line_size), np.uint8)
        target[:, : plane.width] = np.rint(value[::step, ::step])
        plane.update(target.tobytes())
    return frame


def expected_rgb(frame: av.VideoFrame, colour: Colour) -> np.ndarray:
    """H.273's equations in floating point."""
    luma, blue, red = planes(frame)
    kr, kb = WEIGHTS[colour.matrix]
    if colour.full_range:
        blue, red = (blue - 128) / 255, (red - 128) / 255
        luma = luma / 255
    else:
        blue, red = (blue - 128) / 224, (red - 128) / 224
        luma = (luma - 16) / 219
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    return np.stack([r, g, b], axis=-1).clip(0, 1) * 255


@pytest.mark.parametrize("colour", COLOURS, ids=str)
def test_rgb_is_what_the_tags_say(tmp_path: Path, colour: Colour) -> None:
    stored = soft_yuv()
    path = write_clip(tmp_path / "clip.mkv", frames=[stored], codec="ffv1", pix_fmt="yuv444p", colour=colour)
    with open_source(path) as source:
        assert source.info.colour == colour
        image = next(iter(source)).image
    error = image - expected_rgb(stored, colour)
    assert abs(error.mean()) < 0.1
    assert abs(error).max() <= 1


@pytest.mark.parametrize("colour", COLOURS, ids=str)
def test_there_and_back_keeps_colours_in_the_mean(tmp_path: Path, colour: Colour) -> None:
    """4:2:0 as cameras store it -> RGB -> 4:2:0 by the colour that the source reports."""
    stored = soft_yuv(pix_fmt="yuv420p")
    path = write_clip(tmp_path / "clip.mkv", frames=[stored], codec="ffv1", colour=colour)
    with open_source(path) as source:
        again = to_yuv(next(iter(source)).image, "yuv420p", source.info.colour)
    for before, after in zip(planes(stored), planes(again), strict=True):
        assert abs((after - before).mean()) < 0.6
        assert abs(after - before).mean() < 1


@pytest.mark.parametrize(
    ("size", "matrix"), [((64, 48), 6), ((720, 576), 6), ((720, 578), 1), ((1280, 544), 1), ((1920, 1080), 1)]
)
def test_an_untagged_clip_is_read_as_players_do(tmp_path: Path, size: tuple[int, int], matrix: int) -> None:
    stored = soft_yuv(*size)
    path = write_clip(tmp_path / "clip.mkv", frames=[stored], codec="ffv1", pix_fmt="yuv444p", colour=Colour())
    with open_source(path) as source:
        assert source.info.colour == Colour(2, 2, matrix, False)
        image = next(iter(source)).image
    assert abs((image - expected_rgb(stored, source.info.colour)).mean(axis=(0, 1))).max() < 0.1


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [("rawvideo", "rgb24"), ("ffv1", "bgr0"), ("libx264rgb", "rgb24"), ("png", "rgba"), ("qtrle", "argb")],
)
def test_pictures_stored_as_rgb_are_left_alone(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    options = {"qp": "0"} if codec == "libx264rgb" else {}
    suffix = "nut" if codec == "rawvideo" else "mov" if codec in ("qtrle", "png") else "mkv"
    frame = av.VideoFrame.from_ndarray(numbered(5), format="rgb24").reformat(format=pix_fmt)
    path = write_clip(
        tmp_path / f"clip.{suffix}", frames=[frame], codec=codec, pix_fmt=pix_fmt, options=options, colour=Colour()
    )
    with open_source(path) as source:
        assert np.array_equal(next(iter(source)).image, numbered(5))
        assert (source.info.colour.matrix, source.info.colour.full_range) == (1, False)  # for whoever makes YUV of it


@pytest.mark.parametrize("full", [False, True])
def test_gray(tmp_path: Path, full: bool) -> None:
    ramp = np.linspace(16, 235, 64).round().astype(np.uint8)[None].repeat(8, 0)
    path = write_clip(
        tmp_path / "clip.mkv", frames=[av.VideoFrame.from_ndarray(np.ascontiguousarray(ramp), format="gray")],
        codec="ffv1", pix_fmt="gray", colour=Colour(1, 1, 1, full),
    )  # fmt: skip
    with open_source(path) as source:
        image = next(iter(source)).image
    wanted = ramp if full else (ramp.astype(float) - 16) * 255 / 219
    assert abs(image - wanted[..., None]).max() <= 1


@pytest.mark.parametrize(("codec", "pix_fmt"), [("libx265", "yuv420p10le"), ("ffv1", "yuv422p10le")])
def test_ten_bits_become_eight(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    pictures = [np.full((48, 64, 3), (200, 120, 60), np.uint8)] * 3
    path = write_clip(tmp_path / "clip.mkv", frames=pictures, codec=codec, pix_fmt=pix_fmt)
    with open_source(path) as source:
        assert source.info.colour == Colour(1, 1, 1, False)
        frames = list(source)
        assert source.notes == [f"{path}: 10 bits a channel became 8"]
    assert np.abs(frames[0].image.astype(int) - (200, 120, 60)).max() <= 2


# HDR


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv420p"])
def test_hdr_is_tone_mapped_and_said(tmp_path: Path, transfer: int, name: str, pix_fmt: str) -> None:
    codes = np.array([[0.0, 0.0, 0.0], [0.2, 0.2, 0.2], [0.5, 0.5, 0.5], [0.45, 0.4, 0.38], [0.75, 0.75, 0.75]])
    picture = np.rint(codes * 255).astype(np.uint8).repeat(16, axis=0)[None].repeat(32, axis=0)
    path = write_clip(
        tmp_path / "clip.mkv",
        frames=[np.ascontiguousarray(picture)] * 2,
        codec="ffv1",
        pix_fmt=pix_fmt,
        colour=Colour(9, transfer, 9, False),
    )
    with open_source(path) as source:
        assert source.info.colour == Colour(1, 1, 1, False)
        assert [f"{name} was tone-mapped" in note for note in source.notes] == [True]
        frames = list(source)
    wanted = to_sdr(np.rint(codes * 255) / 255, transfer) * 255
    for frame in frames:
        assert np.abs(frame.image[16, 8::16] - wanted).max() < 4


def test_the_tone_curve() -> None:
    """Grays: black stays black, mid-tones keep their light, diffuse white leaves room for what is brighter."""
    light = np.array([0.0, 1.0, 26.0, 100.0, 203.0, 1000.0, 10000.0])
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = (light / 10000) ** m1
    codes = ((c1 + c2 * power) / (1 + c3 * power)) ** m2  # SMPTE ST 2084
    gray = to_sdr(codes[:, None].repeat(3, axis=1), 16)
    assert np.allclose(gray, gray[:, :1], atol=1e-3)  # BT.2087's four digits
    shown = gray[:, 0] ** 2.4 * 203
    assert shown[0] == 0
    assert np.allclose(shown[1:3], light[1:3], rtol=0.01)
    assert np.all(np.diff(shown)[:-1] > 0)
    assert 150 < shown[4] < 203
    assert shown[5] == pytest.approx(203, rel=0.01)
    assert shown[6] == pytest.approx(203, rel=0.01)


@pytest.mark.parametrize("transfer", [16, 18])
def test_saturated_hdr_colours_keep_their_hue_order(transfer: int) -> None:
    red, green, blue = to_sdr(np.eye(3) * 0.7, transfer)
    assert red.argmax() == 0
    assert green.argmax() == 1
    assert blue.argmax() == 2
    everything = to_sdr(np.random.default_rng(0).uniform(0, 1, (1000, 3)), transfer)
    assert everything.min() >= 0
    assert everything.max() <= 1


def test_hdr_of_a_phone_held_upright(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mp4", codec="libx265", pix_fmt="yuv420p10le", colour=Colour(9, 18, 9, False), rotation=90,
        times=[F(0), F(1, 30), F(1, 10)],
    )  # fmt: skip
    with open_source(path) as source:
        assert (source.info.width, source.info.height) == (48, 64)
        assert [frame.pts for frame in source] == [F(0), F(1, 30), F(1, 10)]
