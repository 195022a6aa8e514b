"""``foreground`` on tensors: the same grid, weights and equation, for frames that live on a GPU.

Why dense: gathering the band asks the GPU how large it is, and the program waits for the answer. Whole pictures cost
less than that wait.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch.nn import functional

from livebg.compose.foreground import FAINT, GRAY, LEAST, STIFFNESS
from livebg.compose.regions import grid_step

_TAPS = (0.0625, 0.25, 0.375, 0.25, 0.0625)  # of the pyramid's filter


class TorchForeground:
    """Estimates the subject's colours on the device of what it is given. Keeps only the table of places."""

    def __init__(self) -> None:
        self._places: torch.Tensor | None = None

    @torch.inference_mode()
    def estimate(self, image: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
        """The picture with the subject's colour in place of the mixture.

        Args:
            image: RGB, uint8 (H, W, 3).
            alpha: float16 or float32 (H, W) in [0, 1], on the same device.

        Returns:
            A new uint8 (H, W, 3). Where alpha is less than 1/255 away from 0 or 1 it is the picture, to the bit;
            elsewhere within a step or two of what ``foreground.Foreground`` gives.
        """
        height, width = alpha.shape
        step = grid_step(height, width)
        alpha = alpha.float()
        planes = image.permute(2, 0, 1)[None].float()
        share = alpha[::step, ::step][None, None]
        cells = functional.pad(planes[..., ::step, ::step], (0, 0, 0, 0, 0, 1), value=1.0)
        both = torch.cat([_filled(cells, share), _filled(cells, 1 - share)], dim=1)
        both = functional.grid_sample(
            both, self._table(height, width, step, alpha.device), padding_mode="border", align_corners=True
        )
        subject, room = both[:, :3], both[:, 3:]
        gain = alpha / (STIFFNESS + alpha * alpha + (1 - alpha) * (1 - alpha))
        colour = subject + gain * (planes - room - alpha * (subject - room))
        band = (alpha > LEAST) & (alpha < 1 - LEAST)
        found = colour.round_().clamp_(0, 255).to(torch.uint8)[0].permute(1, 2, 0)
        return torch.where(band[..., None], found, image)

    def _table(self, height: int, width: int, step: int, device: torch.device) -> torch.Tensor:
        """Each pixel's place among every other cell, (1, H, W, 2): -1 is the first one's centre, 1 the last one's."""
        table = self._places
        if table is None or table.shape[1:3] != (height, width) or table.device != device:
            axes = []
            for side in (height, width):
                last = (-(-side // step) + 1) // 2 - 1
                axes.append(torch.arange(side, device=device) * (1 / (step * max(last, 1))) - 1)
            rows, columns = torch.meshgrid(*axes, indexing="ij")
            self._places = table = torch.stack([columns, rows], dim=-1)[None]
        return table


def _filled(cells: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """The colours of cells of weight ``share^8``, laid through where there are none.

    Args:
        cells: (1, 4, h, w): colours 0..255, and 1.
        share: (1, 1, h, w).

    Returns:
        (1, 3, h/2, w/2), halves rounded up; the same colour in all where a side is 2 or less.
    """
    levels = [cells * share**8]
    while min(levels[-1].shape[2:]) > 2:
        levels.append(_down(levels[-1]))
    total = levels[-1].sum(dim=(2, 3), keepdim=True)
    nothing = total.new_tensor([GRAY, GRAY, GRAY, 1])[None, :, None, None]
    colour = torch.where(total[:, 3:] > 0, total / total[:, 3:], nothing).expand_as(levels[-1])
    for _, finer in pairwise(reversed(levels[1:])):
        field = finer + FAINT * _up(colour, finer.shape[2], finer.shape[3])
        colour = field / field[:, 3:]
    return colour[:, :3]


def _down(field: torch.Tensor) -> torch.Tensor:
    """``cv2.pyrDown``: filtered by (1, 4, 6, 4, 1)/16 both ways, the border mirrored, and every other pixel taken."""
    channels = field.shape[1]
    taps = field.new_tensor(_TAPS)
    across = taps.expand(channels, 1, 1, 5)
    field = functional.pad(field, (2, 2, 2, 2), mode="reflect")
    field = functional.conv2d(field, across, stride=(1, 2), groups=channels)
    return functional.conv2d(field, across.transpose(2, 3), stride=(2, 1), groups=channels)


def _up(field: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """``cv2.pyrUp``: twice as large, by (1, 6, 1)/8 on pixels and (1, 1)/2 between them."""
    return _up_across(_up_across(field, width).transpose(2, 3), height).transpose(2, 3)


def _up_across(field: torch.Tensor, width: int) -> torch.Tensor:
    before = torch.cat([field[..., 1:2], field[..., :-1]], dim=-1)
    after = torch.cat([field[..., 1:], field[..., -1:]], dim=-1)
    on = 0.75 * field + 0.125 * (before + after)
    between = 0.5 * (field + after)
    return torch.stack([on, between], dim=-1).flatten(-2)[..., :width]
