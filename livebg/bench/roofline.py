"""What a machine can do at most, measured: multiplications a second and bytes moved a second.

Source of the idea: Williams, Waterman, Patterson, "Roofline", CACM 2009: a computation is bound by whichever of the two
it needs more of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter

import torch

_SIDE = {"cpu": 2048, "cuda": 8192}
_BYTES = {"cpu": 1 << 28, "cuda": 1 << 31}
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Roof:
    """The two limits of one device.

    Attributes:
        device: Where they were measured.
        dtype: Of the matrices.
        gflops: 10^9 operations a second of a large matrix product (a multiplication and an addition are two).
        gbytes: 10^9 bytes a second of a large copy, read and written both counted.
    """

    device: str
    dtype: str
    gflops: float
    gbytes: float

    def seconds(self, flop: float, moved: float) -> float:
        """The least time for so many operations and bytes, where both go on at once."""
        return max(flop / (self.gflops * 1e9), moved / (self.gbytes * 1e9))

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {name: round(value, 1) if isinstance(value, float) else value for name, value in asdict(self).items()}


def measure_roof(device: str = "cpu", dtype: torch.dtype = torch.float32) -> Roof:
    """Both limits, each the best of several rounds: other work on the machine only ever subtracts."""
    kind = device.partition(":")[0]
    side = _SIDE[kind]
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    multiply = _best(lambda: a @ b, device)
    source = torch.empty(_BYTES[kind], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy = _best(lambda: target.copy_(source), device)
    return Roof(
        device, str(dtype).removeprefix("torch."), 2 * side**3 / multiply / 1e9, 2 * source.numel() / copy / 1e9
    )


def _best(call: Callable[[], object], device: str) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        started = perf_counter()
        call()
        if device != "cpu":
            torch.cuda.synchronize(device)
        best = min(best, perf_counter() - started)
    return best
