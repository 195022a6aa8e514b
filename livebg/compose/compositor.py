"""Blend the subject with what lies under it.

Why in gamma space: the numbers of the picture are blended as they are, not made linear in light first. Published mattes
are drawn and trained for this sum, players do the same with a file that carries alpha, and linear light would cost a
table look-up for every value on the way in and out.

Why only parts are blended: outside the outline the result is a copy (``regions``). What holds it is gathered and
computed in float as ``subject + (1 - alpha) (background - subject)``, which at 0 and 1 is the one and the other to the
bit, and rounded to the nearest once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from livebg.compose.foreground import Foreground, thrice
from livebg.compose.kept import Kept
from livebg.compose.light_wrap import LightWrap
from livebg.compose.regions import Regions
from livebg.stages import Closing

if TYPE_CHECKING:
    from livebg.compose.backgrounds import Background
    from livebg.frame import Frame, Image, Matte


class Compositor(Closing):
    """Puts the subject on a background (``stages.Compositor``).

    Each result is a fresh array: a sink that writes behind may hold several, and none shares memory with the source's
    frame or with another result. Buffers that are used again never leave this package.
    """

    def __init__(self, background: Background, *, decontaminate: bool = False, light_wrap: float = 0.0) -> None:
        """Take a background.

        Args:
            background: What lies under the subject; closed with this compositor.
            decontaminate: Take the old room's colour out of what is neither subject nor room (``foreground``).
            light_wrap: How much light of the background falls on the subject's edge, 0 to 1 (``light_wrap``); of a
                transparent one none.

        Raises:
            ValueError: ``light_wrap`` is outside 0..1.
        """
        self._background = background
        self._foreground = Foreground() if decontaminate else None
        self._light = LightWrap(light_wrap) if light_wrap else None
        self._regions = Regions()
        self._subject, self._under = Kept(np.uint8), Kept(np.uint8)
        self._share, self._room, self._away = Kept(np.float32), Kept(np.float32), Kept(np.float32)

    def compose(self, frame: Frame, matte: Matte) -> Frame:
        """The subject on its background: ``alpha * frame + (1 - alpha) * background``, rounded to the nearest.

        Args:
            frame: RGB, (H, W, 3) uint8.
            matte: Alpha of the same size, float32 in [0, 1]. Where it is 0 the result is the background to the bit,
                where it is 1 the frame to the bit, but for what light wrap adds.

        Returns:
            The same moment as (H, W, 3) RGB; (H, W, 4) with straight alpha over ``Transparent``.

        Raises:
            SourceError: The background's own file cannot be read any further.
        """
        image, alpha = frame.image, np.ascontiguousarray(matte.alpha)
        result = self._background.under(frame, matte)
        if result is None:
            if self._foreground is not None:
                image = self._foreground.estimate(image, alpha)
            return frame.with_image(_cut_out(image, matte))
        self._regions.divide(alpha)
        clean = self._foreground
        if self._light is not None:
            if clean is not None:
                image, clean = clean.estimate(image, alpha, self._regions), None
            image = self._light.wrap(image, alpha, result)
        for part in self._regions.whole:
            result[part] = image[part]
        if clean is not None:
            clean.look(image, alpha)
        for pieces in self._regions.mixed():
            share, subject = pieces.take(alpha, self._share), pieces.take(image, self._subject)
            room = thrice(1 - share, self._room)
            if clean is not None:
                clean.correct(pieces, subject, share, room)
            away = self._away.shaped(*subject.shape)
            cv2.subtract(pieces.take(result, self._under), subject, dst=away, dtype=cv2.CV_32F)
            away *= room
            cv2.add(subject, away, dst=subject, dtype=cv2.CV_8U)  # rounds to the nearest
            pieces.put(result, subject)
        return frame.with_image(result)

    def reset(self) -> None:
        """Nothing to forget: a result depends on its own frame, matte and time alone. Buffers stay."""

    def close(self) -> None:
        """Close the background."""
        self._background.close()


def _cut_out(image: Image, matte: Matte) -> Image:
    """The frame with straight 8-bit alpha, (H, W, 4).

    Where that alpha is 0 the colour is 0 as well: a player that ignores alpha shows black there, never the room.
    """
    alpha = matte.as_image()
    cut = np.empty((*alpha.shape, 4), np.uint8)
    cv2.cvtColor(image, cv2.COLOR_RGB2RGBA, dst=cut)
    cv2.insertChannel(alpha, cut, 3)
    cut.view(np.uint32)[..., 0][alpha == 0] = 0
    return cut
