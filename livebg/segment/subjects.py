"""Which connected parts of a matte are subjects."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from livebg.frame import Alpha

Subjects = int | Literal["all", "largest"]

SEED = np.float32(0.8)


def keep_subjects(alpha: Alpha, score: Alpha, subjects: Subjects = "all") -> Alpha:
    """The parts of a matte that hold a sure pixel; of these the largest ones.

    Args:
        alpha: float32 (h, w) in [0, 1].
        score: The network's score that it was made of, of the same size.
        subjects: ``all``, ``largest``, or how many.

    Returns:
        A new array: ``alpha``, and 0 where it is no subject's.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats((alpha > 0).astype(np.uint8), connectivity=8)
    gain = np.zeros(count, np.float32)
    gain[labels[score >= SEED]] = 1
    gain[0] = 0
    if subjects != "all":
        wanted = 1 if subjects == "largest" else subjects
        gain[np.argsort(stats[:, cv2.CC_STAT_AREA] * gain)[: max(count - wanted, 0)]] = 0
    return np.asarray(alpha * gain[labels], np.float32)
