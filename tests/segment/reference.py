"""U²-Net as the authors train it: with batch norm, and with their names, so that its state dict is one of theirs.

Written out stage by stage and apart from ``livebg.segment.u2net``, so that one can prove the other.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

# Stage: depth (0 for the dilated one), channels in, inside, out.
STAGES = {
    "u2net": {
        "stage1": (7, 3, 32, 64),
        "stage2": (6, 64, 32, 128),
        "stage3": (5, 128, 64, 256),
        "stage4": (4, 256, 128, 512),
        "stage5": (0, 512, 256, 512),
        "stage6": (0, 512, 256, 512),
        "stage5d": (0, 1024, 256, 512),
        "stage4d": (4, 1024, 128, 256),
        "stage3d": (5, 512, 64, 128),
        "stage2d": (6, 256, 32, 64),
        "stage1d": (7, 128, 16, 64),
    },
    "u2netp": {
        "stage1": (7, 3, 16, 64),
        "stage2": (6, 64, 16, 64),
        "stage3": (5, 64, 16, 64),
        "stage4": (4, 64, 16, 64),
        "stage5": (0, 64, 16, 64),
        "stage6": (0, 64, 16, 64),
        "stage5d": (0, 128, 16, 64),
        "stage4d": (4, 128, 16, 64),
        "stage3d": (5, 128, 16, 64),
        "stage2d": (6, 128, 16, 64),
        "stage1d": (7, 128, 16, 64),
    },
}


class ConvNormRelu(nn.Module):
    def __init__(self, channels: int, out: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv_s1 = nn.Conv2d(channels, out, 3, padding=dilation, dilation=dilation)
        self.bn_s1 = nn.BatchNorm2d(out)

    def forward(self, x):
        return functional.relu(self.bn_s1(self.conv_s1(x)))


class Stage(nn.Module):
    def __init__(self, depth: int, channels: int, inside: int, out: int) -> None:
        super().__init__()
        self.depth = depth or 4
        self.dilated = depth == 0
        self.rebnconvin = ConvNormRelu(channels, out)
        for i in range(1, self.depth + 1):
            dilation = 2 ** (i - 1) if self.dilated else 2 if i == self.depth else 1
            self.add_module(f"rebnconv{i}", ConvNormRelu(out if i == 1 else inside, inside, dilation))
        for i in range(self.depth - 1, 0, -1):
            dilation = 2 ** (i - 1) if self.dilated else 1
            self.add_module(f"rebnconv{i}d", ConvNormRelu(2 * inside, out if i == 1 else inside, dilation))

    def forward(self, x):
        entered = self.rebnconvin(x)
        return entered + self.descend(entered, 1)

    def descend(self, x, level: int):
        here = self.get_submodule(f"rebnconv{level}")(x)
        if level == self.depth:
            return here
        pooled = here if self.dilated or level == self.depth - 1 else functional.max_pool2d(here, 2, 2, ceil_mode=True)
        below = upsample(self.descend(pooled, level + 1), here)
        return self.get_submodule(f"rebnconv{level}d")(torch.cat((below, here), 1))


class Reference(nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        stages = STAGES[name]
        for stage, sizes in stages.items():
            self.add_module(stage, Stage(*sizes))
        for level in range(1, 7):
            source = "stage6" if level == 6 else f"stage{level}d"
            self.add_module(f"side{level}", nn.Conv2d(stages[source][3], 1, 3, padding=1))
        self.outconv = nn.Conv2d(6, 1, 1)

    def forward(self, picture):
        down = []
        x = picture
        for level in range(1, 7):
            x = self.get_submodule(f"stage{level}")(x)
            down.append(x)
            x = functional.max_pool2d(x, 2, 2, ceil_mode=True)
        outputs = {6: down[5]}
        for level in range(5, 0, -1):
            skip = down[level - 1]
            joined = torch.cat((upsample(outputs[level + 1], skip), skip), 1)
            outputs[level] = self.get_submodule(f"stage{level}d")(joined)
        sides = [upsample(self.get_submodule(f"side{n}")(outputs[n]), picture) for n in range(1, 7)]
        return torch.sigmoid(self.outconv(torch.cat(sides, 1)))


def upsample(x, like):
    return functional.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def random_reference(name: str, seed: int = 0) -> Reference:
    """With random weights and batch-norm statistics of the sizes that training leaves."""
    torch.manual_seed(seed)
    network = Reference(name)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.3, 3)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
    return network.eval().requires_grad_(False)
