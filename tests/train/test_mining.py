"""What the network that training starts from gets wrong is shown more often."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from livebg.scale import input_sizes
from livebg.train import loop
from livebg.train.folders import Shelf, Subject
from livebg.train.loop import Budget, train
from livebg.train.mining import with_hard, with_mined
from livebg.train.validation import examples

SIZES = input_sizes((32, 24))


class Left(torch.nn.Module):
    """Sees somebody in the left half of a picture where that is white."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, pictures):
        white = (pictures.mean(1, keepdim=True) > 1).float()
        white[..., white.shape[-1] // 2 :] = 0
        return white


class Filled(Left):
    """Sees somebody where most of the picture is white."""

    def forward(self, pictures):
        white = (pictures.mean(1, keepdim=True) > 1).float()
        return white * (white.mean() > 0.75)


class Anywhere(Left):
    """Sees somebody in everything."""

    def forward(self, pictures):
        return torch.ones_like(pictures[:, :1])


@pytest.fixture
def rooms():
    def room(left, right):
        picture = np.full((30, 40, 3), left, np.uint8)
        picture[:, 20:] = right
        return picture

    return [room(255, 255), room(255, 0), room(0, 0), room(0, 255)]


def test_rooms_that_fool_it_as_they_are_or_mirrored_are_decoys_and_none_twice(rooms):
    shelf = Shelf({}, rooms, [rooms[1], rooms[2]])
    found = with_mined(shelf, Left(), SIZES, np.random.default_rng(0)).decoys
    mine = {id(room) for room in rooms}
    assert [id(each) for each in found if id(each) in mine] == [id(rooms[index]) for index in (1, 2, 0, 3)]
    assert len(shelf.decoys) == 2


def test_windows_that_fool_it_are_decoys_where_the_whole_room_does_not():
    room = np.zeros((60, 80, 3), np.uint8)
    room[10:50, 10:70] = 255  # half of it
    black = np.zeros_like(room)
    shelf = Shelf({}, [room] * 10 + [black], [])
    found = with_mined(shelf, Filled(), SIZES, np.random.default_rng(0)).decoys
    assert 5 < len(found) < 20
    assert all(each.shape[0] < 60 and (each == 255).mean() > 0.7 for each in found)
    again = with_mined(shelf, Filled(), SIZES, np.random.default_rng(0)).decoys
    assert all(np.array_equal(one, other) for one, other in zip(found, again, strict=True))


def test_some_windows_are_mirrored(rooms):
    """White on the left alone is found on both sides."""
    found = with_mined(Shelf({}, [rooms[1]] * 20, []), Anywhere(), SIZES, np.random.default_rng(0)).decoys
    brighter = [each[:, 0].mean() > each[:, -1].mean() for each in found[20:] if each.min() < each.max()]
    assert 2 < sum(brighter) < len(brighter) - 2


def person(source: str, name: str, picture: np.ndarray) -> Subject:
    """Somebody in the left half."""
    alpha = np.zeros(picture.shape[:2], np.uint8)
    alpha[:, :20] = 255
    return Subject(source, name, picture, alpha, False, (0, 0, 20, 30), (True, True, False, True))


def test_hard_people_are_the_fifth_of_their_source_that_it_errs_in_most(rooms):
    """It finds those in white, and the less of them the lower the white ends."""
    everybody = {"all": [], "one": [person("one", "0", rooms[2])], "nobody": []}
    for index in range(10):
        picture = rooms[2].copy()
        picture[: 3 * index] = 255
        everybody["all"].append(person("all", str(index), picture))
    shelf = Shelf(everybody, rooms, [])
    found = with_hard(shelf, Left(), SIZES, ["all", "one", "nobody", "unknown"])
    assert {source: [each.name for each in hard] for source, hard in found.hard.items()} == {
        "all": ["0", "1"],
        "one": ["0"],
    }
    assert not shelf.hard
    assert (found.subjects, found.rooms) == (shelf.subjects, shelf.rooms)


@pytest.mark.parametrize("mine", [False, True])
@pytest.mark.parametrize("hard", [0.0, 0.5])
def test_training_takes_them_where_the_recipe_says_so(library, recipe, tmp_path, monkeypatch, mine, hard):
    """A network that knows nothing yet sees somebody everywhere."""
    plan = recipe.model_copy(update={"scenes": recipe.scenes.model_copy(update={"mine": mine, "hard": hard})})
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
    assert (every <= {id(room) for room in shown[0].decoys}) == mine
    assert any("rooms fool" in line for line in said) == mine
    assert {source: len(each) for source, each in shown[0].hard.items()} == ({"upper": 2, "full": 2} if hard else {})
    assert any("hard for it" in line for line in said) == bool(hard)
