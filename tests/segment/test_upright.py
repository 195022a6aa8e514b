"""Upright pictures are seen upright: the network's own size is turned for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

from livebg.frame import Frame
from livebg.segment import Segmenter
from livebg.segment.runtimes import devices

WAYS = [
    {"runtime": "onnx", "precision": "full"},
    {"runtime": "onnx", "precision": "int8"},
    {"runtime": "torch"},
    pytest.param(
        {"runtime": "openvino", "precision": "full"},
        marks=pytest.mark.skipif(devices.openvino_version() is None, reason="no OpenVINO"),
    ),
]


def nano(**options) -> Segmenter:
    return Segmenter("people-nano", device="cpu", **options)


@pytest.fixture
def upright(pictures):
    return np.ascontiguousarray(pictures[0][:, 200:470])  # 360 high and 270 wide


@pytest.mark.parametrize("way", WAYS)
def test_an_upright_picture_is_given_the_size_turned(way, pictures, upright):
    segmenter = nano(**way)
    assert segmenter.size == (192, 144)
    for picture, size in ((upright, (144, 192)), (pictures[0], (192, 144)), (upright[:270], (192, 144))):
        assert np.array_equal(segmenter.segment(picture).alpha, nano(size=size, **way).segment(picture).alpha)


@pytest.mark.parametrize("size", [(160, 96), (96, 160)])
def test_a_size_that_was_asked_for_is_turned_too(size, pictures, upright):
    segmenter = nano(size=size, coarse=True)
    assert segmenter.segment(upright).alpha.shape == (160, 96)
    assert segmenter.segment(pictures[0]).alpha.shape == (96, 160)
    assert segmenter.segment(upright[:270]).alpha.shape == (96, 160)  # a square one
    assert nano(size=96, coarse=True).segment(upright).alpha.shape == (96, 96)


def test_coarse_mattes_have_the_size_that_the_network_saw(pictures, upright):
    segmenter = nano(coarse=True)
    assert segmenter.segment(upright).alpha.shape == (192, 144)
    assert segmenter.segment(pictures[0]).alpha.shape == (144, 192)


def test_what_counts_is_the_picture_as_it_is_shown(upright):
    """Half-D1 stores 4:3 in 352x480 pixels."""
    segmenter = nano(coarse=True)
    assert segmenter.segment(Frame(upright, pixel_aspect=Fraction(20, 11))).alpha.shape == (144, 192)
    assert segmenter.segment(Frame(upright, pixel_aspect=Fraction(10, 11))).alpha.shape == (192, 144)


def test_both_sizes_are_said(upright):
    segmenter = nano(runtime="onnx", precision="full")
    assert segmenter.sizes == "192x144/144x192"
    assert segmenter.description.startswith("people-nano 192x144/144x192 in full precision by ONNX Runtime")
    assert Segmenter("u2netp", size=64, device="cpu").sizes == "64x64"


def test_a_batch_of_both_is_the_same_as_one_by_one(pictures, upright):
    segmenter = nano()
    frames = [Frame(upright), Frame(pictures[0]), Frame(upright[:, ::-1].copy()), Frame(pictures[1])]
    for frame, matte in zip(frames, segmenter.segment_batch(frames), strict=True):
        assert matte.alpha.shape == frame.image.shape[:2]
        assert np.array_equal(matte.alpha, segmenter.segment(frame).alpha)


def test_several_threads_may_bring_the_first_upright_picture(upright):
    """Each waits for the one runtime that is opened."""
    segmenter = nano(runtime="onnx", lanes=4)
    opened = []
    opener = segmenter._open
    segmenter._open = lambda **kept: opened.append(kept) or opener(**kept)
    with ThreadPoolExecutor(4) as pool:
        mattes = list(pool.map(lambda _: segmenter.segment(upright).alpha, range(8)))
    assert opened == [{"size": (144, 192)}]
    assert all(np.array_equal(mattes[0], each) for each in mattes)


def test_people_has_a_square_for_upright_pictures(upright, pictures):
    """The one that it was measured to be best at; asked for by its size it is turned as any other."""
    own = Segmenter("people", device="cpu", precision="full", runtime="onnx", coarse=True)
    assert own.sizes == "448x336/384x384"
    assert own.segment(upright).alpha.shape == (384, 384)
    assert own.segment(pictures[0]).alpha.shape == (336, 448)
    asked = Segmenter("people", size=(448, 336), device="cpu", precision="full", runtime="onnx", coarse=True)
    assert asked.segment(upright).alpha.shape == (448, 336)
    whole = Segmenter("people", device="cpu", precision="int8", coarse=True)
    assert whole.sizes == "448x336/384x384"
