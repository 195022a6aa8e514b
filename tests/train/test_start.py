"""Where training starts: with a larger stride the published network still says the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from livebg.errors import WeightsError
from livebg.segment.u2net import CONFIGS, U2Net
from livebg.train.start import fit_weights, new_network


def test_before_the_first_step_it_scores_as_the_published_network_on_the_halved_picture():
    network = new_network("people", "u2netp").eval()
    published = new_network("u2netp", "u2netp").eval()
    small = torch.full((1, 3, 72, 96), -1.0)
    small[:, :, 16:60, 30:62] = torch.tensor([1.5, 0.2, -0.5]).view(1, 3, 1, 1)  # something that stands out
    picture = small.repeat_interleave(2, 2).repeat_interleave(2, 3)
    with torch.inference_mode():
        ours, theirs = network(picture), published(small)
    assert ours.shape == (1, 1, 144, 192)
    assert theirs.std() > 0.1  # there is something to see
    # The coarser maps are enlarged in one go and not in two, which moves them a little.
    averaged = torch.nn.functional.avg_pool2d(ours, 2)
    assert (averaged - theirs).abs().mean() < 0.02


def test_the_same_network_takes_the_weights_as_they_are():
    torch.manual_seed(0)
    old = U2Net(CONFIGS["people"])
    new = fit_weights(old, U2Net(CONFIGS["people"]), Path("old.pth"))
    assert all(torch.equal(value, new.state_dict()[name]) for name, value in old.state_dict().items())


def test_a_stride_of_two_becomes_one_of_four():
    torch.manual_seed(0)
    old = U2Net(CONFIGS["people"]).eval()
    new = fit_weights(old, U2Net(replace(CONFIGS["u2netp"], stride=4)), Path("old.pth")).eval()
    small = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        ours = new.logits(small.repeat_interleave(2, 2).repeat_interleave(2, 3))[1]
        theirs = old.logits(small)[1]
    assert torch.allclose(ours, theirs.repeat_interleave(2, 2).repeat_interleave(2, 3), atol=1e-5)


def test_other_blocks_are_refused():
    with pytest.raises(WeightsError, match="its blocks or its stride are others"):
        fit_weights(U2Net(CONFIGS["people"]), U2Net(CONFIGS["u2netp"]), Path("old.pth"))
    with torch.device("meta"):
        large = U2Net(CONFIGS["u2net"])
    with pytest.raises(WeightsError, match="does not fit"):
        fit_weights(large, U2Net(CONFIGS["people"]), Path("old.pth"))


def test_without_a_start_signals_neither_die_nor_explode():
    torch.manual_seed(0)
    network = new_network("people", "")
    with torch.inference_mode():
        fused = network.logits(torch.randn(1, 3, 96, 128))[0]
    assert fused.isfinite().all()
    assert 1e-3 < fused.std() < 1e3
