"""Whether this CPU has instructions that multiply and add bytes.

Why a trial and not the CPU's name or flags: what counts is what ONNX Runtime uses, each platform tells its flags in
another way, and some tell none. On an x86 CPU without such instructions ONNX Runtime adds two products in 16 bits, and
255 * 127 + 255 * 127 becomes 32767; with them (AVX-512 VNNI, AVX-VNNI, AMX, those of ARM) it is 64770.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime

# MatMulInteger of a (1, 2) uint8 and b (2, 1) int8, opset 13. Spelt out because `import onnx` takes half a second.
_PRODUCT = (
    b'\x08\x08:[\n\x18\n\x01a\n\x01b\x12\x01c"\rMatMulInteger\x12\x00'
    b"Z\x13\n\x01a\x12\x0e\n\x0c\x08\x02\x12\x08\n\x02\x08\x01\n\x02\x08\x02"
    b"Z\x13\n\x01b\x12\x0e\n\x0c\x08\x03\x12\x08\n\x02\x08\x02\n\x02\x08\x01"
    b"b\x13\n\x01c\x12\x0e\n\x0c\x08\x06\x12\x08\n\x02\x08\x01\n\x02\x08\x01B\x04\n\x00\x10\r"
)


@cache
def bytes_multiply_fast() -> bool:
    """Whether int8 networks gain here: twice as fast with such instructions, about as fast as float32 without."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # or a pool of threads would be made for one product
    session = onnxruntime.InferenceSession(_PRODUCT, options, providers=["CPUExecutionProvider"])
    [product] = session.run(None, {"a": np.full((1, 2), 255, np.uint8), "b": np.full((2, 1), 127, np.int8)})
    return int(product[0, 0]) == 2 * 255 * 127
