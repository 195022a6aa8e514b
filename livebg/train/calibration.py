"""The pictures from which the ranges of whole numbers are taken: scenes for our networks, files for the published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livebg import weights
from livebg.errors import UsageError
from livebg.scale import scale_into
from livebg.segment.published import PUBLISHED, load
from livebg.segment.quantise import ranges
from livebg.segment.runtimes import PUBLISHED_SIZE
from livebg.train.folders import SUFFIXES, load_library, read_picture
from livebg.train.guard import judged_person, refuse_judging
from livebg.train.shots import shots_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from livebg.train.recipe import Recipe

_SEED = 4104  # none of the scenes of validation, and no step's of the training
FOLDERS = (
    "picsart/images", "ccp/images", "ccp_upper/images", "humanseg290/images", "grid_key/images",
    "unlabelled/faker_cc0", "backgrounds/houses", "backgrounds/pexels_interior",
)  # fmt: skip
"""People of every kind, and rooms without them; of things there are none but those that stand about."""


def calibration_pictures(recipe: Recipe, data: Path, count: int) -> NDArray[np.uint8]:
    """Scenes of a recipe's training side, the same ones at every call.

    Args:
        recipe: What scenes are made of, and their size.
        data: The folder of folders of pictures.
        count: How many.

    Returns:
        RGB uint8 (N, H, W, 3) of the recipe's size: upright ones are left out, or all others.

    Raises:
        UsageError: A folder is missing, or evaluation data.
        SourceError: A picture cannot be read, or is one of the judging pictures.
    """
    shelf = load_library(data, recipe.data).train
    upright = recipe.size[0] < recipe.size[1]
    shots = shots_of(shelf, recipe, (_SEED,), 1, upright)
    return np.stack([shot[0][0] for shot in islice(shots, count)])


def published_pictures(data: Path, count: int) -> NDArray[np.uint8]:
    """Pictures as they are, at the published size: ``count`` of each of ``FOLDERS``, evenly spaced, less judged people.

    Returns:
        RGB uint8 (N, 320, 320, 3).

    Raises:
        UsageError: A folder has no pictures, or is evaluation data.
        SourceError: A picture cannot be read, or is one of the judging pictures.
    """
    files = []
    for folder in FOLDERS:
        refuse_judging(data / folder)
        found = sorted(path for path in (data / folder).rglob("*") if path.suffix.lower() in SUFFIXES)
        if not found:
            raise UsageError(f"{data / folder} holds no pictures")
        step = max(1, len(found) // count)
        files += [path for path in found[step // 2 :: step][:count] if judged_person(path) is None]
    width, height = PUBLISHED_SIZE
    pictures = np.empty((len(files), height, width, 3), np.uint8)
    for path, picture in zip(files, pictures, strict=True):
        scale_into(read_picture(path), picture)
    return pictures


def published_table(
    name: str,
    data: Path,
    count: int,
    *,
    fetch: Callable[[str], Path] = weights.ensure,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """The table of a published network's ranges (see ``segment.published``), as TOML. It takes seconds a picture.

    Args:
        name: Of the network.
        data: The folder of folders of pictures.
        count: Pictures of each folder.
        fetch: Gives the network's file.
        progress: Called after each picture with how many were seen, and how many there are.

    Raises:
        UsageError: There is no such network; or as ``published_pictures``.
        SourceError: As ``published_pictures``.
        WeightsError: The network cannot be had.
    """
    if name not in PUBLISHED:
        raise UsageError(f"{name} is none of the published networks: choose {' or '.join(PUBLISHED)}")
    pictures = published_pictures(data, count)
    seen = ranges(load(fetch(name)), _told(pictures, progress))
    lines = [
        f"# The least and the greatest value of each tensor in {name} on {len(pictures)} pictures: {count} each of",
        f"# {', '.join(FOLDERS)},",
        "# less those of people by whom models are judged. What the folders are stands in MODELCARD.md.",
        f"# Made by: livebg models calibrate {name} DATA {name}.ranges.toml --count {count}",
        f'checksum = "{weights.store().entry(name).checksum}"',
        "",
        "[ranges]",
        *(f'"{tensor}" = [{float(f"{least:.5g}")}, {float(f"{most:.5g}")}]' for tensor, (least, most) in seen.items()),
    ]
    return "\n".join(lines) + "\n"


def _told(pictures: NDArray[np.uint8], progress: Callable[[int, int], None] | None) -> Iterator[NDArray[np.uint8]]:
    for seen, picture in enumerate(pictures, 1):
        yield picture
        if progress is not None:
            progress(seen, len(pictures))
