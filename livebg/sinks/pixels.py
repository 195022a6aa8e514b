"""RGB pictures to the planes that an encoder takes, by the stream's own matrix and range.

Why not leave it to the encoder's automatic conversion: without matrix and range it takes BT.601 and shifts BT.709
luma by 1 in the mean. Two more of swscale's habits are worked around: towards full range its chroma comes out half a
step low (a tint), so full range is made from limited at 10 bits; and it rounds 8-bit alpha off by one, so alpha is
copied.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from livebg.frame import Colour

if TYPE_CHECKING:
    from livebg.frame import Image
    from livebg.sinks.place import Pixels

# H.273 matrix -> swscale's constant. What is not here (RGB, unspecified, YCgCo, constant luminance) cannot be kept.
_SWS_MATRIX = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
_LIMITED, _FULL = 1, 2
_EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


def writable_colour(colour: Colour, pixels: Pixels, pix_fmt: str) -> Colour:
    """The tags that the copy carries: the stream's own, and BT.709 where they name no matrix that we can write.

    A matte is full range: its luma is the matte itself, so that every reader gets it back exactly. With alpha and
    at 10 bits the range is limited: neither ProRes nor the decoders of VP9's alpha expect anything else.
    """
    if pixels == "gray":
        return Colour(primaries=1, transfer=1, matrix=1, full_range=True)
    full_range = pixels == "rgb" and pix_fmt == "yuv420p" and bool(colour.full_range)
    if colour.matrix not in _SWS_MATRIX:
        return Colour(primaries=1, transfer=1, matrix=1, full_range=full_range)
    # Primaries and transfer change no number here: what the stream left unsaid stays so.
    return replace(colour, full_range=full_range)


class ToPlanes:
    """Makes encoder frames of one format and size out of RGB, RGBA or gray pictures.

    Args:
        colour: As ``writable_colour`` gives it; its matrix and range are used.
        pix_fmt: yuv420p, yuva420p, yuv422p10le or yuva444p10le.
        size: Width and height that pictures are scaled to, where that is not theirs.
        coded: Width and height as encoded, equal to ``size`` or one more: the last column or row is repeated.
        faint: Alpha, 0..255, below which a pixel counts as nothing. A codec that moves alpha by a few steps would let
            it arrive as alpha 0 with the room's colour under it.
    """

    def __init__(
        self, colour: Colour, pix_fmt: str, size: tuple[int, int], coded: tuple[int, int], *, faint: int = 0
    ) -> None:
        self._colour, self._pix_fmt = colour, pix_fmt
        self._size, self._faint = size, faint
        self._width, self._height = coded
        self._range = _FULL if colour.full_range else _LIMITED
        self._reformatter = VideoReformatter()

    def __call__(self, image: Image) -> av.VideoFrame:
        """One picture, uint8 (H, W, 3), (H, W, 4) or (H, W), as a tagged frame without a time."""
        image = self._fitted(image)
        if self._faint and image.ndim == 3 and image.shape[2] == 4:
            image = np.where(image[..., 3:] < self._faint, np.uint8(0), image)
        if image.ndim == 2:
            frame = self._gray(image)
        elif self._range == _FULL:
            frame = self._full_range(image)
        else:
            frame = self._reformat(image, self._pix_fmt)
        if image.ndim == 3 and image.shape[2] == 4:
            self._put_alpha(frame, image[..., 3])
        frame.color_range, frame.colorspace = self._range, self._colour.matrix
        frame.color_trc, frame.color_primaries = self._colour.transfer, self._colour.primaries
        return frame

    def _fitted(self, image: Image) -> Image:
        if (image.shape[1], image.shape[0]) != self._size:
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
        below, right = self._height - image.shape[0], self._width - image.shape[1]
        if below or right:
            padded = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)
            image = padded.astype(np.uint8, copy=False)
        return image

    def _reformat(self, image: Image, pix_fmt: str) -> av.VideoFrame:
        source = av.VideoFrame.from_numpy_buffer(image, format="rgba" if image.shape[2] == 4 else "rgb24")
        return self._reformatter.reformat(
            source,
            format=pix_fmt,
            dst_colorspace=_SWS_MATRIX[self._colour.matrix],
            interpolation=_EXACT,
            src_color_range=_FULL,
            dst_color_range=_LIMITED,
            threads=1,
        )

    def _gray(self, image: Image) -> av.VideoFrame:
        """The picture as luma, colourless."""
        frame = av.VideoFrame(self._width, self._height, self._pix_fmt)
        _plane(frame, 0, np.uint8)[:] = image
        for index in (1, 2):
            _plane(frame, index, np.uint8)[:] = 128
        return frame

    def _full_range(self, image: Image) -> av.VideoFrame:
        """Limited range at 10 bits, stretched to 0..255."""
        deep = self._reformat(image, f"{self._pix_fmt}10le")
        frame = av.VideoFrame(self._width, self._height, self._pix_fmt)
        for index, (zero, span, middle) in enumerate(((64, 876, 0), (512, 896, 128), (512, 896, 128))):
            scale = 255 / span
            cv2.convertScaleAbs(
                _plane(deep, index, np.uint16), _plane(frame, index, np.uint8), scale, middle - zero * scale
            )
        return frame

    def _put_alpha(self, frame: av.VideoFrame, alpha: Image) -> None:
        if self._pix_fmt.endswith("10le"):
            deep = alpha.astype(np.uint16)
            _plane(frame, 3, np.uint16)[:] = deep << 2 | deep >> 6  # 255 becomes 1023; the top 8 bits stay
        else:
            _plane(frame, 3, np.uint8)[:] = alpha


_Depth = TypeVar("_Depth", np.uint8, np.uint16)


def _plane(frame: av.VideoFrame, index: int, depth: type[_Depth]) -> NDArray[_Depth]:
    """A plane's pixels in place, (H, W), without the padding that follows each line."""
    plane = frame.planes[index]
    lines: NDArray[_Depth] = np.frombuffer(memoryview(plane), depth).reshape(
        -1, plane.line_size // np.dtype(depth).itemsize
    )
    return lines[: plane.height, : plane.width]
