"""The steps of CascadePSP on tensors: the whole picture at one size, then crops of the picture as it is.

Images are (N, 3, h, w) float32 normalised as the network was trained, masks (N, 1, h, w) float32, -1 outside and 1
inside, scores (N, 1, h, w) float32 in [0, 1]; all on the network's device.

Why not the package's own ``eval_helper``: it refines one crop at a time, asks the device about each of them, and
resamples the whole picture three times to the size that it already has. The steps here do what is left of it, number
for number.

Source: Cheng et al., CascadePSP, CVPR 2020 (arXiv:2005.02551), section 3.3; segmentation_refinement 0.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMALLEST_LOCAL = 66
"""The smallest L of which half, less the trimmed margins, still is a step forward."""

_MARGIN = 16  # pixels at a crop's inner sides that are not trusted
_GRAIN = 8  # the coarsest stride of the network
_SURE = (0.1, 0.9)  # a crop with less or more subject than this has nothing to refine


class Prediction(NamedTuple):
    """What the network says of a batch: the score at stride 1, and the one at stride 4 that guides local steps."""

    score: Tensor
    guide: Tensor


class Crop(NamedTuple):
    """A window of the picture, in pixels; ends are exclusive."""

    top: int
    left: int
    bottom: int
    right: int

    def of(self, picture: Tensor) -> Tensor:
        """What it shows of (N, C, H, W)."""
        return picture[..., self.top : self.bottom, self.left : self.right]


def predict(network: nn.Module, image: Tensor, mask: Tensor, guide: Tensor | None = None) -> Prediction:
    """Run the network, padded to its grain, in its own precision.

    Args:
        network: The package's ``RefinementModule``.
        image: (N, 3, h, w).
        mask: (N, 1, h, w).
        guide: (N, 1, h, w) in [-1, 1]: stands for the first of the three passes.
    """
    height, width = mask.shape[-2:]
    pad = _padding(height, width)
    dtype = next(network.parameters()).dtype

    def prepared(tensor: Tensor, outside: float) -> Tensor:
        padded = F.pad(tensor, pad, value=outside) if any(pad) else tensor
        return padded.to(dtype, memory_format=torch.channels_last)

    said = network(prepared(image, 0.0), prepared(mask, -1.0), None if guide is None else prepared(guide, -1.0))
    window = Crop(0, 0, height, width)
    # The sigmoid in float32: in half precision a score near 1 has steps of 1/2048.
    return Prediction(window.of(said["out_224"]).float().sigmoid(), window.of(said["out_56_2"]).float().sigmoid())


def global_step(network: nn.Module, image: Tensor, mask: Tensor, size: int) -> Prediction:
    """Predict for the whole picture, resampled so that its longer side has ``size`` pixels."""
    return predict(network, *at_size(image, mask, size))


def fast(network: nn.Module, image: Tensor, mask: Tensor, size: int) -> Tensor:
    """The global step alone, at the picture's own size."""
    height, width = mask.shape[-2:]
    score = global_step(network, image, mask, size).score
    if max(height, width) < size:
        return F.interpolate(score, (height, width), mode="area")
    if max(height, width) > size:
        return F.interpolate(score, (height, width), mode="bilinear", align_corners=True)
    return score


def full(network: nn.Module, image: Tensor, mask: Tensor, size: int, batch: int) -> Tensor:
    """The global step, then crops of ``size`` pixels wherever an edge runs through them.

    Args:
        network: See ``predict``.
        image: (1, 3, H, W).
        mask: (1, 1, H, W).
        size: L, at least ``SMALLEST_LOCAL``.
        batch: How many crops the network sees at a time; memory grows with it, the result does not change.
    """
    height, width = mask.shape[-2:]
    score, guide = global_step(network, image, mask, size)
    inside = (F.interpolate(score, (height, width), mode="bilinear", align_corners=False) > 0.5).float()
    guide = F.interpolate(guide, (height, width), mode="bilinear", align_corners=False) * 2 - 1
    found, times = torch.zeros_like(inside), torch.zeros_like(inside)
    crops = _with_edges(inside, list(windows(height, width, size)))
    for start in range(0, len(crops), batch):
        group = crops[start : start + batch]
        local = predict(
            network, *(torch.cat([crop.of(each) for crop in group]) for each in (image, inside * 2 - 1, guide))
        )
        for crop, local_score in zip(group, local.score, strict=True):
            trusted = _trimmed(crop, height, width)
            trusted.of(found).add_(_within(trusted, crop).of(local_score))
            trusted.of(times).add_(1)
    return torch.where(times > 0, found / times.clamp(min=1), inside)


def at_size(image: Tensor, mask: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Both with a longer side of ``size`` pixels, by the package's choice of filters."""
    height, width = mask.shape[-2:]
    longer = max(height, width)
    if longer == size:
        return image, mask
    if longer > size:
        return _scaled(image, size, "area"), _scaled(mask, size, "area")
    return _scaled(image, size, "bicubic"), _scaled(mask, size, "bilinear")


def windows(height: int, width: int, size: int) -> Iterator[Crop]:
    """Windows of ``size`` that cover the picture, half overlapping, each once; column by column."""
    step = size // 2 - 2 * _MARGIN

    def starts(side: int) -> list[int]:
        # The last ones are pushed back inside, where several may coincide.
        return list(dict.fromkeys(max(0, min(i * step, side - size)) for i in range(side // step + 1)))

    for left in starts(width):
        for top in starts(height):
            yield Crop(top, left, min(top + size, height), min(left + size, width))


def _scaled(tensor: Tensor, size: int, mode: str) -> Tensor:
    ratio = size / max(tensor.shape[-2:])
    if min(tensor.shape[-2:]) * ratio < 1:  # a line of pixels would vanish
        height, width = (max(1, int(side * ratio)) for side in tensor.shape[-2:])
        return F.interpolate(tensor, (height, width), mode="area")
    corners = None if mode == "area" else False
    return F.interpolate(tensor, scale_factor=ratio, mode=mode, align_corners=corners)


def _padding(height: int, width: int) -> tuple[int, int, int, int]:
    """What to add at left, right, top and bottom.

    Where one side does not fit the grain, the package pads both, the fitting one by a whole grain; the pyramid pooling
    sees the difference.
    """
    if height % _GRAIN == 0 and width % _GRAIN == 0:
        return 0, 0, 0, 0
    return 0, _GRAIN - width % _GRAIN, 0, _GRAIN - height % _GRAIN


def _with_edges(inside: Tensor, crops: list[Crop]) -> list[Crop]:
    """Those crops that hold enough of both; the device is asked once."""
    shares = torch.stack([crop.of(inside).mean() for crop in crops])
    wanted = ~((shares > _SURE[1]) | (shares < _SURE[0]))
    return [crop for crop, keep in zip(crops, wanted.tolist(), strict=True) if keep]


def _trimmed(crop: Crop, height: int, width: int) -> Crop:
    """The part of a crop whose surroundings the network saw."""
    return Crop(
        crop.top + _MARGIN if crop.top else 0,
        crop.left + _MARGIN if crop.left else 0,
        crop.bottom - _MARGIN if crop.bottom != height else height,
        crop.right - _MARGIN if crop.right != width else width,
    )


def _within(inner: Crop, outer: Crop) -> Crop:
    """``inner`` in the coordinates of ``outer``."""
    return Crop(inner.top - outer.top, inner.left - outer.left, inner.bottom - outer.top, inner.right - outer.left)
