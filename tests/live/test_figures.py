from __future__ import annotations

import os
import threading

import pytest

from livebg.errors import SinkError, UsageError
from livebg.live.figures import Figures


def untold(line: str) -> None:
    raise AssertionError(line)


def test_lines_take_the_place_of_an_earlier_runs(tmp_path):
    path = tmp_path / "stats.jsonl"
    path.write_text("earlier\n" * 100)
    with Figures(str(path), overwrite=True, tell=untold) as figures:
        figures.write({"fresh": 1})
        assert path.read_text() == '{"fresh": 1}\n'
        figures.write({"fresh": 2})
    assert path.read_text() == '{"fresh": 1}\n{"fresh": 2}\n'


def test_a_run_that_did_not_begin_leaves_an_earlier_ones(tmp_path):
    path = tmp_path / "stats.jsonl"
    path.write_text("earlier\n")
    with Figures(str(path), overwrite=True, tell=untold):
        pass
    assert path.read_text() == "earlier\n"


def test_a_run_that_did_not_begin_leaves_no_file(tmp_path):
    with Figures(str(tmp_path / "stats.jsonl"), overwrite=False, tell=untold) as figures:
        pass
    figures.close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_not_replaced_unasked(tmp_path):
    (tmp_path / "stats.jsonl").write_text("earlier\n")
    with pytest.raises(UsageError, match=r"stats\.jsonl exists"):
        Figures(str(tmp_path / "stats.jsonl"), overwrite=False, tell=untold)


def test_a_folder_that_is_not_there_is_said_at_once(tmp_path):
    with pytest.raises(SinkError, match="cannot write figures"):
        Figures(str(tmp_path / "nowhere" / "stats.jsonl"), overwrite=False, tell=untold)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("lines", [0, 2])
def test_a_pipe_is_written_and_stays(tmp_path, lines):
    path, read = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()
    with Figures(str(path), overwrite=False, tell=untold) as figures:
        for number in range(lines):
            figures.write({"fresh": number})
    reader.join(10)
    assert read == ["".join(f'{{"fresh": {number}}}\n' for number in range(lines))]
    assert path.exists()
