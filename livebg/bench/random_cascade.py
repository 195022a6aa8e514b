"""Seeded random weights for CascadePSP: its cost and its parity can be measured where the published ones are not."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_RESIDUAL = 0.2  # sixteen blocks that add to one signal then keep it within half precision's range
_BRIGHTNESS = 2.5  # how much the score follows the picture, against 1 for what the body computes


def random_network(seed: int = 0) -> nn.Module:
    """The package's network with random weights, on the CPU in float32.

    Its outputs are neither flat nor saturated, and its score follows the picture's brightness, shaken by what the body
    computes: so a picture decides where the score has an edge, and with it how many local crops there are to refine.
    """
    from segmentation_refinement.models.psp.pspnet import RefinementModule

    with torch.device("meta"):  # skips the package's own initialisation
        network: nn.Module = RefinementModule()
    network.to_empty(device="cpu").eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
            if name.endswith("bn3"):
                module.weight.fill_(_RESIDUAL)
        elif isinstance(module, nn.Conv2d):
            bound = (6 / module.weight[0].numel()) ** 0.5  # keeps the variance through a rectifier: arXiv:1502.01852
            module.weight.uniform_(-bound, bound, generator=generator)
            if module.bias is not None:
                module.bias.zero_()
    image = torch.randn(1, 3, 64, 64, generator=generator)
    mask = torch.randn(1, 1, 64, 64, generator=generator).sign()
    for output, head in (("out_28", "final_28.2"), ("out_56", "final_56.2"), ("out_224", "final_21")):
        _normalise(_convolution(network, head), network(image, mask)[output])  # in this order: each feeds the next
    _follow_brightness(_convolution(network, "final_11"), _convolution(network, "final_21"))
    return network


def _convolution(network: nn.Module, name: str) -> nn.Conv2d:
    module = network.get_submodule(name)
    assert isinstance(module, nn.Conv2d)
    return module


def _normalise(head: nn.Conv2d, output: Tensor) -> None:
    """Rescale the last layer so that this output would have had mean 0 and deviation 1."""
    assert head.bias is not None
    head.weight.div_(output.std())
    head.bias.sub_(output.mean()).div_(output.std())


def _follow_brightness(mix: nn.Conv2d, head: nn.Conv2d) -> None:
    """Make channel 0 of the last but one layer the picture's green, and add it to the output."""
    assert mix.bias is not None
    assert head.bias is not None
    mix.weight[0] = 0
    mix.weight[0, -2] = 1  # of the inputs, the last three are the picture
    mix.bias[0] = 2  # normalised green is -2.0 for black
    head.weight[0, 0] = _BRIGHTNESS
    head.bias.sub_(2 * _BRIGHTNESS)
