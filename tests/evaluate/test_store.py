"""Items on disk: what is another row, what survives a cut, what starts over."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from livebg.errors import LivebgError, SinkError, SourceError
from livebg.evaluate.samples import Finding
from livebg.evaluate.store import ITEMS, MATTES, RowKey, Store, read_row, read_rows

KEY = RowKey("images", "ecssd", "/data", "u2netp", "", "320", "raw", "minmax", "onnx cpu")
CHANGES = {
    "dataset": "duts-te", "root": "/other", "model": "u2net", "weights": "1.2", "size": "128", "alpha": "matte",
    "normalise": "none", "runtime": "torch cuda:0", "refine": "cascadepsp", "smooth": "flow", "limit": 10, "seed": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", list(CHANGES))
def test_another_setting_is_another_row(tmp_path, name):
    store = Store(tmp_path)
    with store.open(KEY) as row:
        row.add("a", "1", {"value": 1})
    with store.open(replace(KEY, **{name: CHANGES[name]})) as row:
        assert row.items == {}
    with store.open(KEY) as row:
        assert list(row.items) == ["a"]
    assert len(read_rows(tmp_path)) == 2


def test_items_findings_and_time_come_back(tmp_path):
    with Store(tmp_path).open(KEY) as row:
        row.add("a", "1", {"value": 1}, [Finding("a.png", "odd", lost=False)])
        row.add("a", "2", {"value": 2})
        row.add("b", "1", {"value": 3}, [Finding("b.png", "odd", lost=False)])
        row.conclude([Finding("c.png", "gone")], seconds=2.0, in_model=1.5, frames=3)
        row.conclude([Finding("d.png", "gone")], seconds=1.0, in_model=0.5, frames=1)
    row = read_rows(tmp_path)[0]
    assert row.key == KEY
    assert {name: item["value"] for name, item in row.items.items()} == {"a": 2, "b": 3}
    assert [finding.where for finding in row.findings] == ["d.png", "b.png"]
    assert (row.seconds, row.in_model, row.frames) == (3.0, 2.0, 4)
    assert row.has("a", "2")
    assert not row.has("a", "1")


def test_a_line_that_was_cut_off_is_dropped(tmp_path):
    store = Store(tmp_path)
    with store.open(KEY) as row:
        row.add("a", "1", {"value": 1})
        row.add("b", "1", {"value": 2})
    path = tmp_path / ITEMS / f"{KEY.slug}.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    assert list(read_row(path).items) == ["a"]
    with store.open(KEY) as row:
        assert list(row.items) == ["a"]
        row.add("c", "1", {"value": 3})
    assert list(read_row(path).items) == ["a", "c"]


def test_a_first_line_that_was_cut_off_begins_anew(tmp_path):
    store = Store(tmp_path)
    (tmp_path / ITEMS / f"{KEY.slug}.jsonl").write_text('{"key": {"ki')
    with store.open(KEY) as row:
        row.add("a", "1", {})
    assert list(read_rows(tmp_path)[0].items) == ["a"]


@pytest.mark.parametrize("content", ["hello\n", "{}\n", json.dumps({"key": {"kind": "images"}, "began": 0}) + "\n"])
def test_a_file_that_is_not_ours_is_named(tmp_path, content):
    store = Store(tmp_path)
    (tmp_path / ITEMS / f"{KEY.slug}.jsonl").write_text(content)
    with pytest.raises(LivebgError, match="is damaged or not a row of results: start over with --fresh"):
        store.open(KEY)


def test_fresh_forgets_ours_and_nothing_else(tmp_path):
    store = Store(tmp_path)
    with store.open(KEY) as row:
        row.add("a", "1", {})
    matte = store.mattes(KEY) / "a.png"
    matte.parent.mkdir(parents=True)
    matte.touch()
    (tmp_path / "mine.txt").write_text("keep")
    with Store(tmp_path, fresh=True).open(KEY) as row:
        assert row.items == {}
    assert not matte.exists()
    assert (tmp_path / MATTES).exists()
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_rows_come_in_the_order_in_which_they_were_begun(tmp_path):
    store = Store(tmp_path)
    for size in ("320", "128", "192"):
        with store.open(replace(KEY, size=size)) as row:
            row.add("a", "1", {})
    assert [row.key.size for row in read_rows(tmp_path)] == ["320", "128", "192"]


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(SourceError, match="no results in it"):
        read_rows(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match=r"cannot write the report .*file"):
        Store(tmp_path / "file")


def test_labels_tell_rows_apart():
    assert KEY.label == "ecssd u2netp 320"
    assert replace(KEY, refine="cascadepsp", limit=10).label == "ecssd u2netp 320 refine cascadepsp sample of 10"
