"""A disc with a picture of its own that moves over a still one, its true alpha, and a coarse matte that is wrong."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np

from livebg.frame import Frame, Matte
from livebg.motion import MotionTracker
from livebg.stages import Draft

HEIGHT, WIDTH = 192, 256


def texture(seed: int, low: int, high: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random((height, width, 3)), (0, 0), 3)
    return cv2.normalize(noise, None, low, high, cv2.NORM_MINMAX)


def truth(index: int, speed: float = 1.5) -> np.ndarray:
    """Alpha of the disc, float32 (HEIGHT, WIDTH), its edge a pixel wide."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    distance = np.hypot(rows - 100, columns - (100 + speed * index))
    return np.clip(50.5 - distance, 0, 1).astype(np.float32)


def image(index: int, speed: float = 1.5) -> np.ndarray:
    alpha = truth(index, speed)[..., None]
    shift = np.float32([[1, 0, speed * index], [0, 1, 0]])
    disc = cv2.warpAffine(texture(1, 130, 250), shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    picture = alpha * disc + (1 - alpha) * texture(2, 5, 120)
    noise = np.random.default_rng(index).normal(0, 1, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def coarse(index: int, speed: float = 1.5) -> np.ndarray:
    """What a network might say: too large on one side, soft, and a quarter of the size."""
    wrong = cv2.warpAffine(truth(index, speed), np.float32([[1, 0, 4], [0, 1, -2]]), (WIDTH, HEIGHT))
    return cv2.resize(cv2.GaussianBlur(wrong, (0, 0), 2), (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA)


def drafts(count: int, speed: float = 1.5, first: int = 0) -> list[Draft]:
    """Frames at 25 a second, with motion."""
    tracker = MotionTracker()
    frames = [Frame(image(index, speed), pts=Fraction(index, 25), index=index) for index in range(first, first + count)]
    return [Draft(frame, Matte(coarse(frame.index, speed)), tracker.follow(frame)) for frame in frames]


def error(alpha: np.ndarray, index: int, speed: float = 1.5) -> float:
    """Mean absolute difference to the truth."""
    return float(np.abs(alpha - truth(index, speed)).mean())
