"""One case of ``livebg bench refine``, in a process of its own so that its peak of memory is its own.

Run as ``python -m livebg.bench.refine_call CASE``; the case and what is printed are JSON objects.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import cv2
import numpy as np
import torch

from livebg.bench.harness import Spread
from livebg.errors import LivebgError
from livebg.refine.cascade_psp import CascadePSP


def cost(case: dict[str, Any]) -> dict[str, Any]:
    """Time and memory of a call; ``bench.refine`` says what the numbers are."""
    psp = CascadePSP(
        Path(case["weights"]),
        mode=case["mode"],
        size=case["size"],
        device=case["device"],
        precision=case["precision"],
    )
    loaded, _ = _memory(psp.device)
    seen: list[int] = []
    psp.network.register_forward_pre_hook(lambda _, arguments: seen.append(len(arguments[0])))
    image, alpha = disc(*case["picture"])
    seconds, worked = [], []
    if psp.device.type == "cuda":
        psp.alpha(image, alpha)  # the first call chooses algorithms and takes memory from the driver
    for _ in range(case["rounds"]):
        seen.clear()
        started, busy = perf_counter(), process_time()
        psp.alpha(image, alpha)  # ends with the score on the CPU: the device has finished
        seconds.append(perf_counter() - started)
        worked.append(process_time() - busy)
    _, peak = _memory(psp.device)
    return {
        "mode": psp.mode,
        "size": psp.size,
        "how": psp.description,
        "seconds": Spread.of(seconds).as_dict(),
        "cpu_seconds": round(min(worked), 3),
        "crops": sum(seen) - 1,  # the first is the whole picture
        "loaded_mb": loaded,
        "peak_mb": peak,
    }


def disc(width: int, height: int) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], np.ndarray[Any, np.dtype[np.float32]]]:
    """A bright disc before a dark gradient, and a mask of it that is a little off."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:] = np.linspace(0, 40, width, dtype=np.float32)[None, :, None]
    radius = max(width, height) // 6
    cv2.circle(image, (width // 2, height // 2), radius, (230, 230, 230), -1)
    alpha = np.zeros((height, width), np.float32)
    cv2.circle(alpha, (width // 2 + radius // 8, height // 2), radius, 1.0, -1)
    return image, alpha


def _memory(device: torch.device) -> tuple[float, float]:
    """What is held now and the most that was held so far, 10^6 bytes."""
    if device.type == "cuda":
        return _mega(torch.cuda.memory_allocated(device)), _mega(torch.cuda.max_memory_allocated(device))
    status = Path("/proc/self/status")
    if not status.exists():
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts it in bytes
        return _mega(most), _mega(most)
    # On Linux the ru_maxrss of a process begins at the size of the one that started it.
    rows = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
    now, most = (int(rows[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return _mega(now), _mega(most)


def _mega(count: int) -> float:
    return round(count / 1e6, 1)


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(cost(json.loads(sys.argv[1]))) + "\n")
    except LivebgError as exc:
        sys.exit(str(exc))
