"""Whether bytes multiply fast is found out by a product of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx import TensorProto, helper

from livebg.segment.runtimes import products


def test_the_product_is_what_onnx_would_write():
    kinds = {"a": (TensorProto.UINT8, [1, 2]), "b": (TensorProto.INT8, [2, 1]), "c": (TensorProto.INT32, [1, 1])}
    a, b, c = (helper.make_tensor_value_info(name, *kind) for name, kind in kinds.items())
    graph = helper.make_graph([helper.make_node("MatMulInteger", ["a", "b"], ["c"])], "", [a, b], [c])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    model.ClearField("producer_name")
    assert model.SerializeToString() == products._PRODUCT


def test_it_agrees_with_the_flags_that_linux_gives():
    cpu = Path("/proc/cpuinfo")
    if not cpu.exists() or "flags" not in (text := cpu.read_text()):
        pytest.skip("no flags of an x86 CPU here")
    flags = text.split("flags", 1)[1].splitlines()[0].split()
    assert products.bytes_multiply_fast() == (not {"avx512_vnni", "avx_vnni"}.isdisjoint(flags))
