"""The published networks in whole numbers: made once, from what ships, and made again where they are damaged."""

from __future__ import annotations

import shutil
import stat
import tomllib
from pathlib import Path

import numpy as np
import onnx
import pytest

from livebg import weights
from livebg.errors import WeightsError
from livebg.segment import Segmenter, published
from livebg.segment.published import PUBLISHED, TABLES, Published, published_network
from livebg.segment.runtimes import openvino, products


@pytest.fixture(scope="module")
def cache(u2netp, pictures, tmp_path_factory):
    """A cache of its own, which holds the float file and may not fetch; so what may be fetched comes first."""
    home = tmp_path_factory.mktemp("home")
    (home / "weights").mkdir()
    shutil.copy(u2netp, home / "weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIVEBG_HOME", str(home))
        patch.setenv("LIVEBG_OFFLINE", "1")
        yield home / "weights"


@pytest.fixture(scope="module")
def made(cache) -> Path:
    return PUBLISHED["u2netp"].ensure()


def checksum(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_tables_are_of_the_files_that_are_fetched(name):
    table = tomllib.loads((TABLES / f"{name}.ranges.toml").read_text())
    assert table["checksum"] == weights.store().entry(name).checksum
    assert all(least <= most for least, most in table["ranges"].values())


def test_only_the_file_in_the_cache_is_known(cache, tmp_path):
    assert published_network(cache / "u2netp.onnx") is PUBLISHED["u2netp"]
    assert published_network(tmp_path / "u2netp.onnx") is None


def test_it_computes_nearly_the_same_with_a_score_of_every_size(made, u2netp, pictures):
    for size in (320, (256, 192)):
        one = Segmenter(u2netp, size=size, alpha="raw", device="cpu", precision="full").segment(pictures[1]).alpha
        other = Segmenter("u2netp", size=size, alpha="raw", device="cpu", precision="int8")
        assert " in int8 by ONNX Runtime" in other.description
        alpha = other.segment(pictures[1]).alpha
        assert not np.array_equal(one, alpha)
        assert np.abs(one - alpha).mean() < 0.02


def test_most_of_it_is_in_whole_numbers(made):
    kinds = [node.op_type for node in onnx.load(made).graph.node]
    assert kinds.count("QLinearConv") > 70
    assert kinds.count("QLinearConv") + kinds.count("Conv") == 119


def test_it_is_made_once(made, monkeypatch):
    monkeypatch.setattr(Published, "_made", lambda *_: pytest.fail("made again"))
    assert PUBLISHED["u2netp"].ensure() == made
    assert sorted(each.name for each in made.parent.glob("*.int8.onnx*")) == [made.name, checksum(made).name]


@pytest.mark.parametrize("what", ["cut", "overwritten", "no checksum", "wrong checksum"])
def test_a_damaged_one_is_made_anew_and_that_is_said(what, made, monkeypatch, caplog):
    good = made.read_bytes()
    monkeypatch.setattr(Published, "_made", lambda *_: good)
    if what == "cut":
        made.write_bytes(good[:-1])
    elif what == "overwritten":
        made.write_bytes(bytes(len(good)))
    elif what == "no checksum":
        checksum(made).unlink()
    else:
        checksum(made).write_text("0" * 64)
    assert PUBLISHED["u2netp"].ensure().read_bytes() == good
    assert published._is_sound(made)
    [line] = caplog.messages
    assert line == f"{made} is damaged: making u2netp in whole numbers, once, in seconds"


def test_it_comes_out_the_same_again(made, cache):
    assert PUBLISHED["u2netp"]._made(cache / "u2netp.onnx") == made.read_bytes()


def test_another_table_makes_another_file(made):
    assert Published("u2netp", (), ((0, 1),)).path() != made


@pytest.fixture
def refused(cache, monkeypatch):
    """A cache that may not be written, whoever asks."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(published, "write_whole", refuse)
    monkeypatch.setattr(published, "_is_sound", lambda path: False)
    monkeypatch.setattr(Published, "_made", lambda *_: b"")
    monkeypatch.setattr(products, "bytes_multiply_fast", lambda: True)


@pytest.mark.usefixtures("refused")
def test_where_it_cannot_be_kept_is_an_error(cache):
    with pytest.raises(WeightsError, match=r"Permission denied; set LIVEBG_HOME to .* or choose precision full$"):
        Segmenter("u2netp", device="cpu", precision="int8")


@pytest.mark.usefixtures("cache")
def test_auto_takes_what_was_measured_to_hold_alone(monkeypatch):
    monkeypatch.setattr(products, "bytes_multiply_fast", lambda: True)
    assert {each.holds for each in PUBLISHED.values()} == {frozenset({"half"})}
    assert Segmenter("u2netp", device="cpu", runtime="onnx").precision == "full"
    expected = "half" if openvino.halves_multiply_fast() else "full"
    assert Segmenter("u2netp", device="cpu").precision == expected


def test_removing_the_weights_removes_it(made, cache, tmp_path, monkeypatch):
    shutil.copytree(cache, tmp_path / "weights")
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path))
    assert weights.store().remove("u2netp")
    assert not [each for each in (tmp_path / "weights").iterdir() if ".lock" not in each.name]


def test_half_written_files_do_not_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        published.write_whole(tmp_path / "x.onnx", b"12")
    assert list(tmp_path.iterdir()) == []


def test_whoever_may_read_the_weights_may_read_it(made, tmp_path):
    (tmp_path / "plain").touch()
    assert stat.S_IMODE(made.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
