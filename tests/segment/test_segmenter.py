"""Frames into mattes, on real weights."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from livebg.errors import DeviceError, StageError, UsageError, WeightsError
from livebg.frame import Frame, Matte
from livebg.segment import Segmenter
from livebg.segment import segmenter as segmenter_module
from livebg.segment.runtimes import products
from livebg.segment.segmenter import find_model, packaged_models
from tests.fakes import gradient
from tests.segment.reference import random_reference


@pytest.fixture(scope="module")
def raw() -> Segmenter:
    return Segmenter("u2netp", alpha="raw", device="cpu")


@pytest.fixture(scope="module")
def small() -> Segmenter:
    return Segmenter("u2netp", size=64, device="cpu")


def test_large_inputs_take_one_lane_for_memory_s_sake():
    assert Segmenter("people-nano", size=64, device="cpu", runtime="onnx", lanes=2).lanes == 2
    assert Segmenter("people-nano", size=640, device="cpu", runtime="onnx", lanes=2).lanes == 1
    with pytest.raises(UsageError, match="lanes must be 1 or more, got 0"):
        Segmenter("people-nano", lanes=0)


def test_the_description_is_one_line_for_people():
    segmenter = Segmenter("u2netp", device="cpu", runtime="onnx", precision="full", threads=2)
    assert segmenter.description == "u2netp 320x320 in full precision by ONNX Runtime on the CPU (2 threads)"
    assert (segmenter.model, segmenter.size, segmenter.device, segmenter.runtime) == (
        "u2netp", (320, 320), "cpu", "onnx",
    )  # fmt: skip


@pytest.fixture
def pair(tmp_path, u2netp):
    """A model with its int8 file; what is in the second shows at its size."""
    model = onnx.load(u2netp)
    for value in (model.graph.input[0], *model.graph.output):
        for dim in value.type.tensor_type.shape.dim[2:]:
            dim.dim_value = 64
    onnx.save(model, tmp_path / "mine.int8.onnx")
    return Path(shutil.copy(u2netp, tmp_path / "mine.onnx"))


@pytest.mark.parametrize(
    ("precision", "gains", "said"),
    [
        ("auto", True, "mine.onnx 64x64 in int8 by ONNX Runtime"),
        ("auto", False, "mine.onnx 320x320 in full precision by ONNX Runtime"),
        ("full", True, "mine.onnx 320x320 in full precision by ONNX Runtime"),
        ("int8", False, "mine.onnx 64x64 in int8 by ONNX Runtime"),
    ],
)
def test_the_precision_that_was_chosen_is_taken_and_said(precision, gains, said, pair, monkeypatch):
    monkeypatch.setattr(products, "bytes_multiply_fast", lambda: gains)
    assert Segmenter(pair, device="cpu", runtime="onnx", precision=precision).description.startswith(said)


def test_int8_that_is_not_there_is_said(u2netp, pair, tmp_path):
    alone = shutil.copy(u2netp, tmp_path / "u2netp.onnx")
    with pytest.raises(UsageError, match=r"^there is no u2netp\.int8\.onnx: .* choose precision full or auto$"):
        Segmenter(alone, device="cpu", precision="int8")
    with pytest.raises(DeviceError, match=r"^int8 is computed by ONNX Runtime on the CPU alone, not by torch on cpu: "):
        Segmenter(pair, device="cpu", runtime="torch", precision="int8")
    with pytest.raises(
        UsageError, match=r"there is no precision 'int4' \(did you mean int8\?\): choose auto, full, half, int8"
    ):
        Segmenter(pair, device="cpu", precision="int4")


def test_int8_files_are_no_models_of_their_own(monkeypatch, pair):
    monkeypatch.setattr(segmenter_module, "PACKAGED", pair.parent)
    assert packaged_models() == {"mine": pair}
    assert find_model("mine") == pair
    with pytest.raises(UsageError, match=r"did you mean mine or "):
        find_model("mine.int8")


@pytest.mark.parametrize("resize", [cv2.INTER_LINEAR, cv2.INTER_AREA])
def test_raw_alpha_is_what_onnx_runtime_says(resize, raw, u2netp, pictures):
    session = onnxruntime.InferenceSession(u2netp, providers=["CPUExecutionProvider"])
    squashed = cv2.resize(pictures[1], (320, 320), interpolation=resize)
    batch = (squashed / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    batch = np.ascontiguousarray(batch.transpose(2, 0, 1)[None], dtype=np.float32)
    score = session.run(None, {session.get_inputs()[0].name: batch})[0][0, 0]
    assert np.abs(raw.segment(pictures[1]).alpha - cv2.resize(score, (640, 360))).mean() * 255 < 2


def test_the_subject_is_found_and_the_matte_is_sure_of_it(pictures):
    alpha = Segmenter("u2netp", device="cpu").segment(Frame(pictures[0])).alpha
    assert alpha.shape == (360, 640)
    assert (alpha == 1).mean() > 0.05  # the man
    assert (alpha == 0).mean() > 0.5  # the door and the wall


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (35, 33), (101, 3), (240, 426)])
def test_frames_of_any_size(size, small):
    matte = small.segment(gradient(*size))
    assert isinstance(matte, Matte)
    assert matte.alpha.shape == size
    assert 0 <= matte.alpha.min() <= matte.alpha.max() <= 1


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("normalise", ["none", "minmax"])
def test_an_empty_frame_gives_a_finite_matte(level, normalise):
    segmenter = Segmenter("u2netp", size=64, normalise=normalise, device="cpu")
    alpha = segmenter.segment(np.full((48, 64, 3), level, np.uint8)).alpha
    assert np.isfinite(alpha).all()


def test_a_batch_of_frames_of_several_sizes_is_the_same_as_one_by_one(small, pictures):
    frames = [Frame(pictures[0]), pictures[1][:201, :333].copy(), Frame(pictures[2])]
    mattes = small.segment_batch(frames)
    assert [matte.alpha.shape for matte in mattes] == [(360, 640), (201, 333), (360, 640)]
    for frame, matte in zip(frames, mattes, strict=True):
        assert (small.segment(frame).alpha == matte.alpha).all()


def test_no_frames_give_no_mattes(small):
    assert small.segment_batch([]) == []


def test_a_matte_is_not_overwritten_by_the_next_and_frames_leave_nothing(small, pictures):
    first = small.segment(pictures[0])
    kept = first.alpha.copy()
    small.segment(pictures[2])
    assert (first.alpha == kept).all()
    small.reset()
    assert (small.segment(pictures[0]).alpha == kept).all()


def test_the_frame_is_left_as_it_was(small, pictures):
    before = pictures[0].copy()
    small.segment(pictures[0])
    assert (pictures[0] == before).all()


@pytest.mark.parametrize(
    ("image", "cure"),
    [
        (np.zeros((8, 8, 3), np.float32), "must be uint8"),
        (np.zeros((8, 8), np.uint8), "needs RGB"),
        (np.zeros((0, 8, 3), np.uint8), "needs RGB"),
        (np.zeros((8, 8, 4), np.uint8), "needs RGB"),
        (np.zeros((3, 8, 8), np.uint8), "put channels last"),
        (None, "got None: was the file there"),  # what cv2.imread gives for a missing file
        ([[[0, 0, 0]]], r"got list: pass it through numpy\.asarray"),
    ],
)
def test_what_is_no_picture_is_refused(image, cure, small):
    with pytest.raises(ValueError, match=cure):
        small.segment(image)


def test_a_score_that_is_not_a_number_is_never_a_matte(u2netp, tmp_path):
    model = onnx.load(u2netp)
    [bias] = [each for each in model.graph.initializer if each.name == "outconv.bias"]
    bias.CopyFrom(numpy_helper.from_array(np.array([np.nan], np.float32), bias.name))
    path = tmp_path / "broken.onnx"
    onnx.save(model, path)
    with pytest.raises(StageError, match=r"broken\.onnx 320x320 .* not a number: the frame is not shown"):
        Segmenter(path, device="cpu").segment(gradient())


def test_an_own_checkpoint_runs_in_torch(tmp_path):
    path = tmp_path / "mine.pth"
    torch.save(random_reference("u2netp").state_dict(), path)
    segmenter = Segmenter(str(path), size=(96, 64), device="cpu")
    assert segmenter.description.startswith("mine.pth 96x64/64x96 by torch on the CPU")
    assert segmenter.segment(gradient()).alpha.shape == gradient().shape[:2]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"model": "u2nep"},
            r"there is no model 'u2nep' \(did you mean u2netp or u2net\?\): choose .*u2netp, u2net or",
        ),
        ({"model": "demo-clip"}, "there is no model 'demo-clip'"),
        ({"size": 33}, "size 33x33 is out of range: each side from 34 to 4096"),
        ({"size": (64, 9999)}, "size 64x9999 is out of range"),
        *(
            ({"size": size}, rf"^size must be N, a pair \(W, H\) or None, in whole pixels; got {said}$")
            for size, said in [
                ("320x200", "'320x200'"),
                ("abc", "'abc'"),
                (320.0, r"320\.0"),
                (True, "True"),
                ((320, 200.5), r"\(320, 200\.5\)"),
                ((100,), r"\(100,\)"),
            ]
        ),
        *(
            ({"model": model}, rf"^model must be a name or the path of a checkpoint, got {model}$")
            for model in (None, 3)
        ),
        ({"threads": 0}, "threads must be 1 or more, got 0"),
        ({"threads": "2"}, "threads must be 1 or more, got '2'"),
        ({"lanes": None}, "lanes must be 1 or more, got None"),
        ({"alpha": "soft"}, "there is no alpha 'soft': choose matte or raw"),
        ({"normalise": "max"}, "there is no normalise 'max': choose none or minmax"),
    ],
)
def test_a_request_that_cannot_be_met_is_a_usage_error(options, reason):
    with pytest.raises(UsageError, match=reason):
        Segmenter(**options)


def test_a_missing_checkpoint_is_said(tmp_path):
    with pytest.raises(WeightsError, match=r"there is no weights file .*gone\.pth"):
        Segmenter(tmp_path / "gone.pth")
    with pytest.raises(WeightsError, match=r"there is no weights file weights/gone"):
        Segmenter("weights/gone")


def test_a_checkpoint_of_an_unknown_kind_is_said(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"0")
    with pytest.raises(WeightsError, match=r"model\.bin is not a kind .* give \.onnx or \.pth"):
        Segmenter(path)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
@pytest.mark.parametrize("options", ["", ", size=128"])
def test_torch_is_not_imported_where_another_runtime_does_the_work(options, runtime):
    code = (
        "import sys, numpy, livebg.segment\n"
        f"segmenter = livebg.segment.Segmenter('u2netp', device='cpu', runtime='{runtime}'{options})\n"
        "segmenter.segment(numpy.zeros((9, 9, 3), numpy.uint8))\n"
        "print(segmenter.runtime, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == [runtime, "False"]
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("clip", ["franck_0", "grid_s1_0"])
def test_u2net_finds_talking_heads(clip, shared_data):
    segmenter = Segmenter("u2net", device="cpu")
    found = []
    for path in sorted((shared_data / "talkinghead" / clip / "images").iterdir())[::15]:
        picture = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
        subject = segmenter.segment(picture).alpha > 0.5
        truth = cv2.imread(str(path.parent.parent / "masks" / path.name), cv2.IMREAD_GRAYSCALE) > 127
        found.append((subject & truth).sum() / (subject | truth).sum())
    assert np.mean(found) >= 0.94


def test_minmax_divides_by_the_brightest_value_as_published_evaluations_do(pictures):
    picture = pictures[0]
    dark = (picture // 2).astype(np.uint8)
    published = Segmenter("u2netp", size=96, normalise="minmax")
    bright, dimmed = published.segment(picture).alpha, published.segment(dark).alpha
    assert np.abs(bright - dimmed).mean() < 0.02
