"""HDR (PQ, HLG) as BT.709: one table over the code cube, applied by FFmpeg's tetrahedral ``lut3d``.

Why not swscale's own conversion: asked through PyAV it clips all above 203 cd/m² (the sky, a lit forehead) and does
not bend the curve before. Why a table: the arithmetic on every pixel would cost more than the segmentation.

The way of a colour, with its sources:

1. code -> light: PQ by SMPTE ST 2084; HLG by ITU-R BT.2100 with the system gamma 1.2 of a 1000 cd/m² display.
2. tone curve: the Hermite roll-off of ITU-R BT.2390 (EETF), from a peak of 1000 cd/m² to 203 cd/m², which is what
   ITU-R BT.2408 gives to diffuse white. It is applied to the largest of R, G and B, and the other two keep their
   ratio to it, so that hues hold.
3. BT.2020 -> BT.709 primaries: ITU-R BT.2087. What falls out of the gamut is mixed with gray of its own luminance
   until it fits.
4. light -> code: the inverse of ITU-R BT.1886 (gamma 2.4), as an SDR display shows it.
"""

from __future__ import annotations

import tempfile
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from av.filter import Graph

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PEAK = 1000.0  # cd/m², of the display that the picture was graded on
WHITE = 203.0  # cd/m², diffuse white, which becomes SDR's peak
_GRID = 33

# Row by row: R, G, B of BT.709 from R, G, B of BT.2020 (BT.2087, M2), and BT.2020's luminance.
_TO_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])
_LUMA_709 = np.array([0.2126, 0.7152, 0.0722])


class ToneMap:
    """Maps the frames of one stream."""

    TRANSFERS: ClassVar = {16: "PQ", 18: "HLG"}
    FORMAT: ClassVar = "gbrp12le"

    def __init__(self, transfer: int) -> None:
        """``transfer`` is one of ``TRANSFERS``: a code point of H.273."""
        self.name = self.TRANSFERS[transfer]
        self._transfer = transfer
        self._graph: Graph | None = None
        self._size = (0, 0)

    def apply(self, frame: VideoFrame) -> VideoFrame:
        """A frame of ``FORMAT`` in BT.2020 and PQ or HLG -> the same format in BT.709."""
        if self._graph is None or self._size != (frame.width, frame.height):
            self._size = frame.width, frame.height
            self._graph = self._build(frame)
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _build(self, frame: VideoFrame) -> Graph:
        with tempfile.TemporaryDirectory(prefix="livebg-") as folder:
            cube = Path(folder, f"{self.name}.cube")
            cube.write_text(_cube_file(self._transfer))
            graph = Graph()
            # The clock is of no account: times are kept beside the pictures, not by the graph.
            graph.link_nodes(
                graph.add_buffer(
                    width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25)
                ),
                graph.add("lut3d", file=str(cube), interp="tetrahedral"),
                graph.add("buffersink"),
            ).configure()  # reads the file: it may go
        return graph


def to_sdr(code: Floats, transfer: int) -> Floats:
    """R, G, B codes in [0, 1] along the last axis, BT.2020 and PQ (16) or HLG (18) -> BT.709 codes in [0, 1]."""
    light = np.clip(_pq_to_light(code) if transfer == 16 else _hlg_to_light(code), 0, PEAK)
    largest = light.max(axis=-1, keepdims=True)
    light = light * np.divide(_roll_off(largest), largest, out=np.ones_like(largest), where=largest > 0) / WHITE
    rgb = light @ _TO_709.T
    gray = np.clip(rgb @ _LUMA_709, 0, 1)[..., None]
    away = rgb - gray
    room = np.where(away < 0, gray, 1 - gray) / np.maximum(np.abs(away), 1e-9)
    rgb = gray + away * np.minimum(room.min(axis=-1, keepdims=True), 1)
    return np.asarray(np.clip(rgb, 0, 1) ** (1 / 2.4))


@cache
def _cube_file(transfer: int) -> str:
    """The table as text: red changes fastest (Adobe's Cube format, 1.0)."""
    steps = np.linspace(0, 1, _GRID)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    table = to_sdr(np.stack([red, green, blue], axis=-1), transfer).reshape(-1, 3)
    lines = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in table)
    return f"LUT_3D_SIZE {_GRID}\n{lines}\n"


def _pq_to_light(code: Floats) -> Floats:
    root = code ** (1 / _PQ_M2)
    return np.asarray(10000 * (np.maximum(root - _PQ_C1, 0) / (_PQ_C2 - _PQ_C3 * root)) ** (1 / _PQ_M1))


def _light_to_pq(light: Floats) -> Floats:
    power = (light / 10000) ** _PQ_M1
    return np.asarray(((_PQ_C1 + _PQ_C2 * power) / (1 + _PQ_C3 * power)) ** _PQ_M2)


def _hlg_to_light(code: Floats) -> Floats:
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - _HLG_C) / _HLG_A) + _HLG_B) / 12)
    luminance = (scene @ _LUMA_2020)[..., None]
    return np.asarray(PEAK * luminance**0.2 * scene)


def _roll_off(light: Floats) -> Floats:
    """BT.2390's EETF without black lift: straight below the knee, a Hermite spline from there to ``WHITE``."""
    peak = _light_to_pq(np.array(PEAK))
    target = _light_to_pq(np.array(WHITE)) / peak
    knee = 1.5 * target - 0.5
    code = _light_to_pq(light) / peak
    t = np.maximum(code - knee, 0) / (1 - knee)
    bent = (
        (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * target
    )  # fmt: skip
    return _pq_to_light(np.where(code < knee, code, bent) * peak)


_PQ_M1, _PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
_PQ_C1, _PQ_C2, _PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
