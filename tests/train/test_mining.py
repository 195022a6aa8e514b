"""Rooms that fool the network that training starts from are shown more often."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from livebg.train import loop
from livebg.train.folders import Shelf
from livebg.train.loop import Budget, train
from livebg.train.mining import with_mined
from livebg.train.validation import examples


class Left(torch.nn.Module):
    """Sees somebody in the left half of a picture where that is white."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, pictures):
        white = (pictures.mean(1, keepdim=True) > 1).float()
        white[..., white.shape[-1] // 2 :] = 0
        return white


@pytest.fixture
def rooms():
    def room(left, right):
        picture = np.full((30, 40, 3), left, np.uint8)
        picture[:, 20:] = right
        return picture

    return [room(255, 255), room(255, 0), room(0, 0), room(0, 255)]


def test_rooms_that_fool_it_as_they_are_or_mirrored_are_decoys_and_none_twice(rooms):
    shelf = Shelf({}, rooms, [rooms[1], rooms[2]])
    found = with_mined(shelf, Left(), (32, 24)).decoys
    assert [id(each) for each in found] == [id(rooms[index]) for index in (1, 2, 0, 3)]
    assert len(shelf.decoys) == 2


@pytest.mark.parametrize("mine", [False, True])
def test_training_takes_them_where_the_recipe_says_so(library, recipe, tmp_path, monkeypatch, mine):
    """A network that knows nothing yet sees somebody everywhere."""
    plan = recipe.model_copy(update={"scenes": recipe.scenes.model_copy(update={"mine": mine})})
    found = examples(library.validation, recipe, each=1)
    shown, said, opened = [], [], loop.open_batches
    monkeypatch.setattr(
        loop, "open_batches", lambda shelf, *args, **kept: shown.append(shelf) or opened(shelf, *args, **kept)
    )
    train(
        plan,
        library,
        tmp_path / "run",
        Budget(1, steps=1),
        found=found,
        measures={"mad": lambda ours, true: 0.0},
        say=said.append,
    )
    every = {id(room) for room in (*library.train.rooms, *library.train.decoys)}
    assert ({id(room) for room in shown[0].decoys} == every) == mine
    assert any("rooms fool" in line for line in said) == mine
