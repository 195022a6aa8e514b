"""Small sets and clips on disk, in the layouts that the readers know."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from livebg.frame import Frame
from tests.evaluate.cases import blob


def write(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)
    return path


def picture_of(mask: np.ndarray, seed: int = 0) -> np.ndarray:
    """A bright subject on a darker, noisy ground: what ``bright`` finds."""
    noise = np.random.default_rng(seed).integers(0, 40, (*mask.shape, 3))
    return (np.where(mask, 255, 80)[..., None] - noise).astype(np.uint8)


def write_set(
    root: Path, images: str = "images", masks: str = "masks", *, count: int = 4, suffix: str = ".jpg"
) -> list[str]:
    """Pairs of 60x44; gives their stems."""
    stems = [f"{index:04}" for index in range(count)]
    for index, stem in enumerate(stems):
        mask = blob(44, 60, index)
        write(root / images / f"{stem}{suffix}", picture_of(mask, index))
        write(root / masks / f"{stem}.png", np.where(mask, 255, 0).astype(np.uint8))
    return stems


def write_clip(root: Path, *, frames: int = 12, masks: str | None = "masks") -> None:
    """A subject that moves two pixels a frame over a still ground."""
    shape = blob(44, 60, 1)
    for t in range(frames):
        mask = np.roll(shape, 2 * t - frames, axis=1)
        write(root / "images" / f"{t:05}.png", picture_of(mask))
        if masks:
            write(root / masks / f"{t:05}.png", np.where(mask, 255, 0).astype(np.uint8))


def bright(frame: Frame) -> np.ndarray:
    """The alpha of those pictures: how bright they are."""
    return np.clip((frame.image.mean(axis=2) - 100) / 80, 0, 1).astype(np.float32)
