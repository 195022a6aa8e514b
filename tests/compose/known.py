"""Composites whose true foreground is known."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

ROOMS = [(220, 30, 40), (20, 200, 60), (30, 60, 230), (240, 220, 20), (220, 30, 220), (20, 210, 220)]


class Known(NamedTuple):
    """A composite, its alpha, and the colours of its subject."""

    image: np.ndarray
    alpha: np.ndarray
    subject: np.ndarray


def composed(alpha: np.ndarray, subject: np.ndarray, room: np.ndarray | tuple[int, int, int]) -> Known:
    mixed = alpha[..., None] * subject + (1 - alpha[..., None]) * np.asarray(room, np.float32)
    return Known(np.rint(mixed).astype(np.uint8), alpha, np.asarray(subject, np.float32))


def drawn(height: int, width: int, *, soft: float) -> Known:
    """A brown disc, darker to its right, before a green wall; its edge is ``soft`` pixels wide."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    distance = np.hypot(rows - height / 2, columns - width / 2)
    alpha = np.clip((height / 3 - distance) / soft + 0.5, 0, 1)
    shade = 1 - 0.5 * columns[..., None] / width
    return composed(alpha, np.float32((200, 140, 100)) * shade, (20, 200, 60))


def keyed(people: Path, folder: str, *, count: int, scale: int = 2) -> list[Known]:
    """People with a soft alpha, enlarged, before one saturated colour each."""
    cases = []
    masks = sorted((people / folder / "masks").iterdir())
    for index in range(count):
        mask = masks[index * len(masks) // count]
        picture = cv2.imread(str(next((people / folder / "fg").glob(f"{mask.stem}.*"))), cv2.IMREAD_COLOR_RGB)
        alpha = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
        size = scale * alpha.shape[1], scale * alpha.shape[0]
        cases.append(composed(cv2.resize(alpha, size), cv2.resize(picture, size), ROOMS[index % len(ROOMS)]))
    return cases


def mean_error(image: np.ndarray, case: Known) -> float:
    """Mean absolute difference to the subject's true colour in the band, in steps of 255."""
    band = (case.alpha > 1 / 255) & (case.alpha < 254 / 255)
    return float(np.abs(image[band] - case.subject[band]).mean())
