"""Where training starts: published weights fitted into a network with a larger first stride.

A first convolution of stride s does at first what the published one does on the picture averaged to 1/s: each of its
weights stands s x s times, divided by s². A side output gives all pixels of a square the one score that the published
network has there. So before the first step the new network scores like the old one at 1/s of its size, and only learns
what differs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from torch import Tensor, nn

from livebg.errors import WeightsError
from livebg.segment.checkpoints import load_checkpoint
from livebg.segment.segmenter import find_model
from livebg.segment.u2net import CONFIGS, U2Net

if TYPE_CHECKING:
    from pathlib import Path


def new_network(name: str, start: str) -> U2Net:
    """A network to train, from other weights or at random.

    Args:
        name: Of ``CONFIGS``.
        start: A model's name or file; empty: random weights.

    Raises:
        WeightsError: The weights cannot be had or are of a network with other blocks.
    """
    network = U2Net(CONFIGS[name])
    if start:
        path = find_model(start)
        return fit_weights(load_checkpoint(path).network, network, path)
    # He et al., "Delving deep into rectifiers", ICCV 2015: variance stays through ReLUs, without batch norm.
    for _, conv in network.convolutions():
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        assert conv.bias is not None
        nn.init.zeros_(conv.bias)
    return network


def fit_weights(old: U2Net, network: U2Net, path: Path) -> U2Net:
    """Fill a network with another's weights; see the module's text.

    Raises:
        WeightsError: Its blocks are others.
    """
    ratio, rest = divmod(network.config.stride, old.config.stride)
    if rest or replace(old.config, stride=network.config.stride) != network.config:
        raise WeightsError(f"{path} does not fit the network to train: its blocks or its stride are others")
    state = old.state_dict()
    if ratio > 1:
        first = state["encoder.0.enter.weight"]
        state["encoder.0.enter.weight"] = first.repeat_interleave(ratio, 2).repeat_interleave(ratio, 3) / ratio**2
        for name in state:
            if name.startswith("sides."):
                state[name] = _each_pixel(state[name], old.config.stride, ratio)
    network.load_state_dict(state)
    return network


def _each_pixel(side: Tensor, stride: int, ratio: int) -> Tensor:
    """A side output's weight or bias for squares ``ratio`` times as large, whose parts score alike."""
    square = side.reshape(stride, stride, *side.shape[1:])
    return square.repeat_interleave(ratio, 0).repeat_interleave(ratio, 1).flatten(0, 1)
