"""rembg's session loop over a clip: one session, one ``remove`` a frame, as its documentation shows for many pictures.

    PYTHON rembg_loop.py CLIP OUT MODEL

U2NET_HOME names the folder that holds MODEL.onnx. It prints frames and the seconds of the loop.
"""

import sys

import numpy as np
from loops import Matter, composite_video  # type: ignore[import-not-found]  # beside this script
from numpy.typing import NDArray
from rembg import new_session, remove


def open_rembg(model: str) -> Matter:
    """One session for all frames."""
    session = new_session(model, providers=["CPUExecutionProvider"])

    def matter(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        cut = np.asarray(remove(picture, session=session))
        return cut[..., 3].astype(np.float32) / np.float32(255)

    return matter


if __name__ == "__main__":
    clip, out, model = sys.argv[1:]
    sys.stdout.write(composite_video(clip, out, open_rembg(model)))
