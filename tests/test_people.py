"""The weights that ship: what is promised of them, on the demo clip and on rooms of our own making."""

from __future__ import annotations

from itertools import islice

import cv2
import numpy as np
import pytest

from livebg.build import open_matting, open_reader, open_segmenter
from livebg.config import Config, InputConfig
from livebg.pipeline import Matting, run
from livebg.segment.segmenter import PACKAGED
from tests.fakes import FakeCompositor, FakeSink, FakeSource

MODELS = ("people", "people-nano")
EMPTY = 0.02


@pytest.fixture(scope="module")
def person(demo_clip) -> list[np.ndarray]:
    """Seven neighbouring frames of somebody who talks."""
    with open_reader(str(demo_clip), InputConfig(), side=False) as source:
        return [frame.image for frame in islice(source, 7)]


def room(index: int) -> np.ndarray:
    """A wall with a picture, a sideboard and a lamp, and the noise of a sensor."""
    height, width = 360, 640
    down = np.linspace(205, 165, height, dtype=np.float32)[:, None, None]
    image = np.ascontiguousarray(np.broadcast_to(down * np.array([1, 0.97, 0.9], np.float32), (height, width, 3)))
    cv2.rectangle(image, (90, 60), (200, 140), (90, 110, 120), -1)
    cv2.rectangle(image, (0, 270), (width, height), (120, 90, 70), -1)
    cv2.circle(image, (520, 190), 34, (240, 225, 190), -1)
    cv2.line(image, (520, 224), (520, 270), (80, 80, 80), 6)
    noise = np.random.default_rng(index).normal(0, 2, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def mattes_of(images: list[np.ndarray], matting: Matting) -> list[np.ndarray]:
    matting.reset()
    sink = FakeSink()
    run(FakeSource(images), matting, FakeCompositor(), FakeSink(), matte_sink=sink)
    return [frame.image / np.float32(255) for frame in sink.frames]


def matting_of(model: str) -> Matting:
    """By ONNX Runtime, which everybody has: in whole numbers where the CPU gains by them."""
    config = Config().override({"segment": {"model": model, "runtime": "onnx"}})
    return open_matting(config, open_segmenter(config.segment, coarse=True))


def test_they_are_small_and_come_in_pairs_some_in_whole_numbers_too():
    files = [path for path in PACKAGED.iterdir() if path.suffix in (".onnx", ".safetensors")]
    pairs = {f"{name}{suffix}" for name in MODELS for suffix in (".onnx", ".safetensors")}
    names = {path.name for path in files}
    assert names - {f"{name}.int8.onnx" for name in MODELS} == pairs
    assert sum(path.stat().st_size for path in files) < 12e6
    assert (PACKAGED / "MODELCARD.md").is_file()


@pytest.mark.parametrize("model", MODELS)
def test_an_empty_room_stays_empty(model):
    rooms = [room(0), np.zeros((360, 640, 3), np.uint8), np.full((360, 640, 3), 255, np.uint8)]
    rooms.append(np.random.default_rng(1).integers(0, 256, (360, 640, 3), np.uint8))
    segmenter = open_segmenter(Config().override({"segment": {"model": model}}).segment)
    for image in rooms:
        assert segmenter.segment(image).alpha.mean() < EMPTY


@pytest.mark.parametrize("model", MODELS)
def test_who_leaves_and_returns_is_lost_and_found_within_two_frames(model, person):
    matting = matting_of(model)
    images = [*person, *(room(index) for index in range(6)), *person]
    mattes = mattes_of(images, matting)
    there = mattes_of(person, matting)
    for index in range(2, 6):
        assert mattes[len(person) + index].mean() < EMPTY, f"{index} frames after leaving"
    back = len(person) + 6
    for index in range(2, len(person)):
        ours, alone = mattes[back + index] > 0.5, there[index] > 0.5
        assert (ours & alone).sum() / (ours | alone).sum() > 0.95, f"{index} frames after returning"
    assert there[0].mean() > 0.1
