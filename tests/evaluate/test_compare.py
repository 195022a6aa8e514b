"""What is a difference and what is noise, on rows whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livebg.errors import SourceError, UsageError
from livebg.evaluate.compare import compare, rows_to_compare
from livebg.evaluate.metrics import score_image, summarise
from livebg.evaluate.stillness import FlickerMeter
from livebg.evaluate.store import Row, RowKey, Store
from livebg.evaluate.table import clip_results, comparison_lines, image_scores
from tests.evaluate.cases import blob, soft

KEY = RowKey("images", "ecssd", "/data", "u2netp", "", "320", "raw", "minmax", "onnx cpu")
CLIPS = replace(KEY, kind="video", dataset="clips")


def picture_row(row: Row, worse_by: int = 0, count: int = 30) -> Row:
    """Maps of the same pictures, ``worse_by`` pixels farther off (to the left, as they are)."""
    for index in range(count):
        mask = blob(40, 50, index)
        matte = np.roll(soft(mask, index, noise=5.0), -worse_by, axis=1)
        row.add(f"{index:03}", "1", score_image(matte, mask, stretch=True).to_json())
    return row


def clip_row(row: Row, mad: float, iou: float, clips: int = 3, frames: int = 100) -> Row:
    for clip in range(clips):
        rng = np.random.default_rng(clip)
        series = {
            "mad": (mad + rng.normal(0, 2, frames)).tolist(),
            "iou": (iou + rng.normal(0, 0.01, frames)).tolist(),
            "flicker": [None, *rng.random(frames - 1).tolist()],
        }
        still = [0, *rng.integers(1, 1000, frames - 1).tolist()]
        row.add(f"clip-{clip}", "1", {"frames": frames, "means": {}, "series": series, "still": still})
    return row


def flicker_row(row: Row, many: int, few: int, frames: int = 251) -> Row:
    """Mattes that change by ``many`` in every other picture, which stands still, and by ``few`` in those that move."""
    still, moved = np.zeros((20, 20, 3), np.uint8), np.full((20, 20, 3), 200, np.uint8)
    moved[0, 0] = 0
    meter, truth = FlickerMeter(), np.zeros((20, 20), np.uint8)
    value = 0
    for index in range(frames):
        steady = index % 4 < 2  # so each other change is from a picture to the same
        value += (few if index % 2 == 0 else many) * (-1 if index % 4 < 2 else 1)
        meter.add(np.full((20, 20), 128 + value, np.uint8), truth, still if steady else moved)
    means = {"flicker": meter.flicker()}
    row.add("clip", "1", {"frames": frames, "means": means, "series": {"flicker": meter.series}, "still": meter.still})
    return row


def verdicts(first: Row, second: Row) -> dict[str, str]:
    return {each.measure: each.verdict for each in compare(first, second).differences}


def test_a_row_is_within_noise_of_itself():
    row = picture_row(Row(KEY))
    found = compare(row, row)
    assert {each.verdict for each in found.differences} == {"within noise"}
    assert all(each.low == each.high == 0 for each in found.differences)
    assert found.items == 30


def test_a_real_difference_is_told_and_which_way():
    said = verdicts(picture_row(Row(KEY)), picture_row(Row(KEY), worse_by=4))
    assert said["iou"] == said["mae"] == said["max_f"] == said["max_f_sod"] == "worse"
    said = verdicts(picture_row(Row(KEY), worse_by=4), picture_row(Row(KEY)))
    assert said["iou"] == said["mae"] == "better"


def test_chance_is_called_noise():
    # Of 40 differences that are nothing but chance, two are expected outside of their intervals.
    first, second = picture_row(Row(KEY), count=20), picture_row(Row(KEY), count=20)
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(40):
        for name in first.items:
            second.items[name]["mae"] = first.items[name]["mae"] + rng.normal(0, 0.05)
        mae = next(each for each in compare(first, second, rounds=200).differences if each.measure == "mae")
        alarms += mae.verdict != "within noise"
    assert alarms <= 6


def test_values_are_those_of_the_table_and_lie_within_the_interval():
    first, second = picture_row(Row(KEY)), picture_row(Row(KEY), worse_by=3)
    tables = [summarise(image_scores(row)) for row in (first, second)]
    for each in compare(first, second).differences:
        assert each.first == pytest.approx(tables[0][each.measure], abs=1e-8)
        assert each.second == pytest.approx(tables[1][each.measure], abs=1e-8)
        assert each.low <= each.difference <= each.high


def test_the_interval_is_that_of_the_mean_where_this_is_known():
    # Differences drawn from a normal distribution: half the interval is 1.96 standard errors.
    first, second = picture_row(Row(KEY), count=100), picture_row(Row(KEY), count=100)
    off = np.random.default_rng(0).normal(0.02, 0.05, 100)
    for index, name in enumerate(sorted(second.items)):
        second.items[name]["mae"] += off[index]
    mae = next(each for each in compare(first, second).differences if each.measure == "mae")
    assert (mae.high - mae.low) / 2 == pytest.approx(1.96 * off.std() / 10, rel=0.1)


def test_only_items_that_both_have_from_the_same_files_count():
    first, second = picture_row(Row(KEY)), picture_row(Row(KEY), count=20)
    second.items["000"]["stamp"] = "changed"
    found = compare(first, second)
    assert (found.items, found.left_out) == (19, 11)
    second.items = {"other": second.items["001"]}
    with pytest.raises(UsageError, match="no item in common"):
        compare(first, second)


def test_a_clip_measured_on_fewer_frames_is_left_out_and_told():
    first, second = clip_row(Row(CLIPS), 10, 0.9), clip_row(Row(CLIPS), 14, 0.9, clips=2)
    second.add("clip-2", "1", clip_row(Row(CLIPS), 14, 0.9, frames=80).items["clip-2"])
    found = compare(first, second)
    assert (found.items, found.left_out) == (2, 1)
    assert {each.drawn for each in found.differences if each.measure != "flicker"} == {8}


def test_clips_are_compared_in_stretches_of_frames():
    said = verdicts(clip_row(Row(CLIPS), 10, 0.9), clip_row(Row(CLIPS), 14, 0.95))
    assert said == {"mad": "worse", "iou": "better", "flicker": "within noise"}


def test_flicker_is_that_of_the_table_where_frames_have_more_or_fewer_still_pixels():
    # Of the 400 pixels all are still, or one. By frames the second row would be better, by pixels it is worse.
    first, second = flicker_row(Row(CLIPS), many=4, few=40), flicker_row(Row(CLIPS), many=6, few=10)
    (flicker,) = compare(first, second).differences
    values = [clip_results(row)[-1]["flicker"] for row in (first, second)]
    assert values == [pytest.approx(each / 401 / 255 * 1e3, abs=1e-5) for each in (400 * 4 + 40, 400 * 6 + 10)]
    assert [flicker.first, flicker.second] == pytest.approx(values, abs=1e-5)
    assert flicker.low <= flicker.difference <= flicker.high
    assert flicker.verdict == "worse"


def test_flicker_without_the_still_pixels_is_left_out_and_told():
    first, second = clip_row(Row(CLIPS), 10, 0.9, clips=2), clip_row(Row(CLIPS), 14, 0.9, clips=2)
    del second.items["clip-1"]["still"]
    found = compare(first, second)
    assert {each.measure: each.drawn for each in found.differences} == {"mad": 8, "iou": 8, "flicker": 4}
    assert found.unweighted == ("clip-1",)
    assert any("flicker of clip-1 is left out" in line for line in comparison_lines(found))
    del first.items["clip-1"]["series"]["flicker"]
    assert compare(first, second).unweighted == (), "a row that has no flicker says so itself"


def test_few_items_conclude_nothing():
    said = verdicts(picture_row(Row(KEY), count=3), picture_row(Row(KEY), worse_by=4, count=3))
    assert said["iou"] == said["max_f"] == "too few to tell"
    # One stretch of frames a clip: drawn again and again, it is always the same.
    said = verdicts(clip_row(Row(CLIPS), 10, 0.9, frames=20), clip_row(Row(CLIPS), 14, 0.9, frames=20))
    assert said == {"mad": "too few to tell", "iou": "within noise", "flicker": "within noise"}


def test_a_comparison_marks_what_is_not_held_out():
    first, second = picture_row(Row(KEY)), picture_row(Row(replace(KEY, refine="cascadepsp")))
    assert compare(first, second).contaminated == ("cascadepsp trained on ecssd",)
    assert compare(first, first).contaminated == ()


def store_rows(folder: Path, *keys: RowKey) -> str:
    store = Store(folder)
    for key in keys:
        with store.open(key) as row:
            picture_row(row, count=3) if key.kind == "images" else clip_row(row, 10, 0.9, frames=3)
    return str(folder)


def labels(pairs: list[tuple[Row, Row]]) -> list[tuple[str, str]]:
    return [(first.key.label, second.key.label) for first, second in pairs]


def test_one_folder_compares_its_first_row_with_the_others(tmp_path):
    folder = store_rows(tmp_path, KEY, replace(KEY, size="128"), CLIPS, replace(KEY, size="192"))
    assert labels(rows_to_compare([folder])) == [
        ("ecssd u2netp 320", "ecssd u2netp 128"), ("ecssd u2netp 320", "ecssd u2netp 192"),
    ]  # fmt: skip


def test_two_folders_are_matched_by_setting(tmp_path):
    first = store_rows(tmp_path / "a", KEY, replace(KEY, size="128"))
    second = store_rows(tmp_path / "b", replace(KEY, size="128", runtime="torch cpu"))
    assert labels(rows_to_compare([first, second])) == [("ecssd u2netp 128", "ecssd u2netp 128")]


def test_two_folders_of_one_row_each_compare_whatever_they_hold(tmp_path):
    first, second = store_rows(tmp_path / "a", KEY), store_rows(tmp_path / "b", replace(KEY, model="u2net"))
    assert labels(rows_to_compare([first, second])) == [("ecssd u2netp 320", "ecssd u2net 320")]


def test_a_file_is_one_row(tmp_path):
    store_rows(tmp_path, KEY, replace(KEY, size="128"), replace(KEY, size="192"))
    files = [str(tmp_path / "items" / f"{replace(KEY, size=size).slug}.jsonl") for size in ("128", "192")]
    assert labels(rows_to_compare(files)) == [("ecssd u2netp 128", "ecssd u2netp 192")]


def test_labels_tell_what_differs():
    found = compare(picture_row(Row(KEY), count=3), picture_row(Row(replace(KEY, alpha="matte")), count=3))
    assert (found.first, found.second) == ("ecssd u2netp 320 alpha raw", "ecssd u2netp 320 alpha matte")


def test_what_cannot_be_compared_is_an_error(tmp_path):
    alone = store_rows(tmp_path / "a", KEY)
    with pytest.raises(UsageError, match="nothing to compare"):
        rows_to_compare([alone])
    with pytest.raises(UsageError, match="no set was measured in both"):
        rows_to_compare([alone, store_rows(tmp_path / "b", CLIPS)])
    with pytest.raises(UsageError, match="several rows and no two of one setting"):
        rows_to_compare([alone, store_rows(tmp_path / "c", replace(KEY, size="64"), replace(KEY, size="96"))])
    with pytest.raises(SourceError, match="cannot read"):
        rows_to_compare([alone, str(tmp_path / "nowhere")])
