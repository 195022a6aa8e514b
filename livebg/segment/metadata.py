"""What our weights files say of themselves besides numbers: the input sizes that they were trained for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from livebg.errors import WeightsError

SIZE, UPRIGHT = "size", "upright"


def in_words(size: tuple[int, int]) -> str:
    """«448x336»."""
    return f"{size[0]}x{size[1]}"


def stated_size(path: Path, about: Mapping[str, str], key: str) -> tuple[int, int] | None:
    """Width and height that a file states under a key; ``None`` where it does not.

    Args:
        path: The file.
        about: Its metadata.
        key: ``SIZE``; or ``UPRIGHT``, where upright pictures get another size than the same turned.

    Raises:
        WeightsError: It is no size.
    """
    if key not in about:
        return None
    found = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", about[key])
    if found is None:
        raise WeightsError(f"{path} is not weights of livebg: its metadata say {key} {about[key]!r}, not WxH")
    return int(found[1]), int(found[2])
