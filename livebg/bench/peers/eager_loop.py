"""What scripts published beside U²-Net do to a clip: torch in float32, eager, one picture at a time, OpenCV around it.

    python -m livebg.bench.peers.eager_loop CLIP OUT MODEL.onnx DEVICE

The network is ours with the same weights (batch norm folded, which flatters this loop). It prints frames and the
seconds of the loop.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from livebg.bench.peers.loops import Matter, composite_video
from livebg.segment.checkpoints import load_checkpoint

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def open_eager(weights: str, device: str) -> Matter:
    """The network at 320x320, its score stretched to 0..1."""
    network = load_checkpoint(Path(weights)).network.to(device)
    mean, deviation = (torch.tensor(each).reshape(1, 3, 1, 1) for each in (_MEAN, _DEVIATION))

    def matter(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        small = torch.from_numpy(cv2.resize(picture, (320, 320))).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            score = network(((small - mean) / deviation).to(device))[0, 0].cpu().numpy()
        stretched = (score - score.min()) / max(score.max() - score.min(), 1e-6)
        return np.asarray(cv2.resize(stretched, picture.shape[1::-1]), np.float32)

    return matter


if __name__ == "__main__":
    clip, out, weights, device = sys.argv[1:]
    sys.stdout.write(composite_video(clip, out, open_eager(weights, device)))
