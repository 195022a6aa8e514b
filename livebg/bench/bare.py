"""The reference that ``livebg bench file`` is held against: the network alone, run N times by ONNX Runtime.

Run as a module in a process of its own: ``python -m livebg.bench.bare MODEL.onnx FRAMES``. It prints the seconds of the
loop, without loading and without the first run.
"""

from __future__ import annotations

import sys
from time import perf_counter

import numpy as np
import onnxruntime


def bare_inference_seconds(model: str, frames: int) -> float:
    """Seconds that ``frames`` inferences take on the CPU with ONNX Runtime's own defaults."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    network_input = session.get_inputs()[0]
    feed = {network_input.name: np.random.default_rng(0).standard_normal(network_input.shape, dtype=np.float32)}
    wanted = [session.get_outputs()[0].name]
    session.run(wanted, feed)
    started = perf_counter()
    for _ in range(frames):
        session.run(wanted, feed)
    return perf_counter() - started


if __name__ == "__main__":
    sys.stdout.write(f"{bare_inference_seconds(sys.argv[1], int(sys.argv[2]))}\n")
