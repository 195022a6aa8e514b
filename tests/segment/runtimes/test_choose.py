"""Which runtime computes, where, and what is said when it cannot."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from livebg.errors import DeviceError, UsageError
from livebg.segment import runtimes
from livebg.segment.runtimes import Choice, available, choose, devices
from livebg.segment.runtimes import openvino as adapter

BOTH = ("half", "int8")


@pytest.fixture(autouse=True)
def without_openvino(monkeypatch):
    monkeypatch.setattr(devices, "openvino_version", lambda: None)


@pytest.fixture
def multiplies(monkeypatch):
    """What the CPU multiplies, and fast; with OpenVINO installed or not."""

    def answer(*, halves: bool, numbers: bool, openvino: bool = True, fast: bool = True) -> None:
        monkeypatch.setattr(devices, "openvino_version", lambda: "1" if openvino else None)
        monkeypatch.setattr(adapter, "halves_multiply", lambda: halves)
        monkeypatch.setattr(adapter, "halves_multiply_fast", lambda: halves and fast)
        monkeypatch.setattr(runtimes, "_bytes_multiply_fast", lambda: numbers)

    return answer


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


@pytest.mark.parametrize(
    ("openvino", "halves", "numbers", "holds", "chosen"),
    [
        (True, True, True, BOTH, ("openvino", "half")),
        (True, False, True, BOTH, ("onnx", "int8")),
        (True, False, False, BOTH, ("openvino", "full")),
        (True, True, True, (), ("openvino", "full")),
        (True, True, True, ("half",), ("openvino", "half")),
        (True, False, True, ("half",), ("openvino", "full")),
        (False, True, True, BOTH, ("onnx", "int8")),
        (False, True, False, BOTH, ("onnx", "full")),
        (False, True, True, (), ("onnx", "full")),
    ],
)
def test_auto_takes_the_quickest_that_holds(openvino, halves, numbers, holds, chosen, multiplies):
    multiplies(halves=halves, numbers=numbers, openvino=openvino)
    choice = choose("cpu", holds=holds)
    assert (choice.runtime, choice.precision) == chosen


@pytest.mark.parametrize(
    ("runtime", "precision", "chosen"),
    [
        ("onnx", "auto", ("onnx", "int8")),
        ("onnx", "full", ("onnx", "full")),
        ("openvino", "auto", ("openvino", "half")),
        ("openvino", "full", ("openvino", "full")),
        ("auto", "full", ("openvino", "full")),
        ("auto", "half", ("openvino", "half")),
        ("auto", "int8", ("onnx", "int8")),
        ("torch", "auto", ("torch", "full")),
    ],
)
def test_what_was_asked_for_is_taken(runtime, precision, chosen, multiplies):
    multiplies(halves=True, numbers=True)
    choice = choose("cpu", runtime, precision, holds=BOTH)
    assert (choice.runtime, choice.precision) == chosen


def test_slow_halves_are_taken_only_where_they_are_asked_for(multiplies):
    multiplies(halves=True, numbers=True, fast=False)
    assert choose("cpu", holds=BOTH) == Choice("onnx", "cpu", "int8")
    assert choose("cpu", precision="half", holds=BOTH) == Choice("openvino", "cpu", "half")


def test_an_openvino_that_cannot_be_imported_is_said(multiplies, monkeypatch):
    multiplies(halves=True, numbers=True)
    monkeypatch.delattr(runtimes, "openvino")
    monkeypatch.setitem(sys.modules, "livebg.segment.runtimes.openvino", None)
    with pytest.raises(DeviceError, match=r"^OpenVINO 1 is installed and cannot be imported, .*choose runtime onnx$"):
        choose("cpu", holds=BOTH)


@pytest.mark.parametrize(
    ("openvino", "halves", "runtime", "precision", "reason"),
    [
        (
            False,
            True,
            "openvino",
            "auto",
            r"^runtime openvino is computed by OpenVINO, which is not installed: pip install 'livebg\[",
        ),
        (False, True, "auto", "half", "^half precision on a CPU is computed by OpenVINO, which is not installed"),
        (True, False, "auto", "half", "^this CPU does not multiply in half precision: choose precision full or auto$"),
        (True, True, "onnx", "half", "^half precision is computed by OpenVINO on a CPU, not by ONNX Runtime"),
        (True, True, "openvino", "int8", "^int8 is computed by ONNX Runtime, not by OpenVINO"),
        (True, True, "torch", "int8", "^int8 is computed by ONNX Runtime on the CPU alone, not by torch on cpu"),
        (True, True, "torch", "half", "^half precision is computed on CUDA, and by OpenVINO on a CPU, not by torch"),
    ],
)
def test_what_is_not_computed_so_is_an_error(openvino, halves, runtime, precision, reason, multiplies):
    multiplies(halves=halves, numbers=True, openvino=openvino)
    with pytest.raises(DeviceError, match=reason):
        choose("cpu", runtime, precision, holds=BOTH)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(("precision", "chosen"), [("auto", "half"), ("half", "half"), ("full", "full")])
def test_cuda_computes_in_halves_unless_told_otherwise(precision, chosen):
    assert choose("cuda", precision=precision).precision == chosen
    with pytest.raises(DeviceError, match="not by torch on cuda:0"):
        choose("cuda", precision="int8")


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("device", "runtime", "chosen"),
    [
        ("auto", "auto", Choice("torch", "cuda:0", "half")),
        ("auto", "torch", Choice("torch", "cuda:0", "half")),
        ("auto", "onnx", Choice("onnx", "cpu")),
        ("cuda", "auto", Choice("torch", "cuda:0", "half")),
        ("cuda:1", "auto", Choice("torch", "cuda:1", "half")),
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
    assert choice == Choice("onnx", "cpu", "full", "the NVIDIA GPU is not used: torch finds no CUDA device")


def test_a_driver_that_does_not_start_is_said(monkeypatch, no_gpu):
    monkeypatch.setattr(devices, "cuda_driver", lambda: (0, "its driver does not start (cuInit gives 803)"))
    assert "does not start (cuInit gives 803)" in choose().note


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("device", "runtime", "reason"),
    [
        (
            "cuda",
            "auto",
            r"^cuda:0 cannot be used, torch finds no CUDA device: there is .*cpu \(onnx\), cpu \(torch\)$",
        ),
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
