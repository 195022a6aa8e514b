"""Recorded benchmarks become a page and plots, the same ones each time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from livebg.bench.report import write_report
from livebg.bench.steady import steady_cost
from livebg.errors import SourceError

RECORDS = Path(__file__).parents[2] / "benchmarks"
MACHINE = {"cpu": "a processor", "cores": 2, "date": "2026-11-22", "commit": None}


@pytest.fixture
def folder(tmp_path):
    for path in RECORDS.glob("*.json"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_every_record_of_ours_is_on_the_page(folder):
    page = write_report(folder).read_text(encoding="utf-8")
    names = [path.stem for path in RECORDS.glob("*.json")]
    assert names
    assert all(page.count(f"| {name} |") >= 2 for name in names)  # among its kind, and with its machine


def test_the_page_and_plots_that_are_committed_are_those_of_the_records(folder):
    write_report(folder)
    made = {path.name for path in folder.iterdir()}
    assert made <= {path.name for path in RECORDS.iterdir()}
    assert (folder / "README.md").read_text() == (RECORDS / "README.md").read_text()


def test_twice_gives_the_same_bytes(folder):
    write_report(folder)
    first = {path.name: path.read_bytes() for path in folder.glob("*.svg")}
    write_report(folder)
    assert first == {path.name: path.read_bytes() for path in folder.glob("*.svg")}
    assert b"<svg" in first["compare.svg"]


def test_what_the_benchmarks_give_can_be_shown(tmp_path):
    record = {"benchmark": "steady", "machine": MACHINE, **steady_cost(width=160, height=96, frames=2)}
    (tmp_path / "here.json").write_text(json.dumps(record))
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "| here | 160x96 | 2 |" in page
    assert "| here | a processor | 2 | 2026-11-22 | not known |" in page


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not JSON"), ('{"benchmark": "zoom"}', "no record of livebg bench"), ("[]", "no record of livebg bench")],
)
def test_a_file_that_is_no_record_is_named(tmp_path, text, message):
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(SourceError, match=rf"odd.json.*{message}"):
        write_report(tmp_path)


def test_a_folder_without_records_says_how_to_make_one(tmp_path):
    with pytest.raises(SourceError, match="holds no record: write one with livebg bench"):
        write_report(tmp_path)
