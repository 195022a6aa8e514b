"""What a live frame must pass before it is shown: the sentences that keep the room out of the picture.

Each stage's result is checked where it is handed over, coarse ones too: a NaN that a smoother keeps or a flow that
points nowhere would become a valid matte of the wrong place further on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livebg.errors import StageError

if TYPE_CHECKING:
    from livebg.frame import Frame, Matte
    from livebg.motion import Motion
    from livebg.stages import Draft

FULL = 0.995
"""A matte that covers more than this share of the picture hides nothing and is not believed."""

NOBODY = 0.001
"""A matte that covers less than this share of the picture shows nobody."""

_EVERY = 4  # row is counted: all of a matte would be read from memory for two thresholds


def require_motion(motion: Motion | None) -> None:
    """Refuse a motion that is not finite, or leads out of every picture.

    Raises:
        StageError: It is.
    """
    if motion is None:
        return
    height, width = motion.flow.shape[:2]
    if motion.flow.shape != (height, width, 2) or motion.trust.shape != (height, width):
        raise StageError(f"a motion has a flow of {motion.flow.shape} and a trust of {motion.trust.shape}: not used")
    reach = np.abs(motion.flow).max(initial=0)
    if not reach <= 2 * max(height, width) or not 0 <= motion.trust.min(initial=0) <= motion.trust.max(initial=0) <= 1:
        raise StageError("a motion is not finite or leads out of the picture: the frame is not shown")


def require_coarse(matte: Matte, shape: tuple[int, ...] | None) -> tuple[int, ...]:
    """Refuse a coarse matte with values outside 0..1 or NaN, or of another size than expected.

    Returns:
        Its size, for the next time.

    Raises:
        StageError: It must not be used.
    """
    alpha = matte.alpha
    if alpha.size == 0 or alpha.shape != (shape or alpha.shape):
        raise StageError(f"a coarse matte is {alpha.shape} where {shape} was expected: the frame is not shown")
    low, high = alpha.min(), alpha.max()
    if not (low >= 0 and high <= 1):  # also false for NaN
        raise StageError(f"a coarse matte runs from {low} to {high}, not within 0..1: the frame is not shown")
    return alpha.shape


def require_same_frame(draft: Draft, frame: Frame) -> None:
    """Refuse a draft of another frame than the one at hand: a matte is used with the frame that it was carried to.

    Raises:
        StageError: It is of another.
    """
    if draft.frame is not frame:
        raise StageError(f"a smoother gave frame {draft.frame.index} where {frame.index} was due: it is not shown")


def coverage(matte: Matte) -> float:
    """The share of the picture that a valid matte shows, by one row in four.

    Raises:
        StageError: It shows all of it, which no subject fills.
    """
    share = float(matte.alpha[::_EVERY].mean())
    if share > FULL:
        raise StageError(
            f"the matte shows {share:.1%} of the picture and would hide nothing: uncover the camera, or move back"
        )
    return share


def require_composed(composed: Frame, *cameras: Frame) -> None:
    """Refuse a result that is a camera's own picture, or of another size.

    Raises:
        StageError: It is.
    """
    for frame in cameras:
        if composed.image.shape != frame.image.shape:
            raise StageError(f"a composed frame is {composed.image.shape}, the camera's {frame.image.shape}: not shown")
        if np.may_share_memory(composed.image, frame.image):
            raise StageError("a composed frame shares memory with the camera's: it is not shown")
