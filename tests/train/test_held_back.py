"""``livebg eval held-back``: sets of whom training never saw."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from livebg.cli.eval import eval_
from livebg.errors import UsageError
from livebg.evaluate.datasets import open_image_set
from livebg.train.held_back import write_held_back
from livebg.train.validation import examples


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_the_groups_of_validation_and_all_rooms_become_sets(library, recipe, tmp_path):
    shelf = library.validation
    counts = write_held_back(shelf, recipe, tmp_path / "sets", each=3)
    expected = examples(shelf, recipe, each=3)
    rooms = len(shelf.rooms)
    assert rooms > 0
    names = [f"held-{each.group}" if each.group in shelf.subjects else each.group for each in expected]
    assert counts == {**Counter(names), "rooms": rooms, "windows": 4 * rooms}
    assert counts.keys() == {"held-upper", "held-full", "calls", "empty", "poor", "rooms", "windows"}
    assert (counts["calls"], counts["held-upper"]) == (3, min(3, len(shelf.subjects["upper"])))
    for name, count in counts.items():
        assert len(open_image_set(str(tmp_path / "sets" / name)).pairs) == count
    first = next(example for example in expected if example.group == "calls")
    assert np.array_equal(read(tmp_path / "sets" / "calls" / "images" / "0000.png")[..., ::-1], first.picture)
    assert np.array_equal(read(tmp_path / "sets" / "calls" / "masks" / "0000.png"), first.alpha)
    for index, room in enumerate(shelf.rooms):
        assert np.array_equal(read(tmp_path / "sets" / "rooms" / "images" / f"{index:04}.png")[..., ::-1], room)
    for name in ("rooms", "windows"):
        assert not any(read(path).any() for path in (tmp_path / "sets" / name / "masks").iterdir())


def test_it_is_a_command_and_its_sets_can_be_measured(root, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        """
        network = "people"
        size = "64x48"
        [data]
        sources = ["upper", "full", "keyed"]
        held_back = 0.3
        persons = { upper = "stem", full = "stem", keyed = "prefix" }
        [scenes]
        as_taken = 0.4
        empty = 0.1
        as_taken_odds = { upper = 1 }
        composite_odds = { keyed = 1, full = 1 }
        """
    )

    def call(*arguments):
        return CliRunner().invoke(eval_, [str(argument) for argument in arguments], catch_exceptions=False)

    out = tmp_path / "sets"
    made = call("held-back", recipe, root, out, "--each", 2)
    assert made.exit_code == 0, made.output
    assert f"{out / 'rooms'}: " in made.output
    ways = ("--alpha", "matte", "--normalise", "none", "--model", "people-nano", "-q")
    measured = call("images", "--dataset", out / "rooms", "--dataset", out / "calls", *ways)
    assert measured.exit_code == 0, measured.output
    assert {"worst", "IoU", "alarms"} <= set(measured.output.splitlines()[0].split())
    stretched = call("images", "--dataset", out / "rooms", "--model", "people-nano", "-q")
    assert stretched.exit_code == 0
    assert "alarms" not in stretched.output  # the faintest map of nobody is stretched until it is somebody
    with pytest.raises(UsageError, match="sets is there already"):
        call("held-back", recipe, root, out)


def test_nothing_is_begun_where_nobody_is_held_back(library, recipe, tmp_path):
    for lacking in ({"rooms": []}, {"subjects": {}}):
        with pytest.raises(UsageError, match="held_back keeps nobody, or no room, for validation"):
            write_held_back(replace(library.validation, **lacking), recipe, tmp_path / "sets", each=1)
    assert not list(tmp_path.glob("sets*"))


def test_people_of_a_source_do_not_pass_for_it_nor_leave_the_folder(library, recipe, tmp_path):
    """What is called ccp was trained on; ``../people`` would write beside."""
    shelf = library.validation
    odd = replace(shelf, subjects={"../x/rooms": shelf.subjects["upper"]})
    scenes = recipe.scenes.model_copy(update={"as_taken_odds": {"../x/rooms": 1}, "composite_odds": {"../x/rooms": 1}})
    counts = write_held_back(odd, recipe.model_copy(update={"scenes": scenes}), tmp_path / "sets", each=1)
    assert counts["held-rooms"] == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "people") == ["sets"]
    assert {path.name for path in (tmp_path / "sets").iterdir()} == counts.keys()
