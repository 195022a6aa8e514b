"""Values as people write them: sizes, times, rates; words of a command line and values of a file alike."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from livebg.limits import LARGEST, SMALLEST


def _size(value: object, least: int = 2, most: int = 16384) -> object:
    if isinstance(value, str):
        parts = value.lower().split("x")
        if not (1 <= len(parts) <= 2 and all(part.strip().isdecimal() for part in parts)):
            raise ValueError("give one number for a square (320) or WxH (256x144)")
        value = tuple(int(part) for part in parts)
    elif isinstance(value, int):
        value = (value,)
    if isinstance(value, list | tuple):
        if not all(isinstance(side, int) and least <= side <= most for side in value):
            raise ValueError(f"each side must lie within {least}..{most} pixels")
        return tuple(value) * (2 if len(value) == 1 else 1)
    return value


def _seconds(value: object) -> object:
    if isinstance(value, str):
        parts = value.split(":")
        try:
            numbers = [Fraction(part) for part in parts]
        except (ValueError, ZeroDivisionError):
            numbers = []
        if not 1 <= len(numbers) <= 3:
            raise ValueError("give seconds (12.5) or [HH:]MM:SS (01:02:03.5)")
        value = sum((number * 60**power for power, number in enumerate(reversed(numbers))), Fraction(0))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        value = Fraction(str(value))
    if isinstance(value, Fraction) and value < 0:
        raise ValueError("must not be negative")
    return value


def _rate(value: object) -> object:
    try:
        rate = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise ValueError("give frames a second (25, 29.97 or 30000/1001)") from None
    if not 0 < rate <= 1000:
        raise ValueError("must lie within 0..1000 frames a second")
    return rate


Size = Annotated[tuple[int, int], BeforeValidator(_size), WithJsonSchema({"type": "string", "metavar": "N|WxH"})]
NetworkSize = Annotated[Size, BeforeValidator(partial(_size, least=SMALLEST, most=LARGEST))]
Seconds = Annotated[Fraction, BeforeValidator(_seconds), WithJsonSchema({"type": "string", "metavar": "TIME"})]
Rate = Annotated[Fraction, BeforeValidator(_rate), WithJsonSchema({"type": "string", "metavar": "FPS"})]
