"""What is shown where the room must not be."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from livebg.build import open_background
from livebg.compose import parse_background
from livebg.errors import SourceError
from livebg.frame import Frame, Image, Matte

if TYPE_CHECKING:
    from livebg.config import ComposeConfig, LiveConfig

_GRAY = "color:#202428"
_CAPTION_HEIGHT = 1 / 16  # of the picture's


def make_slate(live: LiveConfig, compose: ComposeConfig, width: int, height: int) -> Image:
    """The picture that stands for what must not be shown, made once: it cannot fail when it is needed.

    Args:
        live: ``slate`` and ``caption``.
        compose: The chosen background and how it fits, for ``slate = "auto"``.
        width: In pixels.
        height: In pixels.

    Returns:
        RGB (H, W, 3) uint8: the background, of a video its first picture; or a colour with the caption on it.

    Raises:
        UsageError: ``slate`` is neither auto, a colour nor a picture.
        SourceError: A slate of its own cannot be read. An unreadable background gives the gray one.
    """
    kind = parse_background(compose.background).kind
    spec = live.slate
    if spec == "auto":
        spec = compose.background if kind in ("color", "path") else _GRAY
    try:
        image = _picture(spec, compose, width, height)
    except SourceError:
        if live.slate != "auto":
            raise
        spec, image = _GRAY, _picture(_GRAY, compose, width, height)
    return _with_caption(image, live.caption) if spec.startswith("color") and live.caption else image


def _picture(spec: str, compose: ComposeConfig, width: int, height: int) -> Image:
    blank = Frame(np.zeros((height, width, 3), np.uint8), pts=Fraction(0))
    with open_background(spec, compose.fit) as background:
        under = background.under(blank, Matte(np.zeros((height, width), np.float32)))
    return blank.image if under is None else under.copy()


def _with_caption(image: Image, caption: str) -> Image:
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageFont

    height, width = image.shape[:2]
    picture = Pictures.fromarray(image)
    draw = ImageDraw.Draw(picture)
    size = max(8.0, height * _CAPTION_HEIGHT)
    font = ImageFont.load_default(size)
    long = draw.textlength(caption, font)
    if long > 0.9 * width:
        font = ImageFont.load_default(max(8.0, size * 0.9 * width / long))
    light = int(image[0, 0].astype(int).sum()) > 3 * 128
    draw.text((width / 2, height / 2), caption, fill=(40, 40, 40) if light else (230, 230, 230), font=font, anchor="mm")
    return np.ascontiguousarray(np.asarray(picture), np.uint8)
