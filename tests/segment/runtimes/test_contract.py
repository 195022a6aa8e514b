"""What every runtime does alike, on real weights; and each one's own ways of failing."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from livebg.cores import cores
from livebg.errors import DeviceError, WeightsError
from livebg.segment.runtimes import Choice, choose, devices, open_runtime, openvino
from livebg.segment.segmenter import find_model

RUNTIMES = ["onnx", "openvino", "torch"]


def squashed(pictures, size):
    return np.stack([cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in pictures])


@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.parametrize("size", [None, (128, 128), (256, 144), (97, 75)])
def test_scores_have_the_size_and_range_of_the_contract(name, size, u2netp, pictures):
    runtime = open_runtime(u2netp, Choice(name, "cpu"), size=size)
    assert runtime.name == name
    assert runtime.device == "cpu"
    assert runtime.size == (size or (320, 320))
    scores = runtime.scores(squashed(pictures[:2], runtime.size))
    assert scores.dtype == np.float32
    assert scores.shape == (2, *runtime.size[::-1])
    assert 0 <= scores.min() < 0.1 < 0.9 < scores.max() <= 1


@pytest.mark.parametrize("size", [(320, 320), (128, 128), (256, 144), (97, 75)])
def test_the_runtimes_agree(size, u2netp, pictures):
    batch = squashed(pictures[1:2], size)
    first, *others = [open_runtime(u2netp, Choice(name, "cpu"), size=size).scores(batch) for name in RUNTIMES]
    for scores in others:
        assert np.abs(scores - first).max() < 1e-4


@pytest.mark.skipif(not openvino.halves_multiply_fast(), reason="this CPU multiplies no halves")
@pytest.mark.parametrize("model", ["people", "people-nano", "u2netp"])
def test_halves_on_a_cpu_stay_near_full_precision(model, pictures):
    path = find_model(model)
    full = open_runtime(path, Choice("onnx", "cpu"))
    batch = squashed(pictures, full.size)
    expected = full.scores(batch)
    scores = open_runtime(path, Choice("openvino", "cpu", "half")).scores(batch)
    assert np.abs(scores - expected).max() > 0  # they are halves
    assert np.abs(scores - expected).mean() < 0.5 / 255


@pytest.mark.parametrize("name", RUNTIMES)
def test_one_by_one_is_the_same_as_together(name, u2netp, pictures):
    runtime = open_runtime(u2netp, Choice(name, "cpu"), size=(128, 128))
    batch = squashed(pictures, (128, 128))
    together = runtime.scores(batch)
    for picture, score in zip(batch, together, strict=True):
        assert runtime.scores(picture[None])[0] == pytest.approx(score, abs=1e-5)


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_score_is_not_overwritten_by_the_next(name, u2netp, pictures):
    runtime = open_runtime(u2netp, Choice(name, "cpu"), size=(64, 64))
    batch = squashed(pictures, (64, 64))
    first = runtime.scores(batch[:1])
    kept = first.copy()
    runtime.scores(batch[1:2])
    assert (first == kept).all()


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_lanes_may_be_asked_at_once_and_answer_as_one_does(name, u2netp, pictures):
    """Four threads at two lanes: two of them wait."""
    runtime = open_runtime(u2netp, Choice(name, "cpu"), size=(128, 128), lanes=2)
    batch = squashed(pictures, (128, 128))
    expected = open_runtime(u2netp, Choice(name, "cpu"), size=(128, 128)).scores(batch)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for index, score in enumerate(pool.map(runtime.scores, batch[:, None])):
                assert score[0] == pytest.approx(expected[index], abs=1e-4)


def test_lanes_share_the_cores(u2netp):
    each = max(1, cores() // 2)
    for name, said in (("onnx", "ONNX Runtime"), ("openvino", "OpenVINO")):
        runtime = open_runtime(u2netp, Choice(name, "cpu"), lanes=2)
        threads = f"{each} thread{'s' if each > 1 else ''}"
        assert runtime.description == f"{said} on the CPU (2 pictures at once, {threads} each)"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="no list of a process's threads here")
def test_a_session_has_a_thread_for_each_that_was_promised(u2netp):
    """Those who call work along: they are threads of somebody else. Counted in a process that has no others."""
    asked = [(1, 1), (3, 1), (1, 3), (3, 2)]  # threads a picture, lanes
    script = f"""
import os
from pathlib import Path
from livebg.segment.runtimes.onnx import OnnxRuntime
held = []
for threads, lanes in {asked}:
    before = len(os.listdir("/proc/self/task"))
    held.append(OnnxRuntime(Path({str(u2netp)!r}), threads=threads, lanes=lanes))
    print(len(os.listdir("/proc/self/task")) - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["0", "2", "0", "4"]


def test_threads_are_said(u2netp):
    for name, said in (("onnx", "ONNX Runtime"), ("openvino", "OpenVINO")):
        for threads, number in ((1, "1 thread"), (2, "2 threads")):
            runtime = open_runtime(u2netp, Choice(name, "cpu"), threads=threads)
            assert runtime.description == f"{said} on the CPU ({number})"


def test_an_onnx_file_of_any_size_takes_the_size_asked_for(u2netp, tmp_path, pictures):
    model = onnx.load(u2netp)
    for value in (model.graph.input[0], *model.graph.output):
        for dim, symbol in zip(value.type.tensor_type.shape.dim[2:], ("height", "width"), strict=True):
            dim.dim_param = symbol
    path = tmp_path / "any.onnx"
    onnx.save(model, path)
    assert [open_runtime(path, Choice(name, "cpu")).size for name in RUNTIMES] == [(320, 320)] * len(RUNTIMES)
    for name in ("onnx", "openvino"):
        runtime = open_runtime(path, Choice(name, "cpu"), size=(128, 96))
        assert runtime.scores(squashed(pictures[:1], (128, 96))).shape == (1, 96, 128)


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_file_s_own_size_is_taken(name, u2netp, tmp_path):
    model = onnx.load(u2netp)
    for value in (model.graph.input[0], *model.graph.output):
        for dim, number in zip(value.type.tensor_type.shape.dim[2:], (64, 96), strict=True):
            dim.dim_value = number
    path = tmp_path / "96x64.onnx"
    onnx.save(model, path)
    assert open_runtime(path, Choice(name, "cpu")).size == (96, 64)


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_a_network_of_another_shape_is_refused(name, tmp_path):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 10]) for name in ("in", "out")]
    node = helper.make_node("Relu", ["in"], ["out"])
    graph = helper.make_graph([node], "other", values[:1], values[1:])
    path = tmp_path / "other.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    with pytest.raises(WeightsError, match=r"is not a U²-Net: it takes \[\[1, 10\]\], not one \(1, 3, H, W\)"):
        open_runtime(path, Choice(name, "cpu"))
    with pytest.raises(WeightsError, match="is not a U²-Net"):
        open_runtime(path, Choice(name, "cpu"), size=(64, 64))


@pytest.mark.parametrize(("name", "said"), [("onnx", "ONNX Runtime"), ("openvino", "OpenVINO")])
def test_a_text_file_is_refused(name, said, tmp_path, capfd):
    path = tmp_path / "text.onnx"
    path.write_text("this is no network")
    with pytest.raises(WeightsError, match=rf"{said} cannot load .*text\.onnx: \w") as caught:
        open_runtime(path, Choice(name, "cpu"))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


SHORT_OF_MEMORY = """
import resource, sys
import numpy as np
from pathlib import Path
from livebg.errors import DeviceError
from livebg.segment.runtimes import Choice, open_runtime
name, path = sys.argv[1], Path(sys.argv[2])
side = 2048
open_runtime(path, Choice(name, "cpu"), size=(64, 64), threads=1).scores(np.zeros((1, 64, 64, 3), np.uint8))
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 300_000_000, resource.RLIM_INFINITY))
try:
    runtime = open_runtime(path, Choice(name, "cpu"), size=(side, side), threads=1)
    runtime.scores(np.zeros((1, side, side, 3), np.uint8))
except DeviceError as exc:
    print(exc)
"""


@pytest.mark.skipif(not openvino.halves_multiply(), reason="this CPU multiplies no halves")
@pytest.mark.parametrize(("model", "said"), [("people", "on the CPU"), ("people-nano", "on the CPU (1 thread)")])
def test_a_small_picture_in_halves_is_one_thread_s_work(model, said):
    runtime = open_runtime(find_model(model), Choice("openvino", "cpu", "half"))
    assert runtime.half
    assert runtime.description == f"OpenVINO {said}"


def test_openvino_reports_to_nobody():
    code = (
        "import socket, sys, threading\n"
        "def refuse(*_): raise AssertionError('something calls home')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from livebg.segment.runtimes import openvino\n"
        "print(threading.active_count(), [name for name in sys.modules if name.startswith('openvino_telemetry.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("1 []\n", "")


def test_torch_names_the_size_that_failed_and_not_its_own(monkeypatch):
    runtime = open_runtime(find_model("people-nano"), Choice("torch", "cpu"))

    def fails(batch):
        raise RuntimeError("CUDA out of memory\nand more")

    monkeypatch.setattr(runtime, "_network", fails)
    said = r"^torch failed on cpu with people-nano\.onnx at 144x192: CUDA out of memory; where memory is short"
    with pytest.raises(DeviceError, match=said):
        runtime.scores(np.zeros((1, 192, 144, 3), np.uint8))


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.parametrize("name", RUNTIMES)
def test_out_of_memory_is_a_device_error(name, u2netp):
    command = [sys.executable, "-c", SHORT_OF_MEMORY, name, str(u2netp)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    [line] = done.stdout.splitlines()
    assert "failed on" in line
    assert "2048x2048" in line
    assert line.endswith("where memory is short, take a smaller size or model")


@pytest.mark.gpu
@pytest.mark.skipif(devices.cuda_driver()[0] == 0, reason="no CUDA device")
@pytest.mark.parametrize("size", [(320, 320), (256, 144)])
def test_half_precision_on_cuda_stays_near_the_cpu(size, u2netp, pictures):
    batch = squashed(pictures, size)
    expected = open_runtime(u2netp, Choice("onnx", "cpu"), size=size).scores(batch)
    scores = open_runtime(u2netp, choose("cuda"), size=size).scores(batch)
    assert scores.dtype == np.float32
    assert np.abs(scores - expected).mean() < 0.005
