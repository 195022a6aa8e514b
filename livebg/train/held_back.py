"""Whom training never saw, written out as sets of pictures with masks: any network, and any other tool, can be measured
on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livebg.train.mining import window_of
from livebg.train.new_folder import new_folder
from livebg.train.validation import examples

if TYPE_CHECKING:
    from livebg.frame import Image
    from livebg.train.folders import Shelf
    from livebg.train.recipe import Recipe
    from livebg.train.validation import Example

ROOMS, WINDOWS = "rooms", "windows"
_WINDOWS_EACH = 4
_SEED = 3
_WEBCAM = 4 / 3


def write_held_back(shelf: Shelf, recipe: Recipe, target: Path, *, each: int) -> dict[str, int]:
    """Write ``target/SET/images`` and ``target/SET/masks``: the groups that training validates on, and empty rooms.

    People of a source are the set ``held-SOURCE``, and not SOURCE: the most of that was trained on.

    Args:
        shelf: The side of the split that is held back.
        recipe: Which sources, and how often each is in the composed calls.
        target: Made anew; until it is whole it is called NAME.partial.
        each: How many pictures of each of training's groups at most. Rooms are written all: ``rooms`` as they are,
            ``windows`` four parts of each, as a webcam sees them; nobody is in them.

    Returns:
        How many pictures each set has.

    Raises:
        UsageError: ``target`` is there already, or what an interrupted call left of it; nobody, or no room, is held
            back.
        SinkError: It cannot be written.
    """
    counts: Counter[str] = Counter()
    found = examples(shelf, recipe, each=each)
    with new_folder(target) as folder:
        for name, picture, mask in _all(shelf, found):
            stem = f"{counts[name]:04}"
            folder.write_png(f"{name}/images/{stem}.png", picture)
            folder.write_png(f"{name}/masks/{stem}.png", mask)
            counts[name] += 1
    return dict(counts)


def _all(shelf: Shelf, found: list[Example]) -> Iterator[tuple[str, Image, Image]]:
    for example in found:
        own = example.group in shelf.subjects
        yield f"held-{Path(example.group).name}" if own else example.group, example.picture, example.alpha
    rng = np.random.default_rng(_SEED)
    for room in shelf.rooms:
        yield ROOMS, room, _nobody(room)
        for _ in range(_WINDOWS_EACH):
            window = window_of(rng, room, _WEBCAM)
            yield WINDOWS, window, _nobody(window)


def _nobody(picture: Image) -> Image:
    return np.zeros(picture.shape[:2], np.uint8)
