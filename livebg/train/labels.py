"""Masks for pictures that have none, by networks that agree: more people to learn from.

Each teacher is shown a picture and its mirror image, and the mean of all mattes is the label. Where the teachers do not
agree who is the subject, the picture is left out: a wrong mask teaches worse than none. The student then sees the rest
before other rooms and through worse cameras than its teachers did. Source: Xie et al., "Self-training with Noisy
Student improves ImageNet classification", CVPR 2020.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livebg.errors import UsageError
from livebg.evaluate.video_metrics import iou
from livebg.train.folders import pictures, read_picture
from livebg.train.guard import judged_person, refuse_judging
from livebg.train.new_folder import new_folder

if TYPE_CHECKING:
    from livebg.frame import Alpha, Image

Teacher = Callable[["Image"], "Alpha"]
"""A picture, RGB uint8 (H, W, 3), to its matte, float32 (H, W) in [0, 1]."""

AGREE = 0.94  # least IoU of any two teachers: of 60 held-out selfies 55 are kept, their labels at a mean IoU of .959
LEAST = 0.05  # of the picture is subject
_SLOPE = 3  # drawn masks are hard: their edge is about a pixel wide


def label(picture: Image, teachers: Sequence[Teacher]) -> Image | None:
    """The mean of the teachers' mattes, its edge made steep; ``None`` where they disagree or see next to nobody.

    Args:
        picture: RGB uint8 (H, W, 3).
        teachers: Two or more.

    Returns:
        uint8 (H, W).
    """
    mattes = [_both_ways(teacher, picture) for teacher in teachers]
    mean = np.mean(mattes, axis=0)
    steps = [np.rint(matte * 255).astype(np.uint8) for matte in mattes]
    if (mean > 0.5).mean() < LEAST or min(iou(*pair) for pair in combinations(steps, 2)) < AGREE:
        return None
    return np.asarray(np.rint(np.clip((mean - 0.5) * _SLOPE + 0.5, 0, 1) * 255), np.uint8)


def label_folder(
    source: Path,
    target: Path,
    teachers: Sequence[Teacher],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, int]:
    """Write ``target/images`` and ``target/masks``, a source for a recipe, from a folder of pictures.

    Args:
        source: The pictures.
        target: Made anew; until it is whole it is called NAME.partial.
        teachers: Two or more.
        progress: Called after each picture, labelled or not, with how many were seen, and how many there are.

    Returns:
        How many were labelled, and how many there are.

    Raises:
        UsageError: Fewer than two teachers; no pictures; evaluation data; ``target`` is there already, or what an
            interrupted call left of it.
        SourceError: A picture cannot be read, or is one of the judging pictures.
        SinkError: It cannot be written.
    """
    if len(teachers) < 2:
        raise UsageError("labels come from networks that agree: give two or more, as in people people@448x336")
    refuse_judging(source)
    found = pictures(source)
    count = 0
    with new_folder(target, "images", "masks") as folder:
        for seen, path in enumerate(found, 1):
            mask = None if judged_person(path) else label(read_picture(path), teachers)
            if mask is not None:
                folder.write(f"images/{path.name}", partial(shutil.copyfile, path))
                folder.write_png(f"masks/{path.stem}.png", mask)
                count += 1
            if progress is not None:
                progress(seen, len(found))
    return count, len(found)


def _both_ways(teacher: Teacher, picture: Image) -> Alpha:
    mirrored = teacher(np.ascontiguousarray(picture[:, ::-1]))[:, ::-1]
    return np.asarray((teacher(picture) + mirrored) / 2, np.float32)
