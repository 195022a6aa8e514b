"""On talking heads: no worse than the raw score, steadier, and carried between segmentations for next to nothing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from livebg.evaluate.stillness import NOISE, FlickerMeter
from livebg.evaluate.video_metrics import ClipMeter
from livebg.frame import Frame
from livebg.motion import MotionTracker
from livebg.segment import Segmenter
from livebg.smooth import Cadence, Smoother

pytestmark = pytest.mark.slow
FRAMES = 40


class Clip:
    """The first frames of a clip, as they are and with sensor noise, and their true mattes."""

    def __init__(self, folder: Path) -> None:
        paths = sorted((folder / "images").iterdir())[:FRAMES]
        pictures = [np.ascontiguousarray(cv2.imread(str(path))[..., ::-1]) for path in paths]
        self.truths = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted((folder / "masks").iterdir())]
        rng = np.random.default_rng(0)
        noisy = [np.clip(np.rint(each + rng.normal(0, NOISE, each.shape)), 0, 255) for each in pictures]
        self.clean = [Frame(each, index=index) for index, each in enumerate(pictures)]
        self.noisy = [Frame(each.astype(np.uint8), index=index) for index, each in enumerate(noisy)]


def mattes(frames: list[Frame], alpha: str, every: int, smooth: str) -> list[np.ndarray]:
    """8-bit mattes of the frames' size, bilinear."""
    cadence = Cadence(Segmenter("people", alpha=alpha, runtime="onnx", coarse=True), every)
    tracker, smoother, out = MotionTracker(), Smoother(smooth), []
    for frame in frames:
        for draft in smoother.smooth(cadence.draft(frame, tracker.follow(frame))):
            full = cv2.resize(draft.matte.alpha, (frame.width, frame.height))
            out.append(np.rint(full * 255).astype(np.uint8))
    return out


def errors(clip: Clip, ours: list[np.ndarray]) -> dict[str, float | None]:
    meter = ClipMeter()
    for matte, truth in zip(ours, clip.truths, strict=False):
        meter.add(matte, truth)
    return meter.score().means()


def flicker(clip: Clip, ours: list[np.ndarray]) -> float:
    meter = FlickerMeter()
    for matte, truth, frame in zip(ours, clip.truths, clip.clean, strict=False):
        meter.add(matte, truth, frame.image)
    found = meter.flicker()
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["franck_0", "grid_s1_0"])
def test_smoothing_and_carrying_keep_what_the_network_found(shared_data, name):
    clip = Clip(shared_data / "talkinghead" / name)
    raw, each = (errors(clip, mattes(clip.clean, alpha, 1, "off")) for alpha in ("raw", "matte"))
    steady, carried = (errors(clip, mattes(clip.clean, "matte", every, "light")) for every in (1, 4))
    assert steady["mad"] <= 1.02 * raw["mad"]
    assert steady["iou"] >= 0.98 * raw["iou"]
    assert steady["boundary_f"] >= 0.98 * raw["boundary_f"]
    assert steady["dtssd"] < each["dtssd"]
    assert carried["mad"] <= 1.1 * steady["mad"]
    assert carried["iou"] >= steady["iou"] - 0.01
    before = flicker(clip, mattes(clip.noisy, "raw", 1, "off"))
    assert flicker(clip, mattes(clip.noisy, "matte", 1, "light")) <= max(0.5 * before, 0.1 / 255 * 1e3)
