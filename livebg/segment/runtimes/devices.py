"""Which devices there are.

Why the driver is asked through ctypes: ``import torch`` takes seconds and 600 MB, which a machine without a GPU should
never pay. The driver's library answers in a millisecond where it is absent.
"""

from __future__ import annotations

import ctypes
import platform
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE: a driver without a GPU, as in many container images


class Device(NamedTuple):
    """A device with the runtime that computes on it, whether it is there, and what it is or why it is not there."""

    name: str
    there: bool
    description: str


def available() -> list[Device]:
    """Every device that can be asked for, the preferred first, with what is missing. Imports torch."""
    import torch

    built = f"torch {torch.__version__}"
    found: list[Device] = []
    problem = cuda_problem()
    if problem is None:
        for index in range(torch.cuda.device_count()):
            found.append(Device(f"cuda:{index} (torch)", True, f"{torch.cuda.get_device_name(index)}, {built}"))
    else:
        found.append(Device("cuda (torch)", False, problem))
    if is_apple_silicon():
        problem = mps_problem()
        found.append(Device("mps (torch)", problem is None, problem or f"Apple GPU, {built}"))
    openvino = openvino_version()
    how = "not installed; often twice as fast as ONNX Runtime: pip install 'livebg[openvino]'"
    found.append(Device("cpu (openvino)", openvino is not None, f"OpenVINO {openvino or how}"))
    found.append(Device("cpu (onnx)", True, f"ONNX Runtime {version('onnxruntime')}"))
    found.append(Device("cpu (torch)", True, built))
    return found


def openvino_version() -> str | None:
    """Of the package that is installed, if one is; it is not imported."""
    try:
        return version("openvino")
    except PackageNotFoundError:
        return None


def cuda_driver() -> tuple[int, str | None]:
    """How many GPUs the NVIDIA driver offers, without importing torch.

    Returns:
        The count (``CUDA_VISIBLE_DEVICES`` counts), and what is wrong where the driver is installed but does not start.
    """
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0, None
    code = driver.cuInit(0)
    if code == _NO_DEVICE:
        return 0, None
    if code:
        return 0, f"its driver does not start (cuInit gives {code})"
    count = ctypes.c_int()
    code = driver.cuDeviceGetCount(ctypes.byref(count))
    if code:
        return 0, f"its driver does not count its devices (cuDeviceGetCount gives {code})"
    return count.value, None


def cuda_problem(index: int = 0) -> str | None:
    """Why torch cannot compute on this CUDA device; ``None`` where it can. Imports torch."""
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return f"torch {torch.__version__} is built without CUDA"
    with warnings.catch_warnings(record=True) as caught:  # torch says why only in a warning
        warnings.simplefilter("always")
        usable = torch.cuda.is_available()
    if not usable:
        return str(caught[0].message).splitlines()[0] if caught else "torch finds no CUDA device"
    count = torch.cuda.device_count()
    return None if index < count else f"torch finds {count} CUDA device{'s' if count > 1 else ''}"


def is_apple_silicon() -> bool:
    """Whether Metal may be there, without importing torch."""
    return sys.platform == "darwin" and platform.machine() == "arm64"


def mps_problem() -> str | None:
    """Why torch cannot compute on Apple's GPU; ``None`` where it can. Imports torch."""
    import torch

    if not torch.backends.mps.is_built():
        return f"torch {torch.__version__} is built without MPS"
    return None if torch.backends.mps.is_available() else "macOS is older than 14 or has no Metal device"
