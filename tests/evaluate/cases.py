"""Pictures to measure, made from seeds: the same arrays here and in the reference's own environment."""

from __future__ import annotations

import numpy as np


def blob(height: int, width: int, seed: int) -> np.ndarray:
    """A smooth shape with an uneven outline, (H, W) bool."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    centre_y, centre_x = rng.uniform(0.35, 0.65, 2) * (height, width)
    angle = np.arctan2(y - centre_y, x - centre_x)
    radius = 0.3 * min(height, width) * (1 + 0.25 * np.sin(3 * angle + seed) + 0.1 * np.sin(7 * angle))
    return np.hypot(y - centre_y, x - centre_x) < radius


def soft(mask: np.ndarray, seed: int, noise: float = 20.0) -> np.ndarray:
    """A map that errs around that shape, (H, W) uint8."""
    rng = np.random.default_rng(seed + 1000)
    values = mask.astype(np.float64)
    for axis in (0, 1):
        padded = np.pad(values, [(4, 4) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        values = np.mean([np.roll(padded, shift, axis=axis) for shift in range(-4, 5)], axis=0)
        values = values.take(range(4, 4 + mask.shape[axis]), axis=axis)
    values = np.roll(values, (3, -2), axis=(0, 1)) * 220 + 10 + rng.normal(0, noise, mask.shape)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Maps (uint8) and masks (uint8, 0 or 255) by name."""
    made = {}
    for seed, size in enumerate([(60, 80), (81, 47), (300, 400), (128, 128)]):
        mask = blob(*size, seed)
        made[f"blob-{seed}"] = (soft(mask, seed), mask)
    two = blob(90, 120, 7) | np.roll(blob(90, 120, 8), 50, axis=1)
    made["two subjects"] = (soft(two, 9, noise=60.0), two)
    made["perfect"] = (np.where(two, 255, 0).astype(np.uint8), two)
    made["inverted"] = (np.where(two, 0, 255).astype(np.uint8), two)
    made["flat map"] = (np.full((40, 50), 77, np.uint8), blob(40, 50, 3))
    made["black map"] = (np.zeros((40, 50), np.uint8), blob(40, 50, 3))
    made["empty mask"] = (soft(blob(40, 50, 3), 4), np.zeros((40, 50), bool))
    made["full mask"] = (soft(blob(40, 50, 3), 4), np.ones((40, 50), bool))
    made["one pixel"] = (soft(blob(40, 50, 3), 4), np.arange(2000).reshape(40, 50) == 777)
    made["noise"] = (np.random.default_rng(5).integers(0, 256, (70, 70), np.uint8), blob(70, 70, 5))
    return {name: (matte, np.where(mask, 255, 0).astype(np.uint8)) for name, (matte, mask) in made.items()}
