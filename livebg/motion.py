"""How one frame came out of the one before it: optical flow on a small gray picture, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Where each pixel of a frame was in the frame before.

    Attributes:
        flow: float32 (h, w, 2): dx, dy in pixels of this small grid, which spans the whole frame. What lies at (x, y)
            now lay at (x + dx, y + dy) then (backward flow, as ``cv2.remap`` wants it).
        trust: float32 (h, w) in [0, 1]: 1 where flow there and back meet and the pictures agree, 0 where not.
        cut: The two frames have nothing to do with each other (scene cut, another size): ``trust`` is 0 everywhere.
    """

    flow: Field
    trust: Field
    cut: bool = False
