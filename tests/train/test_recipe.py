"""Recipes: those that come with livebg, and what is wrong with one's own."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch.utils.flop_counter import FlopCounterMode

from livebg.errors import ConfigError
from livebg.segment.u2net import CONFIGS, U2Net
from livebg.train.recipe import RECIPES, SceneConfig, load_recipe


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_that_comes_with_livebg_is_sound(path):
    recipe = load_recipe(path.stem)
    assert recipe == load_recipe(str(path))
    assert recipe.scenes.as_taken + recipe.scenes.empty < 1
    assert {*recipe.scenes.as_taken_odds, *recipe.scenes.composite_odds} <= set(recipe.data.sources)


def test_the_command_line_s_values_replace_the_file_s():
    recipe = load_recipe("people", {"size": "64x48", "batch": 2})
    assert (recipe.size, recipe.batch) == ((64, 48), 2)


def test_what_is_wrong_is_named(tmp_path):
    path = tmp_path / "mine.toml"
    with pytest.raises(ConfigError, match="there is no recipe 'peple': choose people, people-more, people-nano"):
        load_recipe("peple")
    with pytest.raises(ConfigError, match=r"cannot read .*mine\.toml"):
        load_recipe(str(path))
    path.write_text("batch = [")
    with pytest.raises(ConfigError, match=r"mine\.toml is not TOML"):
        load_recipe(str(path))
    path.write_text((RECIPES / "people.toml").read_text().replace("batch = 8", "bath = 8"))
    with pytest.raises(ConfigError, match="bath: Extra inputs are not permitted"):
        load_recipe(str(path))
    with pytest.raises(ConfigError, match=r"batch: .*multiple of 2"):
        load_recipe("people", {"batch": 3})


def test_a_size_for_upright_pictures_is_upright_and_the_other_one_not():
    assert load_recipe("people-more").sizes == ((448, 336), (384, 384))
    assert load_recipe("people-more", {"upright": None}).sizes == ((448, 336), (336, 448))
    assert load_recipe("people-more", {"upright": "320x448"}).sizes == ((448, 336), (320, 448))
    for changes in ({"size": "336x448"}, {"upright": "640x360"}):
        with pytest.raises(ConfigError, match="size must not be upright where upright is given, and upright must not"):
            load_recipe("people-more", changes)


@pytest.mark.parametrize(("name", "most"), [("people-nano", 3e9), ("people", 8e9)])
def test_a_frame_costs_no_more_than_was_promised(name, most):
    recipe = load_recipe(name)
    width, height = recipe.size
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        U2Net(CONFIGS[recipe.network])(torch.empty(1, 3, height, width))
    assert 0 < counter.get_total_flops() <= most


def test_places_of_others_want_to_know_whose(recipe):
    scenes = recipe.scenes.model_dump()
    with pytest.raises(ValidationError, match="elsewhere wants elsewhere_odds"):
        SceneConfig.model_validate({**scenes, "elsewhere": 0.5})
    with pytest.raises(ValidationError, match="elsewhere wants elsewhere_odds"):
        SceneConfig.model_validate({**scenes, "elsewhere": 0.5, "elsewhere_odds": {"full": 0}})
    assert SceneConfig.model_validate({**scenes, "elsewhere": 0.5, "elsewhere_odds": {"full": 1}}).elsewhere == 0.5
