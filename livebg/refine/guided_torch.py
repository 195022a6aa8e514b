"""The same upsampling along edges as ``guided.py``, on tensors of one device: nothing goes through the CPU.

Here every pixel is computed and not the band alone: a GPU does all of 1080p faster than it finds out where not to.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from livebg.refine.guided import grid_shape, require_settings


class GuidedTorch:
    """``Guided`` for tensors; see there for the method and its source."""

    def __init__(
        self, *, radius: int = 1, eps: float = 1e-3, sharpen: float = 0.05, grid: int = 192, calm: float = 0.03
    ) -> None:
        """The settings of ``Guided``.

        Raises:
            ValueError: A value out of range.
        """
        require_settings(radius, eps, sharpen, grid, calm)
        self._radius, self._eps, self._sharpen, self._grid, self._calm = radius, eps, sharpen, grid, calm
        self._last: Tensor | None = None

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
        coefficients = self._coefficients(_shrunk(picture, shape), coarse)
        factors = _grown(coefficients, full)
        total = (factors[:, :3] * picture).sum(1, keepdim=True) + factors[:, 3:]
        base = _grown(self._sharpened(coarse).clamp(0, 1), full)
        added = self._sharpened(total) - base
        if self._last is not None and self._last.shape == added.shape and self._last.device == added.device:
            change = added - self._last
            added = self._last + change * (change / self._calm).square().clamp(max=1)
        self._last = added
        return (base + added).clamp(0, 1)[0, 0]

    def reset(self) -> None:
        """Forget the last frame."""
        self._last = None

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


def _shrunk(planes: Tensor, shape: tuple[int, int]) -> Tensor:
    """By exact halves and the rest bilinear, as ``guided.shrink`` does."""
    while planes.shape[2] >= 2 * shape[0] and planes.shape[3] >= 2 * shape[1] and min(shape) > 1:
        planes = functional.avg_pool2d(planes, 2)
    return _grown(planes, shape)


def _grown(planes: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(planes, size, mode="bilinear", align_corners=False)
