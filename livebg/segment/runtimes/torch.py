"""torch: on CUDA and MPS the runtime of choice, on the CPU the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from livebg.errors import DeviceError
from livebg.segment.checkpoints import load_checkpoint
from livebg.segment.runtimes import PUBLISHED_SIZE, SCALE, SHIFT
from livebg.segment.runtimes.adapting import failure, on_cpu

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_FAST_HALF = (7, 0)  # Volta: the first CUDA capability whose half precision is faster, and it sums in float32


class TorchRuntime:
    """The network in channels-last order, in half precision on CUDA devices that gain by it.

    Half precision is safe for the published weights: their largest activation on real pictures is 230 (u2netp) and 120
    (u2net), far from half's 65504. Normalising and the sigmoid stay in float32. MPS computes in float32, because half
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
        network, own = load_checkpoint(path)
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
            self._network = network.to(device, self._dtype).to(memory_format=torch.channels_last)
            self._scale, self._shift = (
                torch.tensor(values, dtype=torch.float32, device=device).reshape(3, 1, 1) for values in (SCALE, SHIFT)
            )
        except RuntimeError as exc:
            raise self._failure(exc) from exc
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
            raise self._failure(exc) from exc

    def _failure(self, exc: RuntimeError) -> DeviceError:
        reason = (str(exc).splitlines() or [type(exc).__name__])[0]
        return failure(f"torch failed on {self.device} with {self._path.name}", self.size, reason)
