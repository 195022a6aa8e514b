"""Mattes of clips by MediaPipe's selfie segmentation, landscape.

    PYTHON mediapipe_mattes.py CLIPS OUT

CLIPS/NAME/images/STEM.* become OUT/NAME/STEM.png. It prints frames and the milliseconds of one.
"""

import sys

from loops import write_mattes  # type: ignore[import-not-found]  # beside this script
from mediapipe_loop import open_selfie  # type: ignore[import-not-found]

if __name__ == "__main__":
    clips, out = sys.argv[1:]
    sys.stdout.write(write_mattes(clips, out, open_selfie))
