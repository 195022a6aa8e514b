"""``livebg train``: from folders to files that ``livebg process`` takes, in one command."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from livebg.cli.train import train
from livebg.errors import UsageError
from livebg.segment import Segmenter
from tests.train.conftest import PERSONS, root  # noqa: F401 (a fixture)

RECIPE = """
network = "people"
size = "64x48"
batch = 2
[data]
sources = ["upper", "full", "keyed"]
held_back = 0.3
[data.persons]
upper = "stem"
full = "stem"
keyed = "prefix"
[scenes]
as_taken = 0.4
empty = 0.1
as_taken_odds = { upper = 1 }
composite_odds = { keyed = 1, full = 1 }
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(RECIPE)
    return path


def call(*arguments: object):
    return CliRunner().invoke(train, [str(argument) for argument in arguments], catch_exceptions=False)


def test_folders_become_files_that_segment(root, recipe, tmp_path):  # noqa: F811
    run, files = tmp_path / "run", tmp_path / "files"
    trained = call(recipe, "--data", root, "--out", run, "--steps", 2, "--examples", 1, "--export", files)
    assert trained.exit_code == 0, trained.output
    assert "all mad" in trained.output
    assert (files / "mine.onnx").is_file()
    matte = Segmenter(files / "mine.onnx").segment(np.zeros((30, 40, 3), np.uint8))
    assert matte.alpha.shape == (30, 40)
    again = call(recipe, "--out", run, "--export", tmp_path / "more")
    assert again.exit_code == 0
    assert (tmp_path / "more" / "mine.onnx").read_bytes() == (files / "mine.onnx").read_bytes()


def test_runs_are_mixed_and_written_in_one_call(root, recipe, tmp_path):  # noqa: F811
    runs = [tmp_path / name for name in "ab"]
    for run in runs:
        assert call(recipe, "--data", root, "--out", run, "--steps", 1, "--examples", 1).exit_code == 0
    mixed, files = tmp_path / "mixed", tmp_path / "files"
    parts = ("--mix", f"{runs[0]}=0.7", "--mix", f"{runs[1]}=0.3")
    done = call(recipe, "--out", mixed, *parts, "--export", files)
    assert done.exit_code == 0, done.output
    assert done.output.split() == [str(mixed / "best.pt"), str(files / "mine.safetensors"), str(files / "mine.onnx")]
    wrong = call(recipe, "--out", tmp_path / "more", "--mix", runs[0])
    assert wrong.exit_code == 2
    assert "give a run's folder and its share" in wrong.output
    wrong = call(recipe, "--out", tmp_path / "more", "--data", root, *parts)
    assert wrong.exit_code == 2
    assert "--mix trains nothing" in wrong.output


def test_calibrating_trains_nothing(root, recipe, tmp_path):  # noqa: F811
    run, files = tmp_path / "run", tmp_path / "files"
    assert call(recipe, "--data", root, "--out", run, "--steps", 1, "--examples", 1).exit_code == 0
    kept = {path: path.read_bytes() for path in run.iterdir()}
    done = call(recipe, "--data", root, "--out", run, "--export", files, "--calibrate", 2)
    assert done.exit_code == 0, done.output
    assert {path: path.read_bytes() for path in run.iterdir()} == kept
    segmenter = Segmenter(files / "mine.onnx", device="cpu", precision="int8")
    assert segmenter.segment(np.zeros((30, 40, 3), np.uint8)).alpha.shape == (30, 40)
    for arguments in (("--data", root), ("--export", files)):
        done = call(recipe, "--out", run, "--calibrate", 2, *arguments)
        assert done.exit_code == 2
        assert "--calibrate needs --data, where the scenes come from, and --export" in done.output


def test_there_must_be_something_to_do(recipe, tmp_path):
    done = call(recipe, "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert "give --data to train" in done.output


def test_evaluation_data_is_refused(root, recipe, tmp_path):  # noqa: F811
    root.rename(root.parent / "davis")
    with pytest.raises(UsageError, match=r"is evaluation data \(davis\)"):
        call(recipe, "--data", root.parent / "davis", "--out", tmp_path / "run", "--steps", 1)
    assert not (tmp_path / "run").exists()
    assert set(PERSONS) == {"upper", "full", "keyed"}


def test_another_size_is_turned_for_upright_pictures(root, recipe, tmp_path):  # noqa: F811
    recipe.write_text(RECIPE.replace('size = "64x48"', 'size = "64x48"\nupright = "56x56"'))
    for name, options in (("own", ()), ("other", ("--size", "80x60"))):
        given = ("--data", root, "--out", tmp_path / name, "--steps", 1, "--examples", 1, "--export", tmp_path / name)
        assert call(recipe, *given, *options).exit_code == 0
    sizes = [Segmenter(tmp_path / name / "mine.onnx", runtime="onnx").sizes for name in ("own", "other")]
    assert sizes == ["64x48/56x56", "80x60/60x80"]
