"""``livebg models``, as typed."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import cv2
import pytest

from livebg import weights
from livebg.segment.published import TABLES
from livebg.train import calibration
from tests.train.conftest import texture


@pytest.fixture
def clip_file(demo_clip) -> Path:
    return demo_clip


@pytest.fixture
def network_file() -> Path:
    return weights.ensure("u2netp")


@pytest.fixture(autouse=True)
def home(clip_file, network_file, tmp_path, monkeypatch) -> Path:
    """An empty cache that may not fetch: what is pulled comes from a path."""
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LIVEBG_OFFLINE", "1")
    return tmp_path / "home"


def test_a_file_is_pulled_listed_found_verified_and_removed(livebg_command, clip_file, home):
    target = home / "weights" / "single_face.mp4"
    assert livebg_command("models", "pull", "demo-clip", "--from", clip_file) == (0, f"demo-clip: {target}\n", "")
    assert target.read_bytes() == clip_file.read_bytes()
    assert livebg_command("models", "pull", "demo-clip") == (0, f"demo-clip: here already, {target}\n", "")
    assert livebg_command("models", "path", "demo-clip") == (0, f"{target}\n", "")
    assert livebg_command("models", "verify") == (0, "demo-clip: sound\n", "")
    assert livebg_command("models", "remove", "demo-clip", "u2net") == (
        0, "demo-clip: removed\nu2net: was not here\n", "",
    )  # fmt: skip
    assert not target.exists()


def test_a_network_that_is_pulled_is_made_in_whole_numbers_too(network_file, livebg_command, home):
    for first in (True, False):
        code, out, _ = livebg_command("models", "pull", "u2netp", *(["--from", network_file] if first else []))
        here, made = out.splitlines()
        assert code == 0
        assert here.startswith("u2netp: here already, ") != first
        [file] = (home / "weights").glob("u2netp-*.int8.onnx")
        assert made == f"u2netp: in whole numbers, {file}"


def test_list_says_what_can_be_had_and_what_is_here(livebg_command, clip_file, home):
    livebg_command("models", "pull", "demo-clip", "--from", clip_file)
    code, out, err = livebg_command("models", "list")
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert "sound" in rows["demo-clip"]
    assert "absent" in rows["u2net"]
    assert "176.0 MB" in rows["u2net"]
    assert "Apache-2.0" in rows["u2net"]
    assert str(home / "weights") in rows["in"]


@pytest.mark.parametrize("damage", [False, True])
def test_path_of_what_is_not_there_prints_nothing_and_exits_1(damage, livebg_command, clip_file):
    if damage:
        livebg_command("models", "pull", "demo-clip", "--from", clip_file)
        weights.path("demo-clip").write_bytes(b"cut")
    code, out, err = livebg_command("models", "path", "demo-clip")
    assert (code, out) == (1, "")
    assert f"demo-clip is {'damaged' if damage else 'absent'} at {weights.path('demo-clip')}" in err


def test_verify_finds_damage_and_absence(livebg_command, clip_file):
    livebg_command("models", "pull", "demo-clip", "--from", clip_file)
    weights.path("demo-clip").write_bytes(b"cut")
    code, out, err = livebg_command("models", "verify", "demo-clip", "u2net")
    assert (code, out) == (1, "")
    assert "single_face.mp4 is damaged, it has 3 bytes and should have 208428" in err
    assert "u2net is not at" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pull"], "give names or --all: u2netp, u2net"),
        (["pull", "u2net", "--all"], "give names or --all"),
        (["pull", "--all", "--from", "x"], "--from gives one file"),
        (["pull", "u2nte"], "did you mean u2net"),
        (["path", "u2nte"], "there are no weights 'u2nte'"),
        (["verify", "u2nte"], "there are no weights 'u2nte'"),
        (["remove", "u2nte"], "there are no weights 'u2nte'"),
        (["calibrate", "people", "data", "table"], "people is none of the published networks: choose u2netp or u2net"),
        (["calibrate", "u2netp", "data", "table"], "data/picsart/images holds no pictures"),
    ],
)
def test_a_request_that_cannot_be_met_exits_2(arguments, words, livebg_command):
    code, out, err = livebg_command("models", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pull", "--all"], "; demo-clip is absent and LIVEBG_OFFLINE is set"),
        (["pull", "u2netp"], "u2netp is absent and LIVEBG_OFFLINE is set: put a copy"),
        (["pull", "u2netp", "--from", "gone.onnx"], "gone.onnx: No such file or directory; a copy made by hand"),
        (["pull", "u2netp", "--from", __file__], "what it sent is not u2netp.onnx, it has"),
    ],
)
def test_what_cannot_be_fetched_exits_1_with_one_line(arguments, words, livebg_command):
    code, out, err = livebg_command("models", *arguments)
    assert (code, out) == (1, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_a_table_of_ranges_is_made_from_pictures(network_file, livebg_command, home, tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "FOLDERS", ("some", "others"))  # as there are, it takes a while
    for index, folder in enumerate(calibration.FOLDERS):
        (tmp_path / folder).mkdir()
        assert cv2.imwrite(str(tmp_path / folder / "a.png"), texture(index))
    (home / "weights").mkdir(parents=True)
    shutil.copy(network_file, home / "weights")
    table = tmp_path / "u2netp.ranges.toml"
    code, out, _ = livebg_command("models", "calibrate", "u2netp", tmp_path, table, "--count", 1)
    assert (code, out) == (0, f"{table}\n")
    text = table.read_text()
    assert text.startswith("# The least and the greatest value of each tensor in u2netp on 2 pictures: 1 each of\n")
    assert "# Made by: livebg models calibrate u2netp DATA u2netp.ranges.toml --count 1\n" in text
    made, ships = tomllib.loads(text), tomllib.loads((TABLES / table.name).read_text())
    assert made["checksum"] == ships["checksum"]
    assert made["ranges"].keys() == ships["ranges"].keys()
    assert all(least <= most for least, most in made["ranges"].values())


def test_a_table_that_cannot_be_written_is_told(livebg_command, tmp_path, monkeypatch):
    table = tmp_path / "absent" / "table"
    code, out, err = livebg_command("models", "calibrate", "u2netp", tmp_path, table)
    assert (code, out, err) == (1, "", f"livebg: cannot write {table}: there is no folder {table.parent}\n")
    monkeypatch.setattr(calibration, "published_table", lambda *_, **__: "the table")
    table = tmp_path / ("long" * 80)
    code, out, err = livebg_command("models", "calibrate", "-q", "u2netp", tmp_path, table)
    assert (code, out, err) == (1, "", f"livebg: cannot write {table}: File name too long\n")
    assert livebg_command("models", "calibrate", "-q", "u2netp", tmp_path, tmp_path / "table") == (0, "", "")
    assert (tmp_path / "table").read_text() == "the table"


def test_the_weights_that_ship_are_listed_and_need_no_fetching(livebg_command):
    code, out, _ = livebg_command("models", "list")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()[:2]] == [["people", "packaged"], ["people-nano", "packaged"]]
    code, path, _ = livebg_command("models", "path", "people")
    assert code == 0
    assert path.strip().endswith("people.onnx")
    code, out, _ = livebg_command("models", "verify", "people")
    assert code == 0
    assert out.startswith("people: comes with livebg, ")
    code, out, _ = livebg_command("models", "pull", "people-nano")
    assert code == 0
    assert out.startswith("people-nano: comes with livebg, ")
