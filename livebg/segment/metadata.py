"""What our weights files say of themselves besides numbers: for what pictures they were trained."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from livebg.errors import WeightsError
from livebg.limits import LARGEST, SMALLEST

SIZE = "size"
UPRIGHT, EMPTIES = STATED = "livebg.upright", "livebg.empties"
_YES = "yes"


class Stated(NamedTuple):
    """What a file states; one that is not ours states nothing.

    Attributes:
        upright: Width and height that upright pictures get, where not the input size turned.
        empties: It was trained on scenes without a subject too: what it is not sure of is none (see ``subjects``).
    """

    upright: tuple[int, int] | None = None
    empties: bool = False

    def as_metadata(self) -> dict[str, str]:
        """What ``stated`` reads."""
        upright = {} if self.upright is None else {UPRIGHT: in_words(self.upright)}
        return upright | ({EMPTIES: _YES} if self.empties else {})


def in_words(size: tuple[int, int]) -> str:
    """«448x336»."""
    return f"{size[0]}x{size[1]}"


def stated_size(path: Path, about: Mapping[str, str], key: str) -> tuple[int, int] | None:
    """Width and height that a file states under a key; ``None`` where it does not.

    Args:
        path: The file.
        about: Its metadata.
        key: ``SIZE`` or ``UPRIGHT``.

    Raises:
        WeightsError: It is no size that a network can have.
    """
    if key not in about:
        return None
    found = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", about[key])
    if found is None or not all(SMALLEST <= int(side) <= LARGEST for side in found.groups()):
        sides = f"WxH with sides of {SMALLEST} to {LARGEST}"
        raise WeightsError(f"{path} is damaged, or not of livebg: its metadata say {key} {about[key]!r}, not {sides}")
    return int(found[1]), int(found[2])


def stated(path: Path, about: Mapping[str, str]) -> Stated:
    """What a file states in its metadata.

    Raises:
        WeightsError: It is not what livebg writes.
    """
    if about.get(EMPTIES, _YES) != _YES:
        raise WeightsError(
            f"{path} is damaged, or not of livebg: its metadata say {EMPTIES} {about[EMPTIES]!r}, not {_YES}"
        )
    return Stated(stated_size(path, about, UPRIGHT), EMPTIES in about)
