"""Pictures and masks as they lie on disk, read strictly: what is not what it should be is named, with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from livebg.errors import SourceError
from livebg.frame import Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})

_GRAY_SHARE = 0.25
_COLOUR = 24  # levels between channels that a JPEG of a gray picture may show


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a set that its user should know.

    Attributes:
        where: The file or clip, as the user can find it.
        what: What is the matter, and the cure where there is one.
        lost: Whether something could not be measured because of it (and the exit code says so).
    """

    where: str
    what: str
    lost: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class UnusableFile(SourceError):
    """A file that cannot be measured; the others of its set can."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.finding = Finding(str(path), what)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A picture and its truth.

    Attributes:
        name: Unique in its set.
        image: (H, W, 3) RGB uint8.
        truth: (H, W) uint8, 0..255; ``None`` where there is none.
        notes: What was odd about the truth and put right.
    """

    name: str
    image: Image
    truth: Image | None
    notes: tuple[Finding, ...] = ()


def read_sample(name: str, image: Path, mask: Path | None, *, soft: bool) -> Sample:
    """Read a pair.

    Args:
        name: What it is called.
        image: The picture.
        mask: Its truth.
        soft: Whether values between 0 and 255 are meant (alpha, votes).

    Raises:
        UnusableFile: One of them cannot be read, the mask is not one, or their sizes differ.
    """
    picture = read_picture(image)
    if mask is None:
        return Sample(name, picture, None)
    truth, note = read_mask(mask, soft=soft)
    if truth.shape != picture.shape[:2]:
        sizes = f"{truth.shape[1]}x{truth.shape[0]}, its picture {picture.shape[1]}x{picture.shape[0]}"
        raise UnusableFile(mask, f"the mask is {sizes}")
    return Sample(name, picture, truth, () if note is None else (Finding(str(mask), note, lost=False),))


def read_picture(path: Path) -> Image:
    """A picture as RGB, upright.

    Raises:
        UnusableFile: It is missing, damaged or no picture.
    """
    return np.ascontiguousarray(cv2.cvtColor(_decoded(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


def read_mask(path: Path, *, soft: bool) -> tuple[Image, str | None]:
    """A mask as gray 0..255, and a note where it was stored as 0/1.

    Raises:
        UnusableFile: It cannot be read, is in colour or transparent, is not 8-bit, or, where two values are expected,
            is full of grays or dark all over without being empty (labels and the like).
    """
    mask = read_gray(path)
    # In true alpha a frame may be empty but for a breath of 1/255: there 0/1 must be more than that.
    if int(mask.max()) == 1 and (not soft or float(mask.mean()) > 0.01):
        return mask * np.uint8(255), "a mask of 0 and 1 instead of 0 and 255, taken as such"
    if not soft and 1 < int(mask.max()) <= 128:
        raise UnusableFile(
            path, f"not a mask: nothing in it lies above {mask.max()}; a mask is 255 where the subject is"
        )
    grays = float(np.mean((mask > 16) & (mask < 239)))
    if not soft and grays > _GRAY_SHARE:
        raise UnusableFile(path, f"not a mask: {grays:.0%} of its pixels are neither black nor white")
    return mask, None


def read_gray(path: Path) -> Image:
    """A mask or matte as it is stored, (H, W) uint8.

    Raises:
        UnusableFile: It cannot be read, is in colour or transparent, or is not 8-bit.
    """
    stored = _decoded(path, cv2.IMREAD_UNCHANGED)
    if stored.dtype != np.uint8:
        raise UnusableFile(path, f"not a mask: {stored.dtype} values where 8 bits are expected")
    if stored.ndim == 3:
        channels = stored[..., :3]
        if stored.shape[2] == 4 and int(stored[..., 3].min()) < 255:
            raise UnusableFile(path, "not a mask: it is transparent in places; a mask is gray and opaque")
        if int((channels.max(axis=2) - channels.min(axis=2)).max()) > _COLOUR:
            raise UnusableFile(path, "not a mask: it is in colour; a mask is gray, 255 where the subject is")
        stored = channels[..., 0]
    return np.ascontiguousarray(stored, np.uint8)


def pictures_by_stem(folder: Path, suffixes: frozenset[str] = SUFFIXES) -> tuple[dict[str, Path], list[Finding]]:
    """The pictures in a folder, in the order of their names, and those whose stem another one has.

    Raises:
        SourceError: The folder cannot be read.
    """
    found: dict[str, Path] = {}
    twice: list[Finding] = []
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)
    except OSError as exc:
        raise SourceError(f"cannot read the folder {folder}: {exc.strerror}") from exc
    for path in paths:
        if path.name.startswith("."):
            continue
        if path.stem in found:
            twice.append(Finding(str(path), f"left out: {found[path.stem].name} has the same stem"))
        else:
            found[path.stem] = path
    return found, twice


def pair_up(images: dict[str, Path], masks: dict[str, Path]) -> tuple[list[tuple[str, Path, Path]], list[Finding]]:
    """Pairs by stem, and what has no partner."""
    pairs = [(stem, path, masks[stem]) for stem, path in images.items() if stem in masks]
    lonely = [Finding(str(path), "a picture without a mask") for stem, path in images.items() if stem not in masks]
    lonely += [Finding(str(path), "a mask without a picture") for stem, path in masks.items() if stem not in images]
    return pairs, lonely


def _decoded(path: Path, flags: int) -> cv2.typing.MatLike:
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError as exc:
        raise UnusableFile(path, f"cannot be read: {exc.strerror}") from exc
    try:
        decoded = cv2.imdecode(encoded, flags) if encoded.size else None
    except cv2.error as exc:  # a header that claims more than may be decoded
        raise UnusableFile(path, f"cannot be decoded: {exc.err}") from exc
    if decoded is None:
        raise UnusableFile(path, "it is damaged or not a picture")
    return decoded
