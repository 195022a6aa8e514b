"""What computes the network: one protocol, one file a runtime, and the choice between them.

Nothing is replaced silently: what was asked for and is not there is an error that lists what is, and what ``auto``
chose stands in the description, with the reason where a GPU is present and cannot be used.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from livebg.errors import DeviceError, UsageError
from livebg.segment.runtimes import devices
from livebg.segment.runtimes.devices import available

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

# ImageNet's mean and deviation for RGB in [0, 1], with which U²-Net is trained.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
# As 8-bit values: normalised = value * SCALE + SHIFT.
SCALE = tuple(1 / (255 * deviation) for deviation in DEVIATION)
SHIFT = tuple(-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True))

PUBLISHED_SIZE = (320, 320)


__all__ = ["Choice", "Runtime", "available", "choose", "open_runtime", "takes_int8"]


class Runtime(Protocol):
    """Scores pictures of the model's size on one device."""

    @property
    def name(self) -> str:
        """``onnx`` or ``torch``."""

    @property
    def device(self) -> str:
        """``cpu``, ``cuda:0``, ``mps``."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures it takes."""

    @property
    def description(self) -> str:
        """For people: «ONNX Runtime on the CPU (2 threads)»."""

    def scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network's fused score.

        Args:
            pictures: RGB, uint8 (N, h, w, 3) of ``size``. They go to the device as they are, a quarter of the bytes
                of normalised ones; normalising is the runtime's part.

        Returns:
            float32 (N, h, w), in [0, 1] unless the network is damaged.

        Raises:
            DeviceError: Out of memory, or the device failed.
        """


@dataclass(frozen=True, slots=True)
class Choice:
    """What will compute; ``note`` says why a GPU that is there will not, else it is empty."""

    runtime: Literal["onnx", "torch"]
    device: str
    note: str = ""


def choose(device: str = "auto", runtime: str = "auto", *, onnx_file: bool = True) -> Choice:
    """Which runtime computes, and where.

    ``auto`` takes CUDA before MPS before the CPU, torch on a GPU and ONNX Runtime on a CPU. torch is imported only
    where a GPU may be (see ``devices``) or was asked for.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        runtime: ``auto``, ``torch`` or ``onnx``.
        onnx_file: Whether the weights are an ONNX file; torch reads both kinds, ONNX Runtime only that.

    Raises:
        UsageError: No such word.
        DeviceError: It is not there; the text lists what is.
    """
    _require_word("runtime", runtime, ["auto", "torch", "onnx"])
    if not re.fullmatch(r"cuda:\d+", device):
        _require_word("device", device, ["auto", "cpu", "cuda", "cuda:0", "mps"])
    if runtime == "onnx" and not onnx_file:
        raise UsageError("ONNX Runtime reads .onnx files alone: choose runtime torch or auto for these weights")
    if runtime == "onnx" and device not in ("auto", "cpu"):
        raise DeviceError(f"ONNX Runtime computes on the CPU alone here, not on {device}: {_there_is()}")
    note = ""
    if device == "auto":
        device, note = ("cpu", "") if runtime == "onnx" else _best_device()
    elif device == "mps":
        _require_there(device, devices.mps_problem())
    elif device != "cpu":
        device = "cuda:0" if device == "cuda" else device
        _require_there(device, devices.cuda_problem(int(device.removeprefix("cuda:"))))
    on_onnx = device == "cpu" and onnx_file and runtime != "torch"
    return Choice("onnx" if on_onnx else "torch", device, note)


def takes_int8(precision: str, choice: Choice, name: str, *, there: bool, held: bool) -> bool:
    """Whether the network computes in whole numbers.

    ``auto`` does so on a CPU that gains by it (see ``products``), where the model comes in them and IoU was measured to
    stay within 0.002: a frame takes half the time.

    Args:
        precision: ``auto``, ``full`` or ``int8``.
        choice: From ``choose``.
        name: Of the file in whole numbers.
        there: Whether it is there, or can be made.
        held: Whether IoU holds at the size that is asked for.

    Raises:
        UsageError: No such word; there is no such file.
        DeviceError: int8 was asked for where it is not computed.
    """
    _require_word("precision", precision, ["auto", "full", "int8"])
    if precision == "int8":
        if choice.runtime != "onnx":
            raise DeviceError(
                f"int8 is computed by ONNX Runtime on the CPU alone, not by torch on {choice.device}: "
                "choose precision full or auto"
            )
        if not there:
            raise UsageError(f"there is no {name}: for this model choose precision full or auto")
        return True
    if precision == "full" or choice.runtime != "onnx" or not (there and held):
        return False
    from livebg.segment.runtimes.products import bytes_multiply_fast

    return bytes_multiply_fast()


def open_runtime(
    path: Path,
    choice: Choice,
    *,
    size: tuple[int, int] | None = None,
    threads: int | None = None,
    half: bool = True,
) -> Runtime:
    """Load weights into the runtime that was chosen.

    Args:
        path: ``.onnx``, ``.pth`` or ``.safetensors``.
        choice: From ``choose``.
        size: Width and height of the model's input; ``None`` is the file's own, 320x320 where it does not say.
        threads: CPU threads for one picture; ``None`` leaves it to the runtime. torch keeps one number for the whole
            process, so there it holds for everybody.
        half: Half precision on CUDA devices that gain by it, else full.

    Raises:
        WeightsError: The file is missing, damaged or not a U²-Net.
        DeviceError: Out of memory, or the device failed.
    """
    if choice.runtime == "onnx":
        from livebg.segment.runtimes.onnx import OnnxRuntime

        return OnnxRuntime(path, size=size, threads=threads)
    from livebg.segment.runtimes.torch import TorchRuntime

    return TorchRuntime(path, choice.device, size=size, threads=threads, half=half)


def _best_device() -> tuple[str, str]:
    notes = []
    count, problem = devices.cuda_driver()
    if count:
        problem = devices.cuda_problem(0)
        if problem is None:
            return "cuda:0", ""
    if problem is not None:
        notes.append(f"the NVIDIA GPU is not used: {problem}")
    if devices.is_apple_silicon():
        problem = devices.mps_problem()
        if problem is None:
            return "mps", ""
        notes.append(f"the Apple GPU is not used: {problem}")
    return "cpu", "; ".join(notes)


def _require_there(device: str, problem: str | None) -> None:
    if problem is not None:
        raise DeviceError(f"{device} cannot be used, {problem}: {_there_is()}")


def _there_is() -> str:
    return "there is " + ", ".join(each.name for each in available() if each.there)


def _require_word(what: str, word: str, words: list[str]) -> None:
    if word not in words:
        near = difflib.get_close_matches(word, words, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise UsageError(f"there is no {what} {word!r}{hint}: choose {', '.join(words)}")
