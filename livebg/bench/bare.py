"""The reference that ``livebg bench file`` is held against: the network alone, run N times by ONNX Runtime.

Run as a module in a process of its own: ``python -m livebg.bench.bare MODEL.onnx FRAMES``. It prints the seconds of the
loop by the clock and by the processors, without loading and without the first run.
"""

from __future__ import annotations

import sys
from time import perf_counter, process_time

import numpy as np
import onnxruntime


def bare_inference_seconds(model: str, frames: int) -> tuple[float, float]:
    """What ``frames`` inferences take on the CPU with ONNX Runtime's own defaults: wall seconds, processor seconds."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    network_input = session.get_inputs()[0]
    feed = {network_input.name: np.random.default_rng(0).standard_normal(network_input.shape, dtype=np.float32)}
    wanted = [session.get_outputs()[0].name]
    session.run(wanted, feed)
    started, worked = perf_counter(), process_time()
    for _ in range(frames):
        session.run(wanted, feed)
    return perf_counter() - started, process_time() - worked


if __name__ == "__main__":
    sys.stdout.write("{} {}\n".format(*bare_inference_seconds(sys.argv[1], int(sys.argv[2]))))
