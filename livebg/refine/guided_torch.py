"""The same upsampling along edges as ``guided.py``, on tensors of one device: nothing goes through the CPU.

Here every pixel is computed and not the band alone: a GPU does all of 1080p faster than it finds out where not to.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from livebg.refine.guided import grid_shape
from livebg.refine.guided_settings import USUAL, GuidedSettings
from livebg.still import EVERY, LEAST_NOISE, MOST_NOISE, MOVES, NEW, QUIET


class GuidedTorch:
    """``Guided`` for tensors; see there for the method and its source."""

    def __init__(self, settings: GuidedSettings = USUAL) -> None:
        """The settings of ``Guided``."""
        self._radius, self._eps, self._sharpen = settings.radius, settings.eps, settings.sharpen
        self._grid, self._calm, self._still = settings.grid, settings.calm, settings.still
        self._last: Tensor | None = None
        self._stillness = _Stillness()

    @torch.inference_mode()
    def refine(self, image: Tensor, matte: Tensor) -> Tensor:
        """The matte at the picture's size.

        Args:
            image: RGB uint8 (H, W, 3).
            matte: (h, w) in [0, 1], float32 or float16, on the same device; spans the whole picture.

        Returns:
            Alpha float32 (H, W) in [0, 1], on the same device.
        """
        full = (image.shape[0], image.shape[1])
        shape = grid_shape(tuple(matte.shape), full, self._grid)
        picture = image.permute(2, 0, 1)[None].float() / 255
        coarse = matte.float()[None, None]
        if shape != tuple(matte.shape):
            coarse = functional.interpolate(coarse, shape, mode="area")
        guide = _shrunk(picture, shape)
        coefficients = self._coefficients(guide, coarse)
        factors = _grown(coefficients, full)
        total = (factors[:, :3] * picture).sum(1, keepdim=True) + factors[:, 3:]
        base = _grown(self._sharpened(coarse).clamp(0, 1), full)
        added = self._sharpened(total) - base
        still = functional.interpolate(self._stillness.still(guide).float(), full)
        if self._last is not None and self._last.shape == added.shape and self._last.device == added.device:
            change = added - self._last
            calm = self._calm + still * (self._still - self._calm)
            added = self._last + change * (change / calm).square().clamp(max=1)
        self._last = added
        return (base + added).clamp(0, 1)[0, 0]

    def reset(self) -> None:
        """Forget the last frame."""
        self._last = None
        self._stillness = _Stillness()

    def _sharpened(self, alpha: Tensor) -> Tensor:
        return (alpha - self._sharpen) / (1 - 2 * self._sharpen)

    def _coefficients(self, guide: Tensor, coarse: Tensor) -> Tensor:
        """(1, 4, h, w): what R, G, B and 1 are multiplied with."""
        red, green, blue = guide.chunk(3, dim=1)
        moments = (
            guide, coarse, guide * coarse, guide * guide, red * green, red * blue, green * blue,
        )  # fmt: skip
        mean, alpha, product, square, mixed = self._means(torch.cat(moments, 1)).split_with_sizes(
            (3, 1, 3, 3, 3), dim=1
        )
        covariance = product - mean * alpha
        variance = square - mean * mean + self._eps
        m_red, m_green, m_blue = mean.chunk(3, dim=1)
        rg, rb, gb = (mixed - torch.cat((m_red * m_green, m_red * m_blue, m_green * m_blue), 1)).chunk(3, dim=1)
        rr, gg, bb = variance.chunk(3, dim=1)
        # The symmetric matrix's inverse by its cofactors: a batched solver is far slower on 3x3.
        first = torch.cat((gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg), 1)
        second = torch.cat((first[:, 1:2], rr * bb - rb * rb, rg * rb - rr * gb), 1)
        third = torch.cat((first[:, 2:3], second[:, 2:3], rr * gg - rg * rg), 1)
        determinant = (torch.cat((rr, rg, rb), 1) * first).sum(1, keepdim=True)
        rows = [(row * covariance).sum(1, keepdim=True) for row in (first, second, third)]
        factors = torch.cat(rows, 1) / determinant
        constant = alpha - (factors * mean).sum(1, keepdim=True)
        return self._means(torch.cat((factors, constant), 1))

    def _means(self, planes: Tensor) -> Tensor:
        padded = functional.pad(planes, (self._radius,) * 4, mode="replicate")
        return functional.avg_pool2d(padded, 2 * self._radius + 1, stride=1)


class _Stillness:
    """``still.Stillness`` for tensors; pictures (1, 3, h, w) in [0, 1], answers bool (1, 1, h, w)."""

    def __init__(self) -> None:
        self._seen: Tensor | None = None

    def still(self, picture: Tensor) -> Tensor:
        seen = self._seen
        if seen is None or seen.shape != picture.shape or seen.device != picture.device:
            self._seen = picture
            return torch.zeros_like(picture[:, :1], dtype=torch.bool)
        apart = ((picture - seen) * 255).square().mean(1, keepdim=True)
        apart = functional.avg_pool2d(functional.pad(apart, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        some = apart[..., ::EVERY, ::EVERY].flatten()
        noise = some.kthvalue(int(QUIET * some.numel()) + 1).values.clamp(LEAST_NOISE, MOST_NOISE)
        still = functional.max_pool2d((apart > MOVES * noise).float(), 3, stride=1, padding=1) == 0
        self._seen = torch.where(still, torch.lerp(seen, picture, NEW), picture)
        return still


def _shrunk(planes: Tensor, shape: tuple[int, int]) -> Tensor:
    """By halves and the rest bilinear, as ``scale.quickly_scaled`` does."""
    rows, columns = planes.shape[2:]
    while rows >= 2 * shape[0] or columns >= 2 * shape[1]:
        rows = rows // 2 if rows >= 2 * shape[0] else rows
        columns = columns // 2 if columns >= 2 * shape[1] else columns
        planes = functional.interpolate(planes, (rows, columns), mode="area")
    return _grown(planes, shape)


def _grown(planes: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(planes, size, mode="bilinear", align_corners=False)
