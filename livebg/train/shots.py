"""Scenes as batches: each step's pictures follow from the seed and the step's number alone.

So a training that was interrupted goes on with exactly the pictures that it would have seen, however many processes
draw them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count, islice
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
        """Draw the batch of one step: pictures of one size, upright ones or all others, as often as scenes are such."""
        cv2.setNumThreads(1)  # the network has the cores
        recipe = self._recipe
        rng = np.random.default_rng([recipe.seed, step])
        frames = 2 if rng.random() < recipe.shots else 1
        upright = compose_scene(rng, self._shelf, recipe.scenes).aspect < 1
        shots = shots_of(self._shelf, recipe, (recipe.seed, step), frames, upright)
        pairs = chain.from_iterable(islice(shots, recipe.batch // frames))
        pictures, alphas = (torch.from_numpy(np.stack(each)) for each in zip(*pairs, strict=True))
        return Batch(pictures, alphas, frames)


def shoot(
    rng: np.random.Generator, shelf: Shelf, recipe: Recipe, frames: int, upright: bool
) -> list[tuple[Image, Image]]:
    """One scene through one camera: neighbouring frames with their true alphas; none where it is not as asked."""
    scene = compose_scene(rng, shelf, recipe.scenes)
    if (scene.aspect < 1) != upright:
        return []
    size = recipe.sizes.of(scene.aspect, 1)
    camera = draw_camera(rng, size[1], recipe.scenes.poor)
    shot = []
    for index in range(frames):
        motions = draw_motion(rng, len(scene.layers), scene.aspect) if index else None
        picture, alpha = scene.draw(size, motions)
        shot.append((camera.shoot(picture, rng), camera.blurred(alpha)))
    return shot


def shots_of(
    shelf: Shelf, recipe: Recipe, seed: tuple[int, ...], frames: int, upright: bool
) -> Iterator[list[tuple[Image, Image]]]:
    """Shots of upright scenes, or of all others, one after the other without end."""
    every = (shoot(np.random.default_rng([*seed, shot]), shelf, recipe, frames, upright) for shot in count())
    return filter(None, every)


def open_batches(shelf: Shelf, recipe: Recipe, *, first: int, workers: int) -> DataLoader[Batch]:
    """Batches from a step on, without end, drawn ahead by ``workers`` processes (0: in this one)."""
    # Before they are forked: one that ended the threads that OpenCV has here would wait for them for ever.
    cv2.setNumThreads(1)
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
