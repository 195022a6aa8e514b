"""MediaPipe's selfie segmentation over a clip, in the loop that webcam tools for Linux run.

    PYTHON mediapipe_loop.py CLIP OUT

It prints frames and the seconds of the loop.
"""

import sys

import mediapipe  # type: ignore[import-not-found]
import numpy as np
from loops import Matter, composite_video  # type: ignore[import-not-found]  # beside this script
from numpy.typing import NDArray


def open_selfie() -> Matter:
    """The landscape model, 256x144, which calls use."""
    network = mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=1)

    def matter(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(network.process(picture).segmentation_mask, np.float32)

    return matter


if __name__ == "__main__":
    clip, out = sys.argv[1:]
    sys.stdout.write(composite_video(clip, out, open_selfie()))
