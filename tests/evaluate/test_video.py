"""Clips through the pipeline: folders and videos, with truth and without, and what is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livebg.build import open_reader
from livebg.config import InputConfig
from livebg.errors import DeviceError, SourceError
from livebg.evaluate.clips import find_clips
from livebg.evaluate.store import Row, RowKey, Store
from livebg.evaluate.table import ALL_CLIPS, clip_results
from livebg.evaluate.video import evaluate_clips
from livebg.frame import Frame
from livebg.pipeline import Matting
from tests.evaluate.cases import blob
from tests.evaluate.sets import bright, picture_of, write, write_clip
from tests.fakes import FakeSegmenter

KEY = RowKey("video", "clips", "/data", "bright", "", "320", "matte", "none", "fake cpu")


def open_video(path: Path):
    return open_reader(str(path), InputConfig(), side=False)


def run(root: Path, row: Row | None = None, alpha=bright, **options) -> Row:
    row = Row(KEY) if row is None else row
    clips, found = find_clips(str(root))
    evaluate_clips(clips, Matting(FakeSegmenter(alpha)), row, open_video=open_video, found=found, **options)
    return row


def write_video(path: Path, pictures: list[np.ndarray]) -> None:
    """Lossless, so that what is read is what was written."""
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25, (width, height))
    for picture in pictures:
        writer.write(picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()


def walk(frames: int = 12) -> tuple[list[np.ndarray], list[np.ndarray]]:
    masks = [np.roll(blob(44, 60, 1), 2 * t - frames, axis=1) for t in range(frames)]
    return [picture_of(mask) for mask in masks], [np.where(mask, 255, 0).astype(np.uint8) for mask in masks]


def test_a_perfect_matte_has_no_error_no_lag_and_no_flicker(tmp_path):
    write_clip(tmp_path / "walk")
    row = run(tmp_path)
    means = row.items["walk"]["means"]
    assert {name: means[name] for name in ("mad", "mse", "grad", "conn", "dtssd", "lag", "flicker")} == dict.fromkeys(
        ("mad", "mse", "grad", "conn", "dtssd", "lag", "flicker"), 0
    )
    assert means["iou"] == means["boundary_f"] == 1
    assert row.findings == []


def test_a_matte_that_comes_late_lags(tmp_path):
    write_clip(tmp_path / "walk", frames=24)
    held: list[np.ndarray] = []

    def late(frame: Frame) -> np.ndarray:
        held.append(bright(frame))
        return held[max(len(held) - 3, 0)]

    assert run(tmp_path, alpha=late, flicker=False).items["walk"]["means"]["lag"] == pytest.approx(2, abs=0.1)


def test_noise_is_on_the_pictures_of_the_flicker_pass_alone(tmp_path):
    write_clip(tmp_path / "walk", frames=3)
    seen: list[np.ndarray] = []
    run(tmp_path, alpha=lambda frame: seen.append(frame.image) or bright(frame))
    clean, noisy = seen[:3], seen[3:]
    assert len(noisy) == 3
    for before, after in zip(clean, noisy, strict=True):
        assert np.std(after.astype(int) - before) == pytest.approx(2, abs=0.3)
    seen.clear()
    row = run(tmp_path, alpha=lambda frame: seen.append(frame.image) or bright(frame), flicker=False)
    assert len(seen) == 3
    assert row.items["walk"]["means"].get("flicker") is None


def test_a_stage_that_follows_noise_flickers(tmp_path):
    write_clip(tmp_path / "walk")
    followed = run(tmp_path, alpha=lambda frame: (frame.image[..., 0] / 255).astype(np.float32))
    item = followed.items["walk"]
    assert np.average(item["series"]["flicker"], weights=item["still"]) == pytest.approx(item["means"]["flicker"])
    # Two independent noises of 2/255 differ by 2·sqrt(2)·sqrt(2/pi) in the mean, with rounding a little more.
    assert followed.items["walk"]["means"]["flicker"] == pytest.approx(1e3 * 2 * 2 / np.sqrt(np.pi) / 255, rel=0.1)


def test_a_clip_without_truth_has_a_warping_error_alone(tmp_path):
    write_clip(tmp_path / "wild", masks=None, frames=4)
    item = run(tmp_path).items["wild"]
    assert list(item["means"]) == ["warp"]
    assert item["means"]["warp"] is not None
    assert len(item["series"]["warp"]) == 3


def test_a_video_beside_its_matte_video_measures_as_folders_do(tmp_path):
    pictures, masks = walk()
    write_video(tmp_path / "walk.mkv", pictures)
    write_video(tmp_path / "walk_alpha.mkv", masks)
    means = run(tmp_path).items["walk"]["means"]
    assert means["iou"] == pytest.approx(1)
    assert means["lag"] == 0


@pytest.mark.parametrize(
    ("truths", "said"),
    [(9, "3 frames at its end have no true matte"), (14, "2 true mattes after its 12 frames have no picture")],
)
def test_videos_of_unequal_length_are_named(tmp_path, truths, said):
    write_video(tmp_path / "walk.mkv", walk()[0])
    write_video(tmp_path / "walk_alpha.mkv", walk(14)[1][:truths])
    row = run(tmp_path, flicker=False)
    assert [finding.what for finding in row.findings if finding.lost] == [said]
    assert row.items["walk"]["frames"] == min(12, truths)


@pytest.mark.parametrize(
    ("matte", "said"),
    [
        (lambda mask: mask[:-4], "its true matte is 60x40, its picture 60x44"),
        (lambda mask: np.stack([mask, mask, mask * 0], axis=2), "its true matte is in colour"),
        (lambda mask: np.stack([mask * 0, mask, mask * 0], axis=2), "its true matte is in colour"),
    ],
)
def test_a_matte_video_that_is_none_is_named_and_other_clips_go_on(tmp_path, matte, said):
    pictures, masks = walk(3)
    write_video(tmp_path / "bad.mkv", pictures)
    write_video(tmp_path / "bad_alpha.mkv", [matte(mask) for mask in masks])
    write_clip(tmp_path / "walk", frames=3)
    row = run(tmp_path)
    assert list(row.items) == ["walk"]
    assert said in row.findings[0].what


def test_an_unreadable_frame_is_named_and_the_others_go_on(tmp_path):
    write_clip(tmp_path / "walk", frames=5)
    (tmp_path / "walk" / "images" / "00002.png").write_bytes(b"broken")
    row = run(tmp_path)
    assert row.items["walk"]["frames"] == 4
    assert [finding.where for finding in row.findings] == [str(tmp_path / "walk" / "images" / "00002.png")]


def test_a_frame_of_another_size_is_named_and_the_others_go_on(tmp_path):
    write_clip(tmp_path / "walk", frames=5)
    for folder in ("images", "masks"):
        path = tmp_path / "walk" / folder / "00002.png"
        write(path, cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[:30, :40])
    row = run(tmp_path)
    assert row.items["walk"]["frames"] == 4
    assert [str(finding) for finding in row.findings] == ["walk, frame 00002: the frame is 40x30, the first 60x44"]


def test_nothing_but_broken_clips_is_an_error(tmp_path):
    write_clip(tmp_path / "walk", frames=2)
    for path in (tmp_path / "walk" / "images").iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(SourceError, match="none of 1 clips could be measured"):
        run(tmp_path)


def test_a_second_call_continues_clip_by_clip(tmp_path):
    for name in ("a", "b"):
        write_clip(tmp_path / "clips" / name, frames=3)
    store = Store(tmp_path / "report")
    count = [0]

    def failing(frame: Frame) -> np.ndarray:
        count[0] += 1
        if count[0] == 8:
            raise DeviceError("device lost")
        return bright(frame)

    with store.open(KEY) as row, pytest.raises(DeviceError):
        run(tmp_path / "clips", row, failing)
    count[0] = 100
    with store.open(KEY) as row:
        assert list(row.items) == ["a"]
        run(tmp_path / "clips", row, failing)
        assert list(row.items) == ["a", "b"]
    assert count[0] == 106  # one clip, two passes
    with store.open(KEY) as row:
        write(tmp_path / "clips" / "a" / "masks" / "00000.png", np.zeros((44, 60), np.uint8))
        run(tmp_path / "clips", row, failing)
    assert count[0] == 112


def test_over_all_clips_each_counts_the_same(tmp_path):
    write_clip(tmp_path / "long", frames=8)
    write_clip(tmp_path / "short", frames=2)
    row = run(tmp_path, alpha=lambda frame: bright(frame) * np.float32(1 - 0.5 * (frame.index < 2)), flicker=False)
    results = {result["clip"]: result for result in clip_results(row)}
    assert results[ALL_CLIPS]["mad"] == pytest.approx((results["long"]["mad"] + results["short"]["mad"]) / 2)
    assert results[ALL_CLIPS]["n"] == 10


def test_another_seed_is_other_noise(tmp_path):
    write_clip(tmp_path / "walk", frames=3)
    follow = lambda frame: (frame.image[..., 0] / 255).astype(np.float32)  # noqa: E731
    flickers = [
        run(tmp_path, Row(replace(KEY, seed=seed)), follow).items["walk"]["means"]["flicker"] for seed in (0, 0, 1)
    ]
    assert flickers[0] == flickers[1] != flickers[2]


def test_mattes_are_kept_clip_by_clip(tmp_path):
    write_clip(tmp_path / "clips" / "walk", frames=2)
    run(tmp_path / "clips", mattes=tmp_path / "mattes")
    assert [path.name for path in sorted((tmp_path / "mattes" / "walk").iterdir())] == ["00000.png", "00001.png"]
