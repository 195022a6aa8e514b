"""A report's files: what stands in them, and that the page needs nothing but itself."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from livebg.errors import SinkError, SourceError
from livebg.evaluate.clips import find_clips
from livebg.evaluate.datasets import open_image_set
from livebg.evaluate.images import evaluate_images
from livebg.evaluate.plots import COLOURS, Line, line_chart
from livebg.evaluate.report import write_report
from livebg.evaluate.store import RowKey, Store
from livebg.evaluate.table import shown, text_table
from livebg.evaluate.video import evaluate_clips
from livebg.pipeline import Matting
from tests.evaluate.disk import no_file_beyond
from tests.evaluate.sets import bright, write_clip, write_set
from tests.fakes import FakeSegmenter

KEY = RowKey("images", "ecssd", "/data", "u2netp", "", "320", "raw", "minmax", "onnx cpu")
CLIPS = RowKey("video", "clips", "/data", "u2netp", "", "320", "matte", "none", "onnx cpu")


@pytest.fixture
def report(tmp_path) -> Path:
    """Two rows of pictures, one of them contaminated, and one of clips; one picture is broken."""
    write_set(tmp_path / "set", count=24)
    (tmp_path / "set" / "images" / "0005.jpg").write_bytes(b"broken")
    write_clip(tmp_path / "clips" / "walk", frames=6)
    write_clip(tmp_path / "clips" / "<wild>", frames=4, masks=None)
    store = Store(tmp_path / "report")
    dataset = open_image_set(f"ecssd={tmp_path / 'set'}")
    for key in (KEY, replace(KEY, refine="cascadepsp", size="128")):
        with store.open(key) as row:
            evaluate_images(dataset, dataset.pairs, Matting(FakeSegmenter(bright)), row, mattes=store.mattes(key))
    with store.open(CLIPS) as row:
        evaluate_clips(find_clips(str(tmp_path / "clips"))[0], Matting(FakeSegmenter(bright)), row, open_video=open)
    return tmp_path / "report"


class _Page(HTMLParser):
    """Collects what a page would load, and checks that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in ("meta", "img", "html", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("html", "path"):
            assert self.open.pop() == tag


def test_json_has_an_object_a_row_and_a_clip(report):
    results = write_report(report)
    assert json.loads((report / "results.json").read_text()) == results
    pictures, refined, walk, wild, together = sorted(results, key=lambda result: "clip" in result)
    wanted = {
        "dataset", "model", "size", "refine", "smooth", "n", "iou", "precision", "recall", "f_beta", "max_f",
        "max_f_sod", "mae", "s_measure", "e_measure", "weighted_f", "boundary_f", "mba",
    }  # fmt: skip
    assert wanted <= pictures.keys()
    assert (pictures["n"], pictures["lost"], pictures["size"]) == (23, 1, 320)
    assert (pictures["published_max_f"], pictures["published_mae"]) == (0.943, 0.041)
    assert pictures["contaminated"] is None
    assert refined["contaminated"] == "cascadepsp trained on ecssd"
    assert "published_max_f" not in refined
    measures = {"clip", "mad", "mse", "grad", "conn", "dtssd", "flicker", "lag", "iou", "boundary_f"}
    assert all(measures <= result.keys() for result in (walk, wild, together))
    names = {result["clip"]: result for result in (walk, wild, together)}
    assert names["<wild>"]["mad"] is None
    assert names["<wild>"]["warp"] is not None
    assert names["all"]["mad"] == names["walk"]["mad"] == 0


def test_csv_has_the_same(report):
    results = write_report(report)
    with (report / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(results)
    assert float(rows[0]["max_f"]) == results[0]["max_f"]
    assert rows[-1]["clip"] == "all"


def test_the_page_is_whole_and_needs_nothing_else(report):
    write_report(report)
    text = (report / "report.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert page.addresses
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.addresses)
    assert not re.search(r"https?://|url\(|@import|<script|<link", text)
    assert len(page.addresses) == 2 * (20 + 10)
    assert "published 0.943" in text
    assert "Not held out: cascadepsp trained on ecssd" in text
    assert "0005.jpg: it is damaged or not a picture" in text
    assert "&lt;wild&gt;" in text
    assert "<wild>" not in text
    assert text.count("<svg") == 3 + 4 + 1  # of the set, of walk, of wild


@pytest.mark.slow
def test_a_browser_shows_the_page(report, tmp_path):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium to show the page with")
    write_report(report)
    shot = tmp_path / "shot.png"
    subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,4000", f"--screenshot={shot}",
            (report / "report.html").as_uri(),
        ],
        check=True, capture_output=True, timeout=90,
    )  # fmt: skip
    picture = cv2.imread(str(shot))[..., ::-1].astype(int)
    assert picture.shape == (4000, 1400, 3)
    colour = [int(COLOURS[1][at : at + 2], 16) for at in (1, 3, 5)]  # both rows are alike: the second lies on top
    curve = np.abs(picture - colour).sum(axis=2) < 30
    assert np.count_nonzero(curve[:1000]) > 300, np.count_nonzero(curve[:1000])
    assert np.count_nonzero(np.abs(picture - 255).sum(axis=2)) > 0.1 * picture[..., 0].size  # and its strips


def test_a_report_outlives_its_pictures(report, tmp_path):
    for path in (tmp_path / "set" / "images").iterdir():
        path.unlink()
    write_report(report)
    page = _Page()
    page.feed((report / "report.html").read_text(encoding="utf-8"))
    assert page.addresses == []


def test_a_full_disk_is_one_line_and_leaves_the_earlier_report(report):
    write_report(report)
    before = (report / "report.html").read_text()
    with (
        no_file_beyond(20_000),
        pytest.raises(SinkError, match=r"cannot write the report .*report\.html: File too large"),
    ):
        write_report(report)
    assert (report / "report.html").read_text() == before
    assert sorted(path.name for path in report.iterdir()) == [
        "items",
        "mattes",
        "report.html",
        "results.csv",
        "results.json",
    ]


def test_a_report_of_nothing_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="no results in it"):
        write_report(tmp_path)


def chart(lines: list[Line], **options) -> ElementTree.Element:
    return ElementTree.fromstring(line_chart("t < 1", lines, x_label="x", y_label="y", **options))


def test_a_chart_places_points_between_its_axes():
    figure = chart([Line("a", [(0, 0), (1, 1)])], x_range=(0, 1), y_range=(0, 1))
    drawn = [path.get("d") for path in figure.iter("path") if path.get("stroke")]
    assert drawn == ["M52.0 258.0L448.0 30.0"]


def test_a_chart_leaves_gaps_and_survives_flat_and_single_points():
    figure = chart([Line("a", [(0, 1.0), (1, None), (2, 1.0)]), Line("b", [(1, None)])])
    drawn = [path.get("d") for path in figure.iter("path") if path.get("stroke")]
    assert drawn[0].count("M") == 2
    assert drawn[1] == ""
    for values in ([(0, 0.0)], [(3, 5.0)], [(0, -2.0), (1, 1e5)]):
        assert "nan" not in ElementTree.tostring(chart([Line("a", values)]), "unicode")


def test_numbers_for_people():
    assert [shown(value) for value in (None, 0.94361, 12.345, 7, "u2net")] == ["–", "0.944", "12.3", "7", "u2net"]


def test_a_text_table_is_aligned_and_leaves_empty_columns_out():
    rows = [{"model": "u2net", "mae": 0.03, "refine": "none"}, {"model": "u2netp", "mae": 0.0412, "refine": "none"}]
    assert text_table(rows, ("model", "refine", "mae", "warp")) == ["model     MAE", "u2net   0.030", "u2netp  0.041"]
