"""What a user writes for a background, and what it means.

blur | blur:0.5        the blurred room, strength 0..1
color:teal | color:#1e1e1e
transparent
anything else          the path of a picture or a video (./blur for a file named blur)
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from livebg.errors import UsageError

RGB = tuple[int, int, int]

DEFAULT_STRENGTH = 0.5

_KEYWORDS = ("blur", "color", "transparent")


@dataclass(frozen=True, slots=True)
class BackgroundSpec:
    """A background as asked for.

    Attributes:
        kind: Which of the following counts.
        strength: Of ``blur``, 0..1.
        colour: Of ``color``.
        path: Of ``path``; whether it can be read shows when it is opened.
    """

    kind: Literal["blur", "color", "transparent", "path"]
    strength: float = DEFAULT_STRENGTH
    colour: RGB = (0, 0, 0)
    path: str = ""


def parse_background(text: str | os.PathLike[str]) -> BackgroundSpec:
    """Read a background as a user writes it.

    Args:
        text: See the module. A path object is a path, whatever its name.

    Raises:
        UsageError: A strength out of range, a colour that is none, or what looks like a misspelt keyword; no text.
    """
    if isinstance(text, os.PathLike):
        return BackgroundSpec("path", path=os.fspath(text))
    if not isinstance(text, str):
        raise UsageError(
            f"a background is blur, color:NAME, transparent, or a picture's or video's path, not {type(text).__name__}"
        )
    keyword, colon, value = text.partition(":")
    match keyword.lower(), bool(colon):
        case "blur", False:
            return BackgroundSpec("blur")
        case "blur", True:
            return BackgroundSpec("blur", strength=_parse_strength(text, value))
        case "color", True:
            return BackgroundSpec("color", colour=parse_colour(value))
        case "transparent", False:
            return BackgroundSpec("transparent")
    if not text.strip():
        raise UsageError("the background is empty: give blur, color:NAME, transparent, or a picture's or video's path")
    if not Path(text).exists():
        _refuse_misspelt(text, keyword, colon + value)
    return BackgroundSpec("path", path=text)


def parse_colour(text: str) -> RGB:
    """Red, green and blue of ``#rgb``, ``#rrggbb`` or one of the 148 names of CSS Color Module Level 4, in any case.

    Raises:
        UsageError: It is none of these; the nearest names are given.
    """
    from PIL import ImageColor

    name = text.strip().lower()
    if name in ImageColor.colormap or re.fullmatch(r"#([0-9a-f]{3}){1,2}", name):
        red, green, blue = ImageColor.getrgb(name)[:3]
        return red, green, blue
    if name.startswith("#"):
        raise UsageError(f"colour {text!r} is not #rgb or #rrggbb with digits 0-9 and a-f, like #1e1e1e")
    near = get_close_matches(name, ImageColor.colormap, n=3)
    cure = f"did you mean {' or '.join(near)}?" if near else "give a CSS colour name like teal, or #rrggbb"
    raise UsageError(f"colour {text!r} is not known: {cure}")


def _parse_strength(text: str, value: str) -> float:
    try:
        strength = float(value)
    except ValueError:
        strength = -1
    if not 0 <= strength <= 1:
        raise UsageError(f"background {text!r}: a strength is a number from 0 (light) to 1 (strong), like blur:0.5")
    return strength


def _refuse_misspelt(text: str, keyword: str, rest: str) -> None:
    """Raise where a path that does not exist was more likely meant as something else."""
    if Path(keyword).suffix or "/" in text or "\\" in text:
        return
    try:
        parse_colour(text)
    except UsageError:
        pass
    else:
        raise UsageError(f"background {text!r} is no file: for the colour write color:{text}")
    for known in get_close_matches(keyword.lower(), _KEYWORDS, n=1, cutoff=0.75):
        meant = {"blur": "blur" + rest, "color": "color" + (rest or ":teal"), "transparent": "transparent"}[known]
        raise UsageError(f"background {text!r} is no file and no keyword: did you mean {meant}?")
