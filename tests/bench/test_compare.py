from __future__ import annotations

import json
import sys

import pytest

from livebg.bench.compare import bench_compare, own_options
from livebg.errors import UsageError
from tests.media import write_clip


def test_a_peer_that_nobody_knows_is_named(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=2)
    with pytest.raises(UsageError, match=r"no peer 'zoom': choose rembg, eager or mediapipe"):
        bench_compare(clip, peer="zoom")


@pytest.mark.parametrize(
    ("peer", "packages"), [("rembg", r'"rembg\[cpu\]" opencv-python-headless'), ("mediapipe", r"mediapipe==\S+")]
)
def test_a_peer_that_is_not_installed_says_how(tmp_path, peer, packages):
    clip = write_clip(tmp_path / "clip.mp4", frames=2)
    said = rf"{peer} is not installed in .*: make an environment of its own \(.* PEER/bin/pip install {packages}\)"
    with pytest.raises(UsageError, match=said):
        bench_compare(clip, peer=peer, python=str(tmp_path / "no-python"))


def test_mediapipe_runs_no_network_but_its_own(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=2)
    with pytest.raises(
        UsageError, match=r"mediapipe has its own network and cannot run u2netp: leave out --peer-model"
    ):
        bench_compare(clip, peer="mediapipe", model="u2netp")


@pytest.mark.parametrize("chosen", [["--model", "people"], ["--speed=balanced"], ["--speed", "fastest", "--crf", "20"]])
def test_a_network_that_the_options_choose_is_not_replaced_by_the_peer_s(chosen):
    assert own_options(chosen, "u2netp") == chosen
    assert own_options(["--crf", "20"], "u2netp") == ["--model", "u2netp", "--crf", "20"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_eager_loop_is_timed_in_turn(tmp_path):
    told: list[str] = []
    found = bench_compare(
        write_clip(tmp_path / "clip.mp4", frames=4), peer="eager", python=sys.executable, rounds=2, progress=told.append
    )
    found = json.loads(json.dumps(found))
    assert len(found["runs"]) == len(told) == 2
    assert all(run["frames"] == 4 and run["peer_fps"] > 0 for run in found["runs"])
    assert found["ratio"]["lowest"] <= found["ratio"]["median"] <= found["ratio"]["highest"]
