"""A small library of painted people, and a recipe for it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from livebg.train.folders import Library, load_library
from livebg.train.recipe import DataConfig, Recipe

PERSONS = {"upper": "stem", "full": "stem", "keyed": "prefix"}


def texture(seed: int, height: int = 60, width: int = 48) -> np.ndarray:
    """No two alike, and smooth enough to survive JPEG."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (9, 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def write_pair(folder: Path, stem: str, seed: int, *, keyed: bool = False) -> None:
    """A body that stands on the lower border, 20 pixels wide."""
    mask = np.zeros((60, 48), np.uint8)
    mask[15:, 14:34] = 255
    for part, image in (("fg" if keyed else "images", texture(seed)), ("masks", mask)):
        path = folder / part / f"{stem}.{'png' if part == 'masks' else 'jpg'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), image)


@pytest.fixture
def root(tmp_path) -> Path:
    root = tmp_path / "people"
    for index in range(12):
        write_pair(root / "upper", f"{index:03}", index)
        write_pair(root / "full", f"{index:03}", 100 + index)
        write_pair(root / "keyed", f"lip_{index:03}_{index % 2}", 200 + index, keyed=True)
    for index in range(12):
        room = root / "backgrounds" / "rooms" / "images" / f"{index}_kitchen.jpg"
        room.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(room), texture(300 + index, 64, 96))
    (root / "backgrounds" / "decoys.txt").write_text("0.18 rooms/images/3_kitchen.jpg\n")
    return root


@pytest.fixture
def library(root) -> Library:
    return load_library(root, DataConfig(sources=list(PERSONS), held_back=0.3, persons=PERSONS))


@pytest.fixture
def recipe() -> Recipe:
    return Recipe.model_validate(
        {
            "network": "people",
            "size": "64x48",
            "batch": 2,
            "shots": 0.5,
            "warm_up": 1,
            "data": {"sources": list(PERSONS), "persons": PERSONS, "held_back": 0.3},
            "scenes": {
                "as_taken": 0.4,
                "empty": 0.2,
                "as_taken_odds": {"upper": 1, "full": 1},
                "composite_odds": {"keyed": 1, "upper": 1},
            },
        }
    )
