"""The page of moments: which, where, and that the three of a moment belong together."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from livebg.cli.contact_sheet import Moment, make_sheet, sheet_from_files
from livebg.errors import SinkError, SourceError
from tests.media import numbered, read_number, write_clip

LABEL, TOP, MARGIN, GAP = 120, 68, 28, 12  # where the pictures begin, and what is around them


def cells(path: Path, rows: int, columns: int) -> list[list[np.ndarray]]:
    """The pictures of a sheet, row by row."""
    page = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    assert page.shape[1] == 1600
    height = (page.shape[0] - TOP - MARGIN + GAP) // rows - GAP
    width = (1600 - LABEL - MARGIN + GAP) // columns - GAP
    return [
        [
            page[TOP + row * (height + GAP) :, LABEL + column * (width + GAP) :][:height, :width]
            for column in range(columns)
        ]
        for row in range(rows)
    ]


def clips(folder: Path, count: int, **traits: object) -> tuple[Path, Path, Path]:
    """Three clips whose n-th frame bears the number n; the second is gray."""
    frames = [numbered(index) for index in range(count)]
    gray = [np.repeat(image.mean(-1, keepdims=True).astype(np.uint8), 3, axis=-1) for image in frames]
    paths = folder / "in.mp4", folder / "matte.mp4", folder / "out.mkv"
    for path, pictures in zip(paths, (frames, gray, frames), strict=True):
        write_clip(path, frames=pictures, **traits)
    return paths


@pytest.mark.parametrize("count", [1, 4, 6, 7, 23, 24, 25, 100, 200])
def test_moments_are_spread_over_the_clip_and_belong_together(tmp_path, count):
    sheet = tmp_path / "sheet.png"
    sheet_from_files(*clips(tmp_path, count), sheet)
    rows = cells(sheet, min(count, 6), 3)
    numbers = [[read_number(picture) for picture in row] for row in rows]
    assert all(len(set(row)) == 1 for row in numbers)
    moments = [row[0] for row in numbers]
    assert moments[0] == 0
    assert moments[-1] >= 0.9 * (count - 1)
    steps = np.diff(moments)
    assert (steps > 0).all()
    assert steps.size == 0 or max(steps) - min(steps) <= max(1, count // 12)


def test_another_number_of_moments(tmp_path):
    sheet = tmp_path / "sheet.png"
    sheet_from_files(*clips(tmp_path, 20), sheet, moments=3)
    assert [read_number(row[0]) for row in cells(sheet, 3, 3)] == [0, 8, 18]


def test_upright_clips_stand_in_columns(tmp_path):
    sheet = tmp_path / "sheet.png"
    paths = tmp_path / "in.mp4", tmp_path / "matte.mp4", tmp_path / "out.mp4"
    for path in paths:
        write_clip(path, frames=[numbered(index, 48, 80) for index in range(12)], size=(48, 80))
    sheet_from_files(*paths, sheet)
    rows = cells(sheet, 3, 6)
    assert [[read_number(picture) for picture in row] for row in rows] == [[0, 2, 4, 7, 9, 11]] * 3
    height, width = rows[0][0].shape[:2]
    assert height / width == pytest.approx(80 / 48, rel=0.02)


def test_pixels_become_square(tmp_path):
    sheet = tmp_path / "sheet.png"
    sheet_from_files(*clips(tmp_path, 2, sar=Fraction(3, 2)), sheet)
    height, width = cells(sheet, 2, 3)[0][0].shape[:2]
    assert width / height == pytest.approx(64 * 1.5 / 48, rel=0.02)


def test_pictures_are_whole_between_labels(tmp_path):
    white, gray, black = (np.full((36, 64, 3), value, np.uint8) for value in (255, 128, 0))
    sheet = tmp_path / "sheet.png"
    make_sheet([Moment(0, (white, gray, black)), Moment(75.2, (black, white, gray))], sheet)
    for row, values in zip(cells(sheet, 2, 3), [(255, 128, 0), (0, 255, 128)], strict=True):
        for picture, value in zip(row, values, strict=True):
            assert (picture == value).all()
    page = cv2.imread(str(sheet))
    paper = page[0, 0]
    for label in (page[MARGIN:TOP, LABEL:], page[TOP:, MARGIN:LABEL]):
        assert (label == paper).all(axis=-1).mean() > 0.8
        assert label.max() > 180  # something is written, light on dark


def test_clips_of_unequal_length_are_refused(tmp_path):
    read, matte, _ = clips(tmp_path, 8)
    short = write_clip(tmp_path / "short.mp4", frames=5)
    sheet = tmp_path / "sheet.png"
    with pytest.raises(SourceError, match=r"short\.mp4 differ in their number of frames"):
        sheet_from_files(read, matte, short, sheet)
    assert not sheet.exists()


def test_a_missing_clip_is_named(tmp_path):
    read, matte, _ = clips(tmp_path, 3)
    with pytest.raises(SourceError, match=r"nowhere\.mp4"):
        sheet_from_files(read, matte, tmp_path / "nowhere.mp4", tmp_path / "sheet.png")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    picture = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(SinkError, match=r"cannot write .*sheet\.png"):
        make_sheet([Moment(0, (picture, picture, picture))], tmp_path / "nowhere" / "sheet.png")
