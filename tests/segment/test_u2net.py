"""The network: sizes, widths, what comes out."""

from __future__ import annotations

import pytest
import torch

from livebg.segment.u2net import CONFIGS, Block, U2Net, U2NetConfig


@pytest.mark.parametrize(("name", "millions"), [("u2net", 43.98), ("u2netp", 1.13)])
def test_it_has_the_published_number_of_parameters_and_convolutions(name, millions):
    with torch.device("meta"):
        network = U2Net(CONFIGS[name])
    assert sum(each.numel() for each in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)
    assert len(list(network.convolutions())) == 119


def test_convolutions_are_listed_in_the_order_in_which_they_run():
    network = U2Net(CONFIGS["u2netp"]).eval()
    ran: list[str] = []
    for name, module in network.convolutions():
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
    with torch.inference_mode():
        network(torch.zeros(1, 3, 32, 32))
    assert ran == [name for name, _ in network.convolutions()]


@pytest.mark.parametrize("size", [(1, 1), (33, 47), (32, 200), (100, 1)])
def test_any_input_size_gives_a_score_of_that_size(size):
    network = U2Net(CONFIGS["u2netp"]).eval()
    with torch.inference_mode():
        score = network(torch.randn(2, 3, *size))
    assert score.shape == (2, 1, *size)
    assert 0 <= score.min() <= score.max() <= 1


def test_every_output_can_be_supervised_and_trains_every_weight():
    network = U2Net(CONFIGS["u2netp"])
    outputs = network.logits(torch.randn(1, 3, 64, 64))
    assert [each.shape for each in outputs] == [(1, 1, 64, 64)] * 7
    torch.stack(outputs).mean().backward()
    assert all(each.grad is not None for each in network.parameters())


def test_half_precision_weights_still_give_a_full_precision_score():
    network = U2Net(CONFIGS["u2netp"]).eval().half()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 32, 32, dtype=torch.float16)).dtype == torch.float32


def test_other_widths_and_depths_are_only_another_config():
    config = U2NetConfig(encoder=(Block(3, 4, 8), Block(2, 4, 12, dilated=True)), decoder=(Block(3, 2, 6),))
    with torch.inference_mode():
        assert U2Net(config).eval()(torch.zeros(1, 3, 20, 30)).shape == (1, 1, 20, 30)


def test_a_config_whose_halves_do_not_meet_is_refused():
    with pytest.raises(ValueError, match="2 blocks down need 1 up, got 2"):
        U2NetConfig(encoder=(Block(3, 4, 8), Block(3, 4, 8)), decoder=(Block(3, 4, 8), Block(3, 4, 8)))
