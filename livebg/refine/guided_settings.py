"""How edges are sought, by numpy and by torch alike."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GuidedSettings:
    """What ``Guided`` and ``GuidedTorch`` are told.

    Attributes:
        radius: Windows reach this many coarse pixels to each side, 1..16.
        eps: Variance of colour, of full range 1, that is taken for noise and not for an edge, above 0.
        sharpen: What lies within this of 0 or 1 becomes 0 or 1, and the rest is stretched between, 0..0.4.
        grid: Coarse mattes are taken down to this many pixels on their longer side, 16..1024.
        calm: Smaller changes of what the edge adds, from frame to frame, are followed slowly, 0.001..0.2.
        still: The same where the picture stands still, 0.001..0.2.

    Raises:
        ValueError: A value out of range.
    """

    radius: int = 1
    eps: float = 1e-3
    sharpen: float = 0.05
    grid: int = 192
    calm: float = 0.02
    still: float = 0.15

    def __post_init__(self) -> None:
        right = 1 <= self.radius <= 16 and self.eps > 0 and 0 <= self.sharpen <= 0.4 and 16 <= self.grid <= 1024
        if not (right and 0.001 <= self.calm <= 0.2 and 0.001 <= self.still <= 0.2):
            raise ValueError(
                "radius must be 1..16, eps above 0, sharpen 0..0.4, grid 16..1024, calm and still 0.001..0.2: "
                f"got {self.radius}, {self.eps}, {self.sharpen}, {self.grid}, {self.calm} and {self.still}"
            )


USUAL = GuidedSettings()
