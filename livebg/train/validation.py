"""How good the weights are on people who were never trained on, measured as users get it.

Each picture goes the way of ``Segmenter``: squashed to the network's size, scored, bent by the matte curve, and
enlarged to its own size. The measures come from outside (the command passes those of ``livebg eval``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from livebg.errors import UsageError
from livebg.scale import scaled
from livebg.segment.alpha import score_to_alpha
from livebg.segment.runtimes import SCALE, SHIFT
from livebg.train.camera import draw_camera
from livebg.train.recipe import SceneConfig
from livebg.train.scenes import compose_scene

if TYPE_CHECKING:
    from torch import Tensor

    from livebg.frame import Image
    from livebg.scale import InputSizes
    from livebg.segment.u2net import U2Net
    from livebg.train.folders import Shelf
    from livebg.train.recipe import Recipe

Measure = Callable[[NDArray[np.float32], NDArray[np.float32]], float]
"""Our alpha and the true one, float32 (H, W) in [0, 1], to a number."""

# The same scenes for every training, whatever its recipe shows, so that runs can be compared.
_SEED = 1729
_HEIGHT = 288
_SCENES = SceneConfig(
    as_taken=0,
    empty=0,
    decoys=0.5,
    window=0.3,
    two_people=0.3,
    low=0.2,
    chairs=0.35,
    things=0.25,
    tables=0.08,
    hues=0.08,
    walls=0.3,
    camouflage=0.2,
    as_taken_odds={},
    composite_odds={},
)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A picture, its true alpha (both uint8), and the group that it is counted in."""

    group: str
    picture: Image
    alpha: Image


def examples(shelf: Shelf, recipe: Recipe, *, each: int) -> list[Example]:
    """Fixed examples: pictures of every source as taken, composed calls, by poor cameras too, and empty rooms.

    Args:
        shelf: The side of the split that is held back.
        recipe: Which sources are shown as taken, and how often each is before a room. Its other scenes change nothing.
        each: How many of each group at most.

    Raises:
        UsageError: Nobody, or no room, is held back.
    """
    if not any(shelf.subjects.values()) or not shelf.rooms:
        raise UsageError("held_back keeps nobody, or no room, for validation: raise it, or give more pictures")
    found = []
    for source, subjects in sorted(shelf.subjects.items()):
        if source in recipe.scenes.as_taken_odds:
            chosen = np.random.default_rng(_SEED).permutation(len(subjects))[:each]
            found += [Example(source, subjects[index].image, subjects[index].alpha) for index in sorted(chosen)]
    calls = _SCENES.model_copy(update={"composite_odds": recipe.scenes.composite_odds})
    empty = _SCENES.model_copy(update={"empty": 1.0})
    for group, config, poor in (("calls", calls, 0.0), ("empty", empty, 0.0), ("poor", calls, 1.0)):
        for index in range(each):
            rng = np.random.default_rng([_SEED, index])
            scene = compose_scene(rng, shelf, config)
            picture, alpha = scene.draw((round(scene.aspect * _HEIGHT), _HEIGHT))
            camera = draw_camera(rng, _HEIGHT, poor)
            found.append(Example(group, camera.shoot(picture, rng), camera.blurred(alpha)))
    return found


def groups_of(found: list[Example]) -> list[str]:
    """The names of their groups, in order."""
    return sorted({example.group for example in found})


def validate(
    network: U2Net, sizes: InputSizes, found: list[Example], measures: dict[str, Measure], *, sure: bool
) -> dict[str, dict[str, float]]:
    """The mean of every measure, by group; the group ``all`` is the mean of the groups, each counted once.

    Args:
        network: In evaluation mode.
        sizes: What it sees.
        found: What it is judged by.
        measures: By name.
        sure: What it is not sure of fades, as it does for those who use it.
    """
    rows: dict[str, dict[str, list[float]]] = {}
    for example in found:
        alpha = matte_of(network, sizes, example.picture, sure=sure)
        true = example.alpha.astype(np.float32) / np.float32(255)
        row = rows.setdefault(example.group, {})
        for name, measure in measures.items():
            row.setdefault(name, []).append(measure(alpha, true))
    means = {group: {name: float(np.mean(values)) for name, values in row.items()} for group, row in rows.items()}
    means["all"] = {name: float(np.mean([row[name] for row in means.values()])) for name in measures}
    return means


@torch.inference_mode()
def matte_of(network: U2Net, sizes: InputSizes, picture: Image, *, sure: bool = False) -> NDArray[np.float32]:
    """A picture's alpha, (H, W) float32, by a torch network at the input size that it needs."""
    small = scaled(picture, *sizes.of(picture.shape[1], picture.shape[0]))
    device = next(network.parameters()).device
    score = network(normalised(torch.from_numpy(small)[None].to(device)))[0, 0].cpu().numpy()
    return score_to_alpha(score, (picture.shape[1], picture.shape[0]), sure=sure)


def normalised(pictures: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) as the network takes them, float32 (N, 3, H, W) in channels-last order, on their device."""
    scale, shift = (torch.tensor(values, device=pictures.device).reshape(3, 1, 1) for values in (SCALE, SHIFT))
    return pictures.permute(0, 3, 1, 2).float() * scale + shift
