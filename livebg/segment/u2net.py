"""U²-Net, the network alone: tensors in, scores out.

A U of Us: eleven blocks (RSU, residual U-block) stand where a U-Net has single convolutions, and each block
is a small U-Net itself, so that every scale is seen at every resolution. Widths and depths are data (``U2NetConfig``).

Batch norm is folded into the convolutions (see ``checkpoints``): between a convolution and its ReLU it is a second
affine map and costs time and memory for nothing once its statistics are fixed.

Modules are registered in the order in which they run. ``U2Net.convolutions`` gives that order, and both kinds of
published weights are read by it.

Source: Qin, Zhang, Huang, Dehghan, Zaiane, Jagersand: "U²-Net: Going Deeper with Nested U-Structure for Salient Object
Detection", Pattern Recognition 106 (2020), arXiv:2005.09007, figures 2 and 5 and table 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Block:
    """One RSU: its depth L and its channels; ``dilated`` is the paper's RSU-4F, which keeps its resolution."""

    depth: int
    inside: int
    out: int
    dilated: bool = False


@dataclass(frozen=True, slots=True)
class U2NetConfig:
    """Widths and depths of the network.

    Attributes:
        encoder: Blocks on the way down, the finest first; between two of them the resolution halves.
        decoder: Blocks on the way up, the coarsest first; one fewer than on the way down.
        stride: The first convolution's; the whole U then works on pictures that much smaller, and each score is a
            square of ``stride`` x ``stride`` pixels. The two outer blocks cost 70 % of u2netp, so 2 saves three
            quarters of the work and keeps edges to the pixel.
    """

    encoder: tuple[Block, ...]
    decoder: tuple[Block, ...]
    stride: int = 1

    def __post_init__(self) -> None:
        if len(self.decoder) != len(self.encoder) - 1:
            raise ValueError(
                f"{len(self.encoder)} blocks down need {len(self.encoder) - 1} up, got {len(self.decoder)}"
            )


CONFIGS: dict[str, U2NetConfig] = {
    # Table 1: 44 M parameters.
    "u2net": U2NetConfig(
        encoder=(
            Block(7, 32, 64), Block(6, 32, 128), Block(5, 64, 256), Block(4, 128, 512),
            Block(4, 256, 512, dilated=True), Block(4, 256, 512, dilated=True),
        ),
        decoder=(
            Block(4, 256, 512, dilated=True), Block(4, 128, 256), Block(5, 64, 128), Block(6, 32, 64), Block(7, 16, 64),
        ),
    ),
    # The small one: 1.1 M parameters.
    "u2netp": U2NetConfig(
        encoder=(
            Block(7, 16, 64), Block(6, 16, 64), Block(5, 16, 64), Block(4, 16, 64),
            Block(4, 16, 64, dilated=True), Block(4, 16, 64, dilated=True),
        ),
        decoder=(
            Block(4, 16, 64, dilated=True), Block(4, 16, 64), Block(5, 16, 64), Block(6, 16, 64), Block(7, 16, 64),
        ),
    ),
}  # fmt: skip
# Ours, for people in calls: u2netp on squares of 2x2 pixels. people-nano is the same network with a smaller input.
CONFIGS["people"] = replace(CONFIGS["u2netp"], stride=2)


class U2Net(nn.Module):
    """Scores how much each pixel belongs to the subject, at any input size."""

    def __init__(self, config: U2NetConfig) -> None:
        super().__init__()
        self.config = config
        down, up = [3, *(block.out for block in config.encoder)], [block.out for block in config.decoder]
        below = [config.encoder[-1].out, *up]  # what the next block on the way up receives from below
        strides = [config.stride] + [1] * len(config.encoder)
        self.encoder = nn.ModuleList(
            RSU(channels, block, stride) for channels, block, stride in zip(down, config.encoder, strides, strict=False)
        )
        self.decoder = nn.ModuleList(
            RSU(coarse + skip, block)
            for coarse, skip, block in zip(below, reversed(down[1:-1]), config.decoder, strict=False)
        )
        square = config.stride**2
        self.sides = nn.ModuleList(nn.Conv2d(channels, square, 3, padding=1) for channels in reversed(below))
        self.fuse = nn.Conv2d(len(self.sides), 1, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """The fused score.

        Args:
            picture: (N, 3, H, W), RGB scaled to [0, 1] and normalised by ImageNet's mean and deviation.

        Returns:
            (N, 1, H, W) float32 in [0, 1]: the sigmoid is taken in full precision whatever the weights have.
        """
        return torch.sigmoid(self.logits(picture)[0].float())

    def logits(self, picture: Tensor) -> list[Tensor]:
        """The fused map and the side outputs before the sigmoid, the finest first, each (N, 1, H, W).

        Training supervises all of them (equation 1 of the paper).
        """
        skips: list[Tensor] = []
        x = picture
        for block in self.encoder:
            x = block(_halve(x) if skips else x)
            skips.append(x)
        levels = [skips.pop()]
        for block in self.decoder:
            skip = skips.pop()
            levels.append(block(torch.cat([_resize_like(levels[-1], skip), skip], dim=1)))
        maps = [side(x) for side, x in zip(self.sides, reversed(levels), strict=True)]
        if self.config.stride > 1:
            # Shi et al., "Real-time single image and video super-resolution ...", CVPR 2016: channels become pixels.
            maps = [functional.pixel_shuffle(x, self.config.stride) for x in maps]
        sides = [_resize_like(x, picture) for x in maps]
        return [self.fuse(torch.cat(sides, dim=1)), *sides]

    def convolutions(self) -> Iterator[tuple[str, nn.Conv2d]]:
        """Every convolution with its name, in the order in which they run."""
        return ((name, module) for name, module in self.named_modules() if isinstance(module, nn.Conv2d))


class RSU(nn.Module):
    """ReSidual U-block (figure 2): a convolution, and a small U-Net over it whose result is added to it."""

    def __init__(self, channels: int, block: Block, stride: int = 1) -> None:
        super().__init__()
        inside, levels = block.inside, block.depth - 1
        self.pools = not block.dilated
        rates = [1] * levels if self.pools else [2**level for level in range(levels)]
        bottom = 2 if self.pools else 2**levels
        # As many pixels on every side as a 3x3 convolution of squares of stride x stride pixels sees.
        self.enter = nn.Conv2d(channels, block.out, 3 * stride, stride=stride, padding=stride)
        self.down = nn.ModuleList(_conv(block.out if i == 0 else inside, inside, rate) for i, rate in enumerate(rates))
        self.bottom = _conv(inside, inside, bottom)
        self.up = nn.ModuleList(
            _conv(2 * inside, block.out if i == 0 else inside, rate) for i, rate in reversed(list(enumerate(rates)))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out, H, W)."""
        x = entered = functional.relu(self.enter(x))
        skips: list[Tensor] = []
        for conv in self.down:
            x = functional.relu(conv(_halve(x) if skips and self.pools else x))
            skips.append(x)
        x = functional.relu(self.bottom(x))
        for conv in self.up:
            skip = skips.pop()
            x = functional.relu(conv(torch.cat([_resize_like(x, skip), skip], dim=1)))
        return x + entered


def _conv(channels: int, out: int, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, out, 3, padding=dilation, dilation=dilation)


def _halve(x: Tensor) -> Tensor:
    """Half the resolution, rounded up, so that one pixel stays one pixel."""
    return functional.max_pool2d(x, 2, stride=2, ceil_mode=True)


def _resize_like(x: Tensor, target: Tensor) -> Tensor:
    """To the target's resolution; sizes that do not halve evenly come out right."""
    if x.shape[2:] == target.shape[2:]:
        return x
    return functional.interpolate(x, size=target.shape[2:], mode="bilinear", align_corners=False)
