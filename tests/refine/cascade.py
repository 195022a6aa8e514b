"""Seeded random weights for CascadePSP in a file, and pictures to refine."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from livebg.bench.random_cascade import random_network


def write_random_weights(path: Path) -> Path:
    """As published: the names of a network that was saved from inside DataParallel."""
    torch.save({f"module.{name}": value for name, value in random_network().state_dict().items()}, path)
    return path


def blobs(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A picture and a matte with edges everywhere, which have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 12 + 2, width // 12 + 2, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    alpha = cv2.resize(rng.random((height // 15 + 2, width // 15 + 2), dtype=np.float32), (width, height))
    return image, alpha
