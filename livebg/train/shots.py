"""Scenes as batches: each step's pictures follow from the seed and the step's number alone.

So a training that was interrupted goes on with exactly the pictures that it would have seen, however many processes
draw them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from livebg.train.camera import draw_camera
from livebg.train.scenes import compose_scene, draw_motion

if TYPE_CHECKING:
    from livebg.frame import Image
    from livebg.train.folders import Shelf
    from livebg.train.recipe import Recipe


class Batch(NamedTuple):
    """One step's pictures.

    Attributes:
        pictures: uint8 (N, H, W, 3).
        alphas: uint8 (N, H, W).
        frames: How many neighbouring frames of one shot follow each other.
    """

    pictures: Tensor
    alphas: Tensor
    frames: int


class Batches(Dataset[Batch]):
    """The batch of every step, by the step's number."""

    def __init__(self, shelf: Shelf, recipe: Recipe) -> None:
        self._shelf = shelf
        self._recipe = recipe

    def __getitem__(self, step: int) -> Batch:
        """Draw the batch of one step."""
        cv2.setNumThreads(1)  # the network has the cores
        recipe = self._recipe
        frames = 2 if np.random.default_rng([recipe.seed, step]).random() < recipe.shots else 1
        pairs = [
            pair
            for shot in range(recipe.batch // frames)
            for pair in shoot(np.random.default_rng([recipe.seed, step, shot]), self._shelf, recipe, frames)
        ]
        pictures, alphas = (torch.from_numpy(np.stack(each)) for each in zip(*pairs, strict=True))
        return Batch(pictures, alphas, frames)


def shoot(rng: np.random.Generator, shelf: Shelf, recipe: Recipe, frames: int) -> list[tuple[Image, Image]]:
    """One scene through one camera: neighbouring frames with their true alphas."""
    scene = compose_scene(rng, shelf, recipe.scenes)
    camera = draw_camera(rng)
    shot = []
    for index in range(frames):
        motions = draw_motion(rng, len(scene.layers), scene.aspect) if index else None
        picture, alpha = scene.draw(recipe.size, motions)
        shot.append((camera.shoot(picture, rng), alpha))
    return shot


def open_batches(shelf: Shelf, recipe: Recipe, *, first: int, workers: int) -> DataLoader[Batch]:
    """Batches from a step on, without end, drawn ahead by ``workers`` processes (0: in this one)."""
    return DataLoader(
        Batches(shelf, recipe),
        batch_size=None,
        sampler=_From(first),
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        prefetch_factor=4 if workers else None,
    )


class _From(Sampler[int]):
    def __init__(self, first: int) -> None:
        self._first = first

    def __iter__(self) -> Iterator[int]:
        step = self._first
        while True:
            yield step
            step += 1
