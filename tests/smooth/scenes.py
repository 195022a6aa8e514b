"""Made-up subjects before a wall: pictures and their true mattes."""

from __future__ import annotations

import cv2
import numpy as np

from livebg.frame import Frame, Matte
from livebg.motion import MotionTracker
from livebg.smooth import Smoother
from livebg.stages import Draft

SIZE = 256  # frames are SIZE x SIZE, mattes half of that


def texture(seed: int, low: float = 30, high: float = 220, cell: int = 8) -> np.ndarray:
    """A smooth pattern that flow can hold on to, float32 (SIZE, SIZE, 3)."""
    coarse = np.random.default_rng(seed).uniform(low, high, (SIZE // cell, SIZE // cell, 3)).astype(np.float32)
    return cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


def person() -> np.ndarray:
    """Head and shoulders, float32 (SIZE, SIZE) in [0, 1], edges two pixels soft."""
    mask = np.zeros((SIZE, SIZE), np.float32)
    cv2.circle(mask, (SIZE // 2, 90), 36, 1.0, -1)
    cv2.ellipse(mask, (SIZE // 2, SIZE), (80, 120), 0, 0, 360, 1.0, -1)
    return cv2.GaussianBlur(mask, (0, 0), 1.2)


def scene(
    shift: float = 0.0, *, index: int = 0, noise: float = 0.0, subject: bool = True, seed: int = 1
) -> tuple[Frame, np.ndarray]:
    """A person moved sideways before a wall that stands, and the true matte at half the size."""
    matrix = np.array([[1, 0, shift], [0, 1, 0]], np.float32)
    mask = cv2.warpAffine(person(), matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE) * subject
    skin = cv2.warpAffine(texture(seed + 100), matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    wall = texture(seed)
    picture = wall + mask[..., None] * (skin - wall)
    if noise:
        picture += np.random.default_rng(index).normal(0, noise, picture.shape)
    frame = Frame(np.clip(np.rint(picture), 0, 255).astype(np.uint8), index=index)
    return frame, cv2.resize(mask, (SIZE // 2, SIZE // 2), interpolation=cv2.INTER_AREA)


def steadied(frames: list[Frame], mattes: list[np.ndarray], smoother: Smoother) -> list[np.ndarray]:
    """The mattes after tracker and smoother, flushed."""
    tracker, out = MotionTracker(both_ways=True), []
    for frame, matte in zip(frames, mattes, strict=True):
        out += smoother.smooth(Draft(frame, Matte(matte.astype(np.float32)), tracker.follow(frame)))
    out += smoother.flush()
    assert [draft.frame.index for draft in out] == [frame.index for frame in frames]
    return [draft.matte.alpha for draft in out]
