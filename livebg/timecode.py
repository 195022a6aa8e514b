"""Timecodes: the names by which editors find a frame again, HH:MM:SS:FF.

Source: SMPTE ST 12-1:2014. At 29.97 and 59.94 frames a second a timecode may leave out the first numbers of every
minute but each tenth (drop frame, written with a semicolon), so that it keeps step with the clock.
"""

from __future__ import annotations

import re
from fractions import Fraction
from math import floor

_SHAPE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.,])(\d{1,3})")
_DROPPED = 15  # of so many frames a second one number is left out each minute
_HALF = Fraction(1, 2)


def advanced(text: str, frames: int, rate: Fraction) -> str | None:
    """The timecode of a later frame.

    Args:
        text: HH:MM:SS:FF of one; HH:MM:SS;FF drops frames.
        frames: How many later.
        rate: Frames a second.

    Returns:
        ``None`` where the text is no timecode, or none of so many frames a second.
    """
    found, count = _SHAPE.fullmatch(text.strip()), floor(rate + _HALF)
    if found is None or count < 1:
        return None
    drops, digits = found[4] != ":", len(found[5])
    hours, minutes, seconds, frame = (int(found[group]) for group in (1, 2, 3, 5))
    if (drops and count % 30) or hours > 23 or max(minutes, seconds) > 59 or frame >= count:
        return None
    left_out = count // _DROPPED if drops else 0
    minute, ten = 60 * count - left_out, 600 * count - 9 * left_out
    if not seconds and frame < left_out and minutes % 10:
        return None
    gone = 60 * hours + minutes
    number = (60 * gone + seconds) * count + frame - left_out * (gone - gone // 10)
    number = (number + frames) % (24 * 6 * ten)
    tens, rest = divmod(number, ten)
    number += left_out * (9 * tens + max(0, (rest - left_out) // minute))
    whole, frame = divmod(number, count)
    mark = ";" if drops else ":"
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{mark}{frame:0{digits}}"
