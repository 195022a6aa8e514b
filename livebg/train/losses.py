"""What training minimises: the sum of a few losses from the literature, each a function of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from livebg.train.recipe import LossConfig

_LEVELS = 5


def total_loss(
    logits: list[Tensor], truth: Tensor, config: LossConfig, *, frames: int = 1, teacher: Tensor | None = None
) -> dict[str, Tensor]:
    """Every loss by name, already weighted; their sum is minimised.

    Args:
        logits: The fused map and the side outputs, each (N, 1, H, W), as ``U2Net.logits`` gives them.
        truth: Alpha (N, 1, H, W) in [0, 1].
        config: The weights.
        frames: How many neighbouring frames of one shot follow each other in the batch.
        teacher: The score of a larger network for the same pictures, (N, 1, H, W).
    """
    score = torch.sigmoid(logits[0].float())
    parts = {
        "bce": cross_entropy(logits[0], truth),
        "side": config.side * torch.stack([cross_entropy(side, truth) for side in logits[1:]]).mean(),
        "l1": config.l1 * (score - truth).abs().mean(),
        "laplacian": config.laplacian * laplacian(score, truth),
    }
    if frames > 1:
        parts["temporal"] = config.temporal * temporal(score, truth, frames)
    if teacher is not None:
        parts["teacher"] = config.teacher * cross_entropy(logits[0], teacher)
    return parts


def cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean binary cross-entropy; the truth may be soft.

    Source: Qin et al., "U²-Net", 2020, equations 1 and 2, there over the fused map and every side output (deep
    supervision; Xie and Tu, "Holistically-nested edge detection", ICCV 2015).
    """
    return functional.binary_cross_entropy_with_logits(logits.float(), truth)


def laplacian(score: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of the Laplacian pyramids, coarse levels weighted by their area.

    Source: Hou and Liu, "Context-aware image matting for simultaneous foreground and alpha estimation", ICCV 2019,
    equation 3; divided by the number of levels as in Lin et al., "Robust high-resolution video matting", WACV 2022,
    equation 2.
    """
    # The pyramid is linear: the pyramids' difference is the difference's pyramid.
    rest = score - truth
    loss = rest.new_zeros(())
    for level in range(_LEVELS):
        if min(rest.shape[2:]) < 2:
            break
        coarse = functional.avg_pool2d(_smoothed(rest), 2, ceil_mode=True)
        band = rest - functional.interpolate(coarse, size=rest.shape[2:], mode="bilinear", align_corners=False)
        loss = loss + 2**level * band.abs().mean()
        rest = coarse
    return loss / _LEVELS


def temporal(score: Tensor, truth: Tensor, frames: int) -> Tensor:
    """Mean squared change over time that the truth does not have.

    Args:
        score: (N, 1, H, W), shots of ``frames`` frames one behind the other.
        truth: The same.
        frames: 2 or more.

    Source: the temporal coherence loss of Lin et al., "Robust high-resolution video matting", WACV 2022, equation 3.
    """
    error = score - truth
    shots = error.reshape(-1, frames, *error.shape[1:])
    return torch.diff(shots, dim=1).square().mean()


def _smoothed(x: Tensor) -> Tensor:
    """By the binomial filter of five taps (Burt and Adelson, 1983), edges repeated."""
    taps = x.new_tensor([1.0, 4, 6, 4, 1]) / 16
    x = functional.pad(x, (2, 2, 2, 2), mode="replicate")
    return functional.conv2d(functional.conv2d(x, taps.view(1, 1, 1, 5)), taps.view(1, 1, 5, 1))
