"""rembg's session loop over a clip: one session, one ``remove`` a frame, as its documentation shows for many pictures.

    PYTHON rembg_loop.py CLIP OUT MODEL

A script, run by path with the Python that rembg is installed in (livebg need not be there); OpenCV reads and writes,
and the cut-out is laid on a colour. U2NET_HOME names the folder that holds MODEL.onnx. It prints frames and the
seconds of the loop, loading not counted.
"""

import sys
from time import perf_counter

import cv2
import numpy as np
from rembg import new_session, remove


def main(clip: str, out: str, model: str) -> tuple[int, float]:
    """Frames and seconds."""
    session = new_session(model, providers=["CPUExecutionProvider"])
    reader = cv2.VideoCapture(clip)
    size = int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)), int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT))
    writer = cv2.VideoWriter(out, cv2.VideoWriter.fourcc(*"mp4v"), reader.get(cv2.CAP_PROP_FPS), size)
    colour = np.array((90, 110, 120), np.float32)
    frames = 0
    started = perf_counter()
    while True:
        there, frame = reader.read()
        if not there:
            break
        cut = np.asarray(remove(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), session=session))
        alpha = cut[..., 3:].astype(np.float32) / 255
        blended = cut[..., 2::-1] * alpha + colour * (1 - alpha)
        writer.write(blended.astype(np.uint8))
        frames += 1
    writer.release()
    return frames, perf_counter() - started


if __name__ == "__main__":
    sys.stdout.write("{} {}\n".format(*main(*sys.argv[1:])))
