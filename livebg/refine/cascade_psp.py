"""CascadePSP: a network that moves a mask's edge to the picture's own, at the picture's size.

The network is that of the package segmentation_refinement, with its published weights or others of the same shape. The
package's ``Refiner`` is not used: it downloads in its constructor, goes through the CPU, and computes in float32 only.

Why RGB: the package's README feeds OpenCV's BGR, but its training loads RGB (Pillow) and normalises by ImageNet's RGB
statistics. Here as everywhere in livebg pictures are RGB.

Why the mask is binarised: the network was trained on binary masks. What is soft in a matte is lost on the way in, so
for video only the edge band of a matte should be replaced (``livebg.refine.cascade_band``).

``import segmentation_refinement`` brings torchvision and requests: seconds, paid when a network is loaded and not
before.

Source: Cheng et al., CascadePSP, CVPR 2020 (arXiv:2005.02551).
"""

from __future__ import annotations

import traceback
import warnings
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from livebg import weights as published
from livebg.errors import DeviceError, WeightsError
from livebg.refine import cascade_steps as steps

if TYPE_CHECKING:
    from livebg.frame import Alpha, Image

Mode = Literal["fast", "full"]
Precision = Literal["auto", "full", "half"]

_NAME = "cascadepsp"
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB, as the network was trained
_FAST_HALF = (7, 0)  # Volta: the first CUDA capability whose half precision is faster, and it sums in float32


class CascadePSP:
    """The network, loaded once, and its two ways of refining.

    Args:
        weights: A checkpoint as published; ``None`` takes the one that ``livebg models pull cascadepsp`` fetched.
        mode: ``fast`` looks at the whole picture once (global step); ``full`` then at crops of it along the edge
            (local steps), which pays where the picture is larger than ``size``.
        size: L of the paper, pixels: the longer side of what the network sees at a time. Time and memory grow with its
            square.
        device: ``auto`` (a CUDA device where there is one, else the CPU), ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``half`` is float16 on CUDA and bfloat16 on the CPU, where it pays only if the processor multiplies
            it itself (three times as fast with AMX); ``auto`` is half on CUDA devices that gain by it, else full.
        crops: How many local crops the network sees at a time; memory grows with it. ``None`` is 4 on CUDA and 1 on
            the CPU, which gains nothing.

    Attributes:
        network: The package's ``RefinementModule`` in this precision.
        device: Where it computes, and where ``score`` wants its tensors.
        description: One line for reports.

    Raises:
        WeightsError: The weights are missing, damaged or not of this network.
        DeviceError: The device is not there, or has no room for the network.
        ValueError: ``size`` or ``crops`` is out of range.
    """

    def __init__(
        self,
        weights: Path | None = None,
        *,
        mode: Mode = "fast",
        size: int = 900,
        device: str = "auto",
        precision: Precision = "auto",
        crops: int | None = None,
    ) -> None:
        smallest = steps.SMALLEST_LOCAL if mode == "full" else 8
        if size < smallest:
            raise ValueError(f"size must be at least {smallest} pixels in mode {mode}, got {size}")
        if crops is not None and crops < 1:
            raise ValueError(f"crops must be at least 1, got {crops}")
        self.mode, self.size = mode, size
        self.device = _device(device)
        cuda = self.device.type == "cuda"
        self._crops = crops or (4 if cuda else 1)
        network = load_network(weights or published.require(_NAME))
        try:
            dtype = _dtype(self.device, precision)
            self.network = network.to(self.device, dtype).to(memory_format=torch.channels_last)
            self._mean, self._deviation = (
                torch.tensor(values, device=self.device).reshape(3, 1, 1) for values in (_MEAN, _DEVIATION)
            )
            # Its own queue on the GPU: what the stream computes there meanwhile does not wait behind it.
            self._queue = torch.cuda.Stream(self.device) if cuda else None  # type: ignore[no-untyped-call]
            if self._queue is not None:
                self._queue.wait_stream(torch.cuda.current_stream(self.device))  # the weights come by that one
        except RuntimeError as exc:
            raise self._failure(exc) from exc
        place = torch.cuda.get_device_name(self.device) if cuda else "CPU"
        self.description = (
            f"CascadePSP {mode}, L={size}, {str(dtype).removeprefix('torch.')} on {self.device} ({place})"
        )

    def alpha(self, image: Image, alpha: Alpha) -> Alpha:
        """The refined mask, as the package's ``Refiner.refine`` gives it, but not rounded to 8 bits.

        Args:
            image: (H, W, 3) uint8 RGB, any size.
            alpha: (H, W) float32 in [0, 1]; 0.5 and above is inside.

        Returns:
            The score, a new float32 (H, W) in [0, 1].

        Raises:
            ValueError: The two do not fit each other.
            DeviceError: The device failed, and where its memory was too small the text names L and the cure; or its
                precision was too low for these weights.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.shape[:2] != alpha.shape or image.dtype != np.uint8:
            raise ValueError(
                f"the image must be uint8 (H, W, 3) and alpha (H, W), got {image.dtype} {image.shape} and {alpha.shape}"
            )
        try:
            with torch.inference_mode(), torch.cuda.stream(self._queue):  # None is no queue: the CPU
                # torch wants memory that it may write to, although it does not.
                picture, matte = (
                    torch.from_numpy(np.require(each, requirements=["C", "W"])) for each in (image, alpha)
                )
                score = cast("Alpha", self.score(picture.to(self.device), matte.to(self.device)).cpu().numpy())
        except RuntimeError as exc:
            raise self._failure(exc) from exc
        if not np.isfinite(score.sum()):  # half precision ends at 65504, and other people's weights are unknown
            raise DeviceError(f"{self.description} gave values that are no numbers: take precision full, or the CPU")
        return score

    @torch.inference_mode()
    def score(self, image: Tensor, alpha: Tensor) -> Tensor:
        """``alpha`` for tensors that are on the device already; nothing leaves it. In the caller's own CUDA stream.

        Args:
            image: (H, W, 3) uint8 RGB on ``device``.
            alpha: (H, W), any float type, in [0, 1], on ``device``.

        Returns:
            float32 (H, W) in [0, 1] on ``device``.

        Raises:
            RuntimeError: As torch raises it.
        """
        picture = image.permute(2, 0, 1)[None].float().div_(255).sub_(self._mean).div_(self._deviation)
        mask = (alpha[None, None] >= 0.5).float().mul_(2).sub_(1)
        if self.mode == "fast":
            return steps.fast(self.network, picture, mask, self.size)[0, 0]
        return steps.full(self.network, picture, mask, self.size, self._crops)[0, 0]

    def _failure(self, exc: RuntimeError) -> DeviceError:
        if isinstance(exc, torch.OutOfMemoryError) or "can't allocate memory" in str(exc):
            traceback.clear_frames(exc.__traceback__)  # the tensors that filled the memory live in those frames
            cure = f"take a smaller size than L={self.size}"
            if self.mode == "full":
                cure += ", or mode fast"
            return DeviceError(f"CascadePSP ({self.mode}, L={self.size}) ran out of memory on {self.device}: {cure}")
        return DeviceError(f"CascadePSP ({self.mode}, L={self.size}) failed on {self.device}: {_first_line(exc)}")


def load_network(path: Path) -> nn.Module:
    """The package's network with the weights of a file, on the CPU, ready to predict.

    Args:
        path: A state dict as published (names begin with «module.») or without that prefix.

    Raises:
        WeightsError: The file is missing, damaged, holds more than weights, or is of another network.
    """
    from segmentation_refinement.models.psp.pspnet import RefinementModule

    state = _read(path)
    with torch.device("meta"):  # shapes without memory: the file's own tensors become the parameters
        network: nn.Module = RefinementModule()
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as exc:
        differences = [line.strip() for line in str(exc).splitlines()[1:]] or [str(exc)]
        raise WeightsError(
            f"{path} is not of CascadePSP: {differences[0][:200]}; livebg models pull {_NAME} fetches the published one"
        ) from exc
    return network.eval().requires_grad_(False)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as exc:
        raise WeightsError(f"cannot read {path}: {exc.strerror or exc}") from exc
    except (RuntimeError, UnpicklingError, EOFError, KeyError, ValueError) as exc:
        raise WeightsError(f"{path} is damaged, or holds more than weights: {_first_line(exc)[:200]}") from exc
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} does not hold a state dict: save the network's state_dict() alone")
    for name, value in state.items():
        if not value.isfinite().all():
            raise WeightsError(f"{path} is damaged: {name} has values that are not finite")
    return {str(name).removeprefix("module."): value for name, value in state.items()}  # as DataParallel saves it


def _device(name: str) -> torch.device:
    if name == "cpu":
        return torch.device("cpu")
    if name not in ("auto", "cuda") and not (name.startswith("cuda:") and name[5:].isdecimal()):
        raise DeviceError(f"CascadePSP does not run on {name!r}: choose auto, cpu, cuda or cuda:N")
    with warnings.catch_warnings(record=True) as caught:  # torch says why only in a warning
        warnings.simplefilter("always")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(name[5:] or 0) if name.startswith("cuda:") else 0
    if index < count:
        return torch.device("cuda", index)
    if name == "auto":
        return torch.device("cpu")
    reason = _first_line(caught[0].message) if caught else f"torch finds {count} CUDA devices"
    raise DeviceError(f"CascadePSP cannot run on {name}: {reason}; choose cpu")


def _dtype(device: torch.device, precision: Precision) -> torch.dtype:
    cuda = device.type == "cuda"
    if precision == "auto":
        precision = "half" if cuda and torch.cuda.get_device_capability(device) >= _FAST_HALF else "full"
    if precision == "full":
        return torch.float32
    return torch.float16 if cuda else torch.bfloat16


def _first_line(exc: Exception | Warning | str) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]
