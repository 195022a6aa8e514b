"""A set through the pipeline: its numbers, what is named, what continues, and what a failure leaves."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest

from livebg.errors import DeviceError, SinkError, SourceError, StageError
from livebg.evaluate.datasets import open_image_set
from livebg.evaluate.images import evaluate_images
from livebg.evaluate.metrics import ImageScore, score_image, summarise
from livebg.evaluate.store import Row, RowKey, Store, read_rows
from livebg.evaluate.table import image_scores
from livebg.frame import Frame
from livebg.pipeline import Matting
from tests.evaluate.disk import no_file_beyond
from tests.evaluate.sets import bright, write, write_set
from tests.fakes import FakeSegmenter

KEY = RowKey("images", "ecssd", "/data", "bright", "", "320", "raw", "minmax", "fake cpu")


def run(root, row, alpha=bright, **options):
    dataset = open_image_set(f"ecssd={root}")
    segmenter = FakeSegmenter(alpha)
    evaluate_images(dataset, dataset.pairs, Matting(segmenter), row, **options)
    return segmenter


def test_numbers_are_those_of_the_8_bit_mattes(tmp_path):
    write_set(tmp_path / "set", suffix=".png")
    row = Row(KEY)
    run(tmp_path / "set", row, mattes=tmp_path / "mattes")
    by_hand = []
    for stem in sorted(row.items):
        matte = cv2.imread(str(tmp_path / "mattes" / f"{stem}.png"), cv2.IMREAD_UNCHANGED)
        mask = cv2.imread(str(tmp_path / "set" / "masks" / f"{stem}.png"), cv2.IMREAD_GRAYSCALE)
        by_hand.append(score_image(matte, mask > 128, stretch=True))
    assert summarise(image_scores(row)) == pytest.approx(summarise(by_hand), abs=1e-8, nan_ok=True)
    assert len(by_hand) == 4
    assert row.findings == []
    assert row.frames == 4


def test_a_stage_forgets_between_pictures(tmp_path):
    write_set(tmp_path)
    assert run(tmp_path, Row(KEY)).resets >= 4


@pytest.mark.parametrize("normalise", ["minmax", "none"])
def test_stretching_follows_the_setting(tmp_path, normalise):
    write_set(tmp_path)
    row = Row(RowKey(**{**{name: getattr(KEY, name) for name in KEY.__slots__}, "normalise": normalise}))
    run(tmp_path, row, lambda frame: bright(frame) * np.float32(0.4))
    assert (summarise(image_scores(row))["iou"] > 0.5) == (normalise == "minmax")


def test_an_unreadable_picture_is_named_and_the_others_go_on(tmp_path):
    write_set(tmp_path)
    (tmp_path / "images" / "0001.jpg").write_bytes(b"broken")
    write(tmp_path / "masks" / "0002.png", np.full((44, 61), 255, np.uint8))
    write(tmp_path / "masks" / "0003.png", np.random.default_rng(0).integers(0, 2, (44, 60), np.uint8))
    row = Row(KEY)
    run(tmp_path, row)
    assert sorted(row.items) == ["0000", "0003"]
    said = {finding.where: (finding.what, finding.lost) for finding in row.findings}
    assert said == {
        str(tmp_path / "images" / "0001.jpg"): ("it is damaged or not a picture", True),
        str(tmp_path / "masks" / "0002.png"): ("the mask is 61x44, its picture 60x44", True),
        str(tmp_path / "masks" / "0003.png"): ("a mask of 0 and 1 instead of 0 and 255, taken as such", False),
    }


def test_a_set_of_nothing_but_broken_files_is_an_error(tmp_path):
    for stem in write_set(tmp_path, count=2):
        (tmp_path / "images" / f"{stem}.jpg").write_bytes(b"broken")
    with pytest.raises(SourceError, match="none of 2 pairs could be measured"):
        run(tmp_path, Row(KEY))


def test_a_second_call_continues(tmp_path):
    write_set(tmp_path / "set")
    store = Store(tmp_path / "report")
    seen: list[str] = []

    def failing(frame: Frame) -> np.ndarray:
        if frame.index == 3:
            raise DeviceError("out of memory")
        seen.append(frame.name)
        return bright(frame)

    with store.open(KEY) as row, pytest.raises(DeviceError, match="out of memory"):
        run(tmp_path / "set", row, failing)
    with store.open(KEY) as row:
        kept = sorted(row.items)
        assert set(kept) <= {"0000", "0001", "0002"}
        assert kept
        seen.clear()
        run(tmp_path / "set", row, lambda frame: seen.append(frame.name) or bright(frame))
    assert seen == sorted({"0000", "0001", "0002", "0003"} - set(kept))
    with store.open(KEY) as row:
        assert len(row.items) == 4
    whole = Row(KEY)
    run(tmp_path / "set", whole)
    assert summarise(image_scores(row)) == pytest.approx(summarise(image_scores(whole)), abs=1e-8, nan_ok=True)


def test_what_was_broken_is_tried_again_and_a_changed_file_too(tmp_path):
    write_set(tmp_path / "set")
    good = (tmp_path / "set" / "images" / "0001.jpg").read_bytes()
    (tmp_path / "set" / "images" / "0001.jpg").write_bytes(b"broken")
    store = Store(tmp_path / "report")
    with store.open(KEY) as row:
        run(tmp_path / "set", row)
    with store.open(KEY) as row:  # nothing to do but the broken one: no frame at all, and that is no error
        run(tmp_path / "set", row)
        assert [finding.lost for finding in row.findings] == [True]
    (tmp_path / "set" / "images" / "0001.jpg").write_bytes(good)
    (tmp_path / "set" / "images" / "0002.jpg").write_bytes(good)
    seen: list[str] = []
    with store.open(KEY) as row:
        run(tmp_path / "set", row, lambda frame: seen.append(frame.name) or bright(frame))
        assert row.findings == []
    assert seen == ["0001", "0002"]


def test_what_left_the_set_or_broke_since_counts_no_more_on_disk_either(tmp_path):
    write_set(tmp_path / "set")
    store = Store(tmp_path / "report")
    with store.open(KEY) as row:
        run(tmp_path / "set", row)
    for folder, suffix in (("images", "jpg"), ("masks", "png")):
        (tmp_path / "set" / folder / f"0000.{suffix}").unlink()
    (tmp_path / "set" / "images" / "0001.jpg").write_bytes(b"broken")
    with store.open(KEY) as row:
        run(tmp_path / "set", row)
        assert sorted(row.items) == ["0002", "0003"]
    (again,) = read_rows(tmp_path / "report")
    assert sorted(again.items) == ["0002", "0003"]


def test_an_error_in_scoring_arrives_and_no_thread_stays(tmp_path):
    write_set(tmp_path / "set")
    (tmp_path / "mattes").write_text("a file where a folder should be")
    before = threading.active_count()
    with pytest.raises(SinkError, match=r"cannot write the report .*mattes"):
        run(tmp_path / "set", Row(KEY), mattes=tmp_path / "mattes")
    assert threading.active_count() == before


def test_a_full_disk_is_one_line_and_what_was_written_continues(tmp_path):
    write_set(tmp_path / "set")
    store = Store(tmp_path / "report")
    with (
        store.open(KEY) as row,
        no_file_beyond(3000),
        pytest.raises(SinkError, match="cannot write the report") as error,
    ):
        run(tmp_path / "set", row)
    assert "\n" not in str(error.value)
    with store.open(KEY) as row:
        assert len(row.items) < 4
        run(tmp_path / "set", row)
    with store.open(KEY) as row:
        assert sorted(row.items) == ["0000", "0001", "0002", "0003"]


def test_a_matte_that_must_not_be_used_stops_the_run(tmp_path):
    write_set(tmp_path)
    with pytest.raises(StageError, match="nan"):
        run(tmp_path, Row(KEY), lambda frame: np.full((frame.height, frame.width), np.nan, np.float32))


def test_records_stand_for_themselves(tmp_path):
    write_set(tmp_path)
    row = Row(KEY)
    run(tmp_path, row)
    record = row.items["0000"]
    assert record["image"].endswith("0000.jpg")
    assert ImageScore.from_json(record).iou == pytest.approx(record["iou"], abs=1e-8)
