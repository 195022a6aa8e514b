"""The refiner of the paper's configuration: CascadePSP on every picture, and its score taken as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from livebg.frame import Matte

if TYPE_CHECKING:
    from livebg.frame import Alpha, Image
    from livebg.stages import Draft


class MaskRefiner(Protocol):
    """What ``CascadePSP`` offers."""

    def alpha(self, image: Image, alpha: Alpha) -> Alpha:
        """See ``CascadePSP.alpha``."""


class EveryPicture:
    """Refines each picture's matte on its own, ungated, as the report that livebg follows did.

    The coarse matte is enlarged bilinearly to the picture, binarised at 0.5 and refined; the network's score is the
    matte. For stills and measurements: nothing is carried between frames, and a bad refinement is not held back.

    Args:
        network: A ``CascadePSP``.
    """

    notes: Sequence[str] = ()

    def __init__(self, network: MaskRefiner) -> None:
        self._network = network

    def refine(self, draft: Draft) -> Matte:
        """See ``Refiner.refine``."""
        frame, alpha = draft.frame, draft.matte.alpha
        size = (frame.width, frame.height)
        if alpha.shape != size[::-1]:
            alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)
        return Matte(self._network.alpha(frame.image, alpha))

    def reset(self) -> None:
        """Nothing is remembered."""
