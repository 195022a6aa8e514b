"""torch: on CUDA and MPS the runtime of choice, on the CPU the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from livebg.errors import DeviceError
from livebg.segment.checkpoints import load_checkpoint
from livebg.segment.published import published_network
from livebg.segment.runtimes import PUBLISHED_SIZE, SCALE, SHIFT
from livebg.segment.runtimes.adapting import failure, on_cpu

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from livebg.segment.published import Level
    from livebg.segment.u2net import U2Net

_FAST_HALF = (7, 0)  # Volta: the first CUDA capability whose half precision is faster, and it sums in float32


class TorchRuntime:
    """The network in channels-last order, in half precision on CUDA devices that gain by it.

    Half precision is safe for the published weights: their largest activation on real pictures is 230 (u2netp) and 120
    (u2net), far from half's 65504, and channels that stand on a level are taken off it (see ``centring.py``).
    Normalising and the sigmoid stay in float32. MPS computes in float32, because half
    has not been proven there.
    """

    name = "torch"

    def __init__(
        self,
        path: Path,
        device: str,
        *,
        size: tuple[int, int] | None = None,
        threads: int | None = None,
        half: bool = True,
    ) -> None:
        network, own, self.stated = load_checkpoint(path)
        self.device = device
        self.size = size or own or PUBLISHED_SIZE
        self._path = path
        if threads is not None:
            torch.set_num_threads(threads)
        cuda = device.startswith("cuda")
        try:
            half = half and cuda and torch.cuda.get_device_capability(device) >= _FAST_HALF
            self.half = half
            self._dtype = torch.float16 if half else torch.float32
            known = published_network(path)
            if half and known is not None:
                centre(network, known.levels)
            self._network = network.to(device, self._dtype).to(memory_format=torch.channels_last)
            self._scale, self._shift = (
                torch.tensor(values, dtype=torch.float32, device=device).reshape(3, 1, 1) for values in (SCALE, SHIFT)
            )
        except RuntimeError as exc:
            raise self._failure(exc, self.size) from exc
        if device != "cpu":  # a device that cannot compute shows it here and not at the first frame
            width, height = self.size
            self.scores(np.zeros((1, height, width, 3), np.uint8))
        precision = "half" if half else "full"
        self.description = (
            f"torch on {device} ({torch.cuda.get_device_name(device)}, {precision} precision)"
            if cuda
            else "torch on the Apple GPU"
            if device == "mps"
            else on_cpu("torch", torch.get_num_threads())
        )

    def scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``Runtime.scores``."""
        try:
            with torch.inference_mode():
                # (N, h, w, 3) seen as (N, 3, h, w) is channels-last already: nothing is moved.
                batch = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2)
                batch = (batch * self._scale + self._shift).to(self._dtype)
                return cast("NDArray[np.float32]", self._network(batch)[:, 0].cpu().numpy())
        except RuntimeError as exc:
            height, width = pictures.shape[1:3]
            raise self._failure(exc, (width, height)) from exc

    def _failure(self, exc: RuntimeError, size: tuple[int, int]) -> DeviceError:
        reason = (str(exc).splitlines() or [type(exc).__name__])[0]
        return failure(f"torch failed on {self.device} with {self._path.name}", size, reason)


def centre(network: U2Net, levels: Iterable[Level]) -> None:
    """Take levels away, as ``centring.py`` does, from a network in float32 on the CPU; then it may become half."""
    for _, maker, channel, level in levels:
        blocks, _, number = maker.rpartition(".")
        taker = f"{blocks}.{int(number) + 1}"
        if not isinstance(network.get_submodule(taker), _Lifted):
            network.set_submodule(taker, _Lifted(cast("nn.Conv2d", network.get_submodule(taker))))
        network.get_submodule(maker).get_parameter("bias").data[channel] -= level
        cast("_Lifted", network.get_submodule(taker)).levels[0, channel] = level


class _Lifted(nn.Module):
    """A padded 3x3 convolution of channels whose levels were taken away.

    What it would have made of them is added, with the biases, as one map: computed in float32, once for a size.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight = convolution.weight
        self.levels = torch.zeros(1, convolution.in_channels, 1, 1)
        self._full = (convolution.weight.detach().clone(), convolution.bias)
        self._map = torch.empty(1, 0, 0, 0)

    def forward(self, x: Tensor) -> Tensor:
        """As ``Conv2d.forward``."""
        if self._map.shape[2:] != x.shape[2:]:
            everywhere = self.levels.expand(-1, -1, *x.shape[2:])
            self._map = functional.conv2d(everywhere, *self._full, padding=1).to(x.device, x.dtype)
        return functional.conv2d(x, self.weight, padding=1) + self._map
