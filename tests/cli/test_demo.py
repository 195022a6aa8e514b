from __future__ import annotations

import cv2
import pytest

from tests.media import read_frames


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demo_shows_a_person_on_a_new_background_and_does_nothing_twice(livebg_command, tmp_path):
    folder = tmp_path / "demo"
    first = livebg_command("demo", folder)
    assert first.code == 0, first.err
    assert "72 frames in" in first.out
    assert "contact-sheet.png" in first.out
    assert len(read_frames(folder / "out.mp4")) == 72
    assert cv2.imread(str(folder / "contact-sheet.png")).shape[1] >= 1000
    made = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    second = livebg_command("demo", folder)
    assert second.code == 0
    assert "frames in" not in second.out
    assert "contact-sheet.png" in second.out
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == made


def test_a_folder_that_cannot_be_made_is_one_line(livebg_command, tmp_path):
    (tmp_path / "taken").write_text("a file where a folder is expected")
    result = livebg_command("demo", tmp_path / "taken" / "demo")
    assert result.code == 1
    assert result.err.startswith(f"livebg: cannot make the folder {tmp_path / 'taken' / 'demo'}: ")
    assert result.err.count("\n") == 1
