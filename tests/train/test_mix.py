"""A mix of runs is the weighted mean of their weights, and a run like any other."""

from __future__ import annotations

import pytest
import torch

from livebg.errors import UsageError, WeightsError
from livebg.segment.checkpoints import load_checkpoint
from livebg.train.export import export
from livebg.train.loop import BEST, averaged_network
from livebg.train.mix import mix
from livebg.train.recipe import load_recipe
from livebg.train.start import new_network


@pytest.fixture
def run(tmp_path):
    def made(name: str, *, seed: int = 0, network: str = "people", **changes: object):
        recipe = load_recipe("people-nano", {"network": network, **changes})
        torch.manual_seed(seed)
        folder = tmp_path / name
        folder.mkdir()
        state = new_network(network, "").state_dict()
        torch.save({"recipe": recipe.model_dump_json(), "average": state, "counters": (1, 1.0, 1.0, 1)}, folder / BEST)
        return folder

    return made


def test_each_weight_is_the_weighted_mean(run, tmp_path):
    parts = [(run("a", seed=1), 0.7), (run("b", seed=2), 0.3)]
    mixed, _ = averaged_network(mix(parts, tmp_path / "new" / "mix"))
    (one, _), (other, _) = (averaged_network(folder / BEST) for folder, _ in parts)
    states = [network.state_dict() for network in (mixed, one, other)]
    for key, value in states[0].items():
        assert torch.allclose(value, 0.7 * states[1][key] + 0.3 * states[2][key], atol=1e-6), key
    assert not torch.equal(states[0]["fuse.weight"], states[1]["fuse.weight"])


def test_it_has_the_first_ones_recipe_and_can_be_exported(run, tmp_path):
    best = mix([(run("a", size="96x64"), 0.5), (run("b", size="64x64"), 0.5)], tmp_path / "mix")
    assert load_checkpoint(export(best, tmp_path / "files", "mine")[0]).size == (96, 64)


@pytest.mark.parametrize("shares", [(0.5, 0.6), (1.5, -0.5), (float("nan"), 0.5)])
def test_shares_that_are_none_are_refused(run, tmp_path, shares):
    with pytest.raises(UsageError, match="add up to 1"):
        mix(list(zip((run("a"), run("b")), shares, strict=True)), tmp_path / "mix")


def test_a_run_is_not_written_over(run):
    with pytest.raises(UsageError, match="holds a run already"):
        mix([(run("a"), 1.0)], run("b"))


def test_another_network_cannot_be_mixed_in(run, tmp_path):
    with pytest.raises(WeightsError, match="only weights of one network can be mixed, got people and u2netp"):
        mix([(run("a"), 0.5), (run("b", network="u2netp"), 0.5)], tmp_path / "mix")


def test_a_folder_without_weights_is_named(tmp_path):
    with pytest.raises(WeightsError, match="nobody"):
        mix([(tmp_path / "nobody", 1.0)], tmp_path / "mix")
