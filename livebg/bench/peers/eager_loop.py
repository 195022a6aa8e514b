"""What scripts published beside U²-Net do to a clip: torch in float32, eager, one picture at a time, OpenCV around it.

    python -m livebg.bench.peers.eager_loop CLIP OUT MODEL.onnx DEVICE

The network is ours with the same weights (batch norm folded, which flatters this loop). It prints frames and the
seconds of the loop, loading not counted.
"""

import sys
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
import torch

from livebg.segment.checkpoints import load_checkpoint

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def main(clip: str, out: str, weights: str, device: str) -> tuple[int, float]:
    """Frames and seconds."""
    network = load_checkpoint(Path(weights)).network.to(device)
    mean, deviation = (torch.tensor(each).reshape(1, 3, 1, 1) for each in (_MEAN, _DEVIATION))
    reader = cv2.VideoCapture(clip)
    size = int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)), int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT))
    writer = cv2.VideoWriter(out, cv2.VideoWriter.fourcc(*"mp4v"), reader.get(cv2.CAP_PROP_FPS), size)
    frames = 0
    started = perf_counter()
    while True:
        there, frame = reader.read()
        if not there:
            break
        small = cv2.cvtColor(cv2.resize(frame, (320, 320)), cv2.COLOR_BGR2RGB)
        picture = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            score = network(((picture - mean) / deviation).to(device))[0, 0].cpu().numpy()
        alpha = cv2.resize((score - score.min()) / max(score.max() - score.min(), 1e-6), size)[..., None]
        writer.write((frame * alpha + 110 * (1 - alpha)).astype(np.uint8))
        frames += 1
    writer.release()
    return frames, perf_counter() - started


if __name__ == "__main__":
    sys.stdout.write("{} {}\n".format(*main(*sys.argv[1:])))
