"""One picture from its file, by OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from livebg.errors import SourceError
from livebg.sources.headers import HEIC_CURE, is_cut_off, is_heic, may_have_alpha, unread_orientation, without_talk
from livebg.sources.profile import in_srgb
from livebg.sources.white import over_white

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from livebg.frame import Image

# Whoever asks for a damaged picture hears of it in an error of ours, and not in OpenCV's words too.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def read_picture(path: Path) -> Image:
    """One picture as (H, W, 3) sRGB uint8, upright by its EXIF tag, transparency over white, 16 bits as 8.

    Raises:
        SourceError: It is missing, forbidden, damaged or HEIC.
    """
    return decode_picture(read_bytes(path), path)[0]


def read_bytes(path: Path) -> bytes:
    """A picture's file.

    Raises:
        SourceError: It is missing, forbidden or empty.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    if not data:
        raise SourceError(f"{path} is empty (0 bytes): copy it again")
    return data


def decode_picture(data: bytes, path: Path) -> tuple[Image, bool]:
    """A picture from its file's bytes.

    Args:
        data: The file.
        path: For messages.

    Returns:
        What ``read_picture`` gives; and whether its colours are sure: false where its profile cannot be used and they
        are taken as sRGB.

    Raises:
        SourceError: They are damaged, or HEIC.
    """
    if is_heic(data):
        raise SourceError(f"{path}: {HEIC_CURE}")
    damaged = SourceError(f"{path} is damaged, or not the picture its suffix says: copy it again")
    if is_cut_off(data):
        raise damaged
    coded = np.frombuffer(without_talk(data), np.uint8)
    try:
        image = cv2.imdecode(coded, cv2.IMREAD_UNCHANGED) if may_have_alpha(data) else None
        if image is not None and image.ndim == 3 and image.shape[2] == 4:
            straight = _eight_bits(_upright(image, unread_orientation(data, alpha=True)))
            colour, sure = _in_srgb(straight, cv2.COLOR_BGRA2RGB, data)
            return over_white(colour, cv2.extractChannel(straight, 3)), sure  # type: ignore[arg-type]
        image = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise SourceError(f"{path} cannot be decoded: {error.err}") from error
    if image is None:
        raise damaged
    return _in_srgb(_upright(image, unread_orientation(data, alpha=False)), cv2.COLOR_BGR2RGB, data)


def _in_srgb(image: NDArray[Any], order: int, data: bytes) -> tuple[Image, bool]:
    """Channels in our order, and by the profile where it can be used."""
    colour: Image = cv2.cvtColor(image, order)  # type: ignore[assignment]
    converted = in_srgb(colour, data)
    return (colour, False) if converted is None else (converted, True)


def _upright(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turned as an EXIF orientation says. Source: Exif 2.3, 4.6.4."""
    if orientation == 1:
        return image
    laid = image.transpose(1, 0, 2) if orientation >= 5 else image
    down, along = (-1 if orientation in flipped else 1 for flipped in ((3, 4, 7, 8), (2, 3, 6, 7)))
    return np.ascontiguousarray(laid[::down, ::along])


def _eight_bits(image: NDArray[Any]) -> NDArray[Any]:
    """Of 8 or 16 bits, or float in [0, 1]."""
    if image.dtype == np.uint8:
        return image
    peak = np.float32(np.iinfo(image.dtype).max if np.issubdtype(image.dtype, np.integer) else 1)
    return np.rint(image / peak * 255).clip(0, 255).astype(np.uint8)
