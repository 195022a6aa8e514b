"""How much memory our own frames and buffers take, the model, the decoder and the encoder not counted.

Run as a module in a process of its own: ``python -m livebg.bench.buffers CLIP MODEL``. tracemalloc sees every array
that numpy and OpenCV allocate for us and none of what FFmpeg and ONNX Runtime keep for themselves.
"""

from __future__ import annotations

import json
import sys
import tracemalloc

from livebg.build import NULL_OUTPUT, open_segmenter
from livebg.config import Config
from livebg.job import do
from livebg.plan import Job, lanes_for


def peak_buffers(clip: str, model: str) -> dict[str, object]:
    """Process a clip into nothing and say what was held at the worst moment, in 10^6 bytes."""
    config = Config().override({"segment": {"model": model}})
    job = Job(clip, NULL_OUTPUT)
    segmenter = open_segmenter(config.segment, coarse=True, lanes=lanes_for([job], config))
    tracemalloc.start()
    report = do(job, config, segmenter)
    _, peak = tracemalloc.get_traced_memory()
    return {"frames": report.frames, "peak_mb": round(peak / 1e6, 1), "torch_imported": "torch" in sys.modules}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(peak_buffers(sys.argv[1], sys.argv[2])) + "\n")
