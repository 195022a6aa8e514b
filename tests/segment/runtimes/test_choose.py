"""Which runtime computes, where, and what is said when it cannot."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from livebg.errors import DeviceError, UsageError
from livebg.segment.runtimes import Choice, available, choose, devices


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(devices, "cuda_driver", lambda: (0, None))
    monkeypatch.setattr(devices, "cuda_problem", lambda index=0: "torch finds no CUDA device")
    monkeypatch.setattr(devices, "is_apple_silicon", lambda: False)
    monkeypatch.setattr(devices, "mps_problem", lambda: "torch is built without MPS")


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(devices, "cuda_driver", lambda: (2, None))
    monkeypatch.setattr(devices, "cuda_problem", lambda index=0: None if index < 2 else "torch finds 2 CUDA devices")
    monkeypatch.setattr(devices, "is_apple_silicon", lambda: False)


@pytest.fixture
def apple(monkeypatch, no_gpu):
    monkeypatch.setattr(devices, "is_apple_silicon", lambda: True)
    monkeypatch.setattr(devices, "mps_problem", lambda: None)


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("device", "runtime", "onnx_file", "chosen"),
    [
        ("auto", "auto", True, "onnx"),
        ("cpu", "auto", True, "onnx"),
        ("cpu", "onnx", True, "onnx"),
        ("auto", "torch", True, "torch"),
        ("cpu", "torch", False, "torch"),
        ("auto", "auto", False, "torch"),
    ],
)
def test_on_a_cpu(device, runtime, onnx_file, chosen):
    assert choose(device, runtime, onnx_file=onnx_file) == Choice(chosen, "cpu")


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("device", "runtime", "chosen"),
    [
        ("auto", "auto", Choice("torch", "cuda:0")),
        ("auto", "torch", Choice("torch", "cuda:0")),
        ("auto", "onnx", Choice("onnx", "cpu")),
        ("cuda", "auto", Choice("torch", "cuda:0")),
        ("cuda:1", "auto", Choice("torch", "cuda:1")),
        ("cpu", "auto", Choice("onnx", "cpu")),
    ],
)
def test_with_gpus(device, runtime, chosen):
    assert choose(device, runtime) == chosen


@pytest.mark.usefixtures("apple")
def test_on_apple_silicon():
    assert choose() == Choice("torch", "mps")
    assert choose("mps") == Choice("torch", "mps")


def test_a_gpu_that_torch_cannot_use_is_said(monkeypatch, no_gpu):
    monkeypatch.setattr(devices, "cuda_driver", lambda: (1, None))
    choice = choose()
    assert choice == Choice("onnx", "cpu", "the NVIDIA GPU is not used: torch finds no CUDA device")


def test_a_driver_that_does_not_start_is_said(monkeypatch, no_gpu):
    monkeypatch.setattr(devices, "cuda_driver", lambda: (0, "its driver does not start (cuInit gives 803)"))
    assert "does not start (cuInit gives 803)" in choose().note


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("device", "runtime", "reason"),
    [
        ("cuda", "auto", r"^cuda:0 cannot be used, torch finds no CUDA device: there is cpu \(onnx\), cpu \(torch\)$"),
        ("cuda:3", "torch", "^cuda:3 cannot be used"),
        ("mps", "auto", "^mps cannot be used, torch is built without MPS: there is cpu"),
        ("cuda", "onnx", "^ONNX Runtime computes on the CPU alone here, not on cuda: there is cpu"),
    ],
)
def test_what_is_not_there_is_an_error_that_lists_what_is(device, runtime, reason):
    with pytest.raises(DeviceError, match=reason):
        choose(device, runtime)


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_too_many_is_an_error():
    with pytest.raises(DeviceError, match="cuda:2 cannot be used, torch finds 2 CUDA devices"):
        choose("cuda:2")


@pytest.mark.parametrize(
    ("device", "runtime", "hint"),
    [
        ("cude", "auto", r"there is no device 'cude' \(did you mean cuda\?\): choose auto, cpu"),
        ("cuda:x", "auto", "there is no device 'cuda:x'"),
        ("cuda:-1", "auto", "there is no device 'cuda:-1'"),
        ("cpu", "onyx", r"there is no runtime 'onyx' \(did you mean onnx\?\)"),
    ],
)
def test_a_word_misspelt_is_a_usage_error(device, runtime, hint):
    with pytest.raises(UsageError, match=hint):
        choose(device, runtime)


def test_onnx_runtime_does_not_read_pth():
    with pytest.raises(UsageError, match=r"ONNX Runtime reads \.onnx files alone"):
        choose("cpu", "onnx", onnx_file=False)


class FakeDriver:
    """The two entry points of the driver's library that are called."""

    def __init__(self, start: int = 0, count: int = 0, counting: int = 0) -> None:
        self._start, self._count, self._counting = start, count, counting

    def cuInit(self, flags: int) -> int:
        return self._start

    def cuDeviceGetCount(self, pointer) -> int:
        pointer._obj.value = self._count
        return self._counting


@pytest.mark.parametrize(
    ("driver", "answer"),
    [
        (FakeDriver(count=2), (2, None)),
        (FakeDriver(count=0), (0, None)),
        (FakeDriver(start=100), (0, None)),
        (FakeDriver(start=803), (0, "its driver does not start (cuInit gives 803)")),
        (FakeDriver(counting=3), (0, "its driver does not count its devices (cuDeviceGetCount gives 3)")),
    ],
)
def test_the_driver_is_asked_without_torch(driver, answer, monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver)
    assert devices.cuda_driver() == answer


def test_no_driver_is_no_gpu(monkeypatch):
    def missing(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert devices.cuda_driver() == (0, None)


def test_the_list_of_devices_ends_with_both_cpu_runtimes_and_says_why_others_are_missing():
    found = available()
    assert [each.name for each in found[-2:]] == ["cpu (onnx)", "cpu (torch)"]
    assert all(each.description for each in found)
    assert found[0].name.startswith("cuda")


def test_choosing_the_cpu_does_not_import_torch():
    code = (
        "import sys; from livebg.segment.runtimes import choose, devices\n"
        "if devices.cuda_driver() == (0, None) and not devices.is_apple_silicon(): choose()\n"
        "choose('cpu'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"
