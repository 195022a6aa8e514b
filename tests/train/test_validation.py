"""What a training is judged by: the same pictures, whatever its recipe shows."""

from __future__ import annotations

import numpy as np

from livebg.train.validation import examples, groups_of


def same(ours, others) -> bool:
    return [each.group for each in ours] == [each.group for each in others] and all(
        np.array_equal(one.picture, other.picture) and np.array_equal(one.alpha, other.alpha)
        for one, other in zip(ours, others, strict=True)
    )


def test_a_recipe_that_shows_other_scenes_is_judged_by_the_same(library, recipe):
    """So that runs of recipes that differ can be compared."""
    shown = {"low": 1.0, "walls": 1.0, "tables": 1.0, "poor": 1.0, "two_people": 1.0, "window": 1.0, "as_taken": 0.1}
    other = recipe.model_copy(update={"scenes": recipe.scenes.model_copy(update=shown)})
    found = examples(library.validation, recipe, each=4)
    assert groups_of(found) == ["calls", "empty", "full", "poor", "upper"]
    assert same(found, examples(library.validation, other, each=4))


def test_whom_it_is_judged_by_follows_the_sources(library, recipe):
    """A source that is not shown as taken is not a group; one that is never before a room is in no call."""
    found = examples(library.validation, recipe, each=4)
    fewer = recipe.scenes.model_copy(update={"as_taken_odds": {"upper": 1.0}, "composite_odds": {"full": 1.0}})
    others = examples(library.validation, recipe.model_copy(update={"scenes": fewer}), each=4)
    assert groups_of(others) == ["calls", "empty", "poor", "upper"]
    for group in ("upper", "empty", "calls"):
        ours, theirs = ([each for each in side if each.group == group] for side in (found, others))
        assert same(ours, theirs) is (group != "calls")
