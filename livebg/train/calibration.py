"""The scenes from which the ranges of whole numbers are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livebg.train.folders import load_library
from livebg.train.shots import shoot

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from livebg.train.recipe import Recipe

_SEED = 4104  # none of the scenes of validation, and no step's of the training


def calibration_pictures(recipe: Recipe, data: Path, count: int) -> NDArray[np.uint8]:
    """Scenes of a recipe's training side, the same ones at every call.

    Args:
        recipe: What scenes are made of, and their size.
        data: The folder of folders of pictures.
        count: How many.

    Returns:
        RGB uint8 (N, H, W, 3).

    Raises:
        UsageError: A folder is missing, or evaluation data.
        SourceError: A picture cannot be read, or is one of the judging pictures.
    """
    held_back, persons = recipe.data.held_back, recipe.data.persons
    shelf = load_library(data, recipe.data.sources, held_back=held_back, persons=persons).train
    return np.stack([shoot(np.random.default_rng([_SEED, index]), shelf, recipe, 1)[0][0] for index in range(count)])
