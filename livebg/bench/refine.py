"""``livebg bench refine``: what one call of CascadePSP costs, in time and memory, by L and mode."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from livebg.bench.harness import machine, timed

_MODES = ("fast", "full")


def bench_refine(
    sizes: Sequence[int] = (300, 600, 900),
    *,
    modes: Sequence[str] = _MODES,
    picture: tuple[int, int] = (1280, 720),
    device: str = "auto",
    precision: str = "auto",
    rounds: int = 3,
    weights: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, object]:
    """Refine one picture with every L in every mode, each in a process of its own.

    Args:
        sizes: L, pixels; at least 66 where ``full`` is asked for.
        modes: ``fast``, ``full`` or both.
        picture: Width and height of what is refined: a bright disc a third as wide as the longer side, drawn here.
        device: See ``CascadePSP``.
        precision: See ``CascadePSP``.
        rounds: Timed calls; on a GPU after one that is not counted.
        weights: A checkpoint; ``None`` takes seeded random weights. The time of a pass does not depend on them, but how
            many local crops ``full`` has to refine does, so ``crops`` is part of the result.
        progress: Told about each case.

    Returns:
        A JSON object: machine, picture, weights, and for each case of ``calls`` its ``mode`` and ``size``, ``how``
        (precision and device), ``seconds`` a call (median, lowest, highest), ``cpu_seconds`` (lowest), local ``crops``,
        and ``peak_mb`` with ``loaded_mb`` of it there before the first call: 10^6 bytes, of the GPU's memory that torch
        allocated, or of the resident memory of the whole process on the CPU.

    Raises:
        LivebgError: A case failed (out of memory, no such device); the text holds the reason.
    """
    tell = progress or (lambda line: None)
    calls: list[dict[str, Any]] = []
    with TemporaryDirectory(prefix="livebg-bench-") as folder:
        path = weights or _random_weights(Path(folder) / "random.pth")
        for mode in modes:
            for size in sizes:
                case = {"mode": mode, "size": size, "device": device, "precision": precision, "weights": str(path)}
                asked = json.dumps(case | {"picture": picture, "rounds": rounds})
                done = timed([sys.executable, "-m", "livebg.bench.refine_call", asked])
                call = json.loads(done.stdout)
                calls.append(call)
                tell(
                    f"{mode} L={size}: {call['seconds']['median']} s, {call['peak_mb']} MB "
                    f"({call['loaded_mb']} MB loaded), {call['crops']} crops"
                )
    return {
        "benchmark": "refine",
        "machine": machine(),
        "picture": list(picture),
        "weights": "random, seeded" if weights is None else weights.name,
        "calls": calls,
    }


def _random_weights(path: Path) -> Path:
    import torch

    from livebg.bench.random_cascade import random_network

    torch.save(random_network().state_dict(), path)
    return path
