"""Folders of pictures into memory: who stands on which side of the validation split, and what is left out.

The layout is one folder a source under one root:

    NAME/images/*.jpg + NAME/masks/*.png      a picture with its mask, paired by stem
    NAME/fg/*.jpg + NAME/masks/*.png          a subject whose colours reach beyond its alpha, for other backgrounds
    backgrounds/NAME/images/*                 rooms without people
    backgrounds/*.txt                         lines «SCORE NAME/images/FILE»: rooms in which networks see people

Everything is kept decoded, because the same picture is drawn thousands of times.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

from livebg.errors import SourceError, UsageError
from livebg.train.guard import fingerprint, is_judging_picture, judged_person, refuse_judging
from livebg.train.persons import are_held_back, is_held_back, names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from livebg.frame import Image
    from livebg.train.recipe import DataConfig

_T = TypeVar("_T")

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
LONG_SIDE = 400


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A picture with its mask.

    Attributes:
        source: The folder's name.
        name: The file's stem.
        image: RGB uint8 (h, w, 3).
        alpha: uint8 (h, w).
        keyed: Its colours reach beyond its alpha and what is around it is no real background.
        box: Left, top, right, bottom of what is subject, in pixels.
        cut: Whether the body goes on beyond the left, top, right, bottom border.
    """

    source: str
    name: str
    image: Image
    alpha: Image
    keyed: bool
    box: tuple[int, int, int, int]
    cut: tuple[bool, bool, bool, bool]


@dataclass(frozen=True, slots=True)
class Shelf:
    """One side of the split.

    Attributes:
        subjects: By source.
        rooms: Without people.
        decoys: Those of them that fool networks.
        hard: Of the subjects, those that a network gets wrong, by source; none before it was asked (see ``mining``).
    """

    subjects: Mapping[str, list[Subject]]
    rooms: list[Image]
    decoys: list[Image]
    hard: Mapping[str, list[Subject]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Library:
    """All data, both sides of the split, and what was left out and why (one line each)."""

    train: Shelf
    validation: Shelf
    left_out: list[str] = field(default_factory=list)


def load_library(root: Path, config: DataConfig) -> Library:
    """Read the sources under a root.

    Args:
        root: The folder of folders.
        config: Their names, the part of the people that is kept for validation, and by source how a stem names its
            person: ``stem`` (the whole stem; sources that share it share the person), ``prefix`` (up to the last
            underscore), ``likeness`` (not at all). Pictures alike go together whatever their names, in all sources
            (see ``persons``).

    Raises:
        UsageError: A folder is missing, or evaluation data.
        SourceError: A picture has no mask or cannot be read; a picture is one of the judging pictures.
    """
    left_out: list[str] = []
    everybody: list[Subject] = []
    names: list[str] = []
    prints = np.empty((0, 32), np.uint8)
    for source in config.sources:
        refuse_judging(root / source)
        keyed = (root / source / "fg").is_dir()
        files = pictures(root / source / ("fg" if keyed else "images"))
        masks = {path.stem: path for path in pictures(root / source / "masks")}
        keep = []
        for path in files:
            who = judged_person(path)
            if who is not None:
                left_out.append(f"{source}/{path.name}: {who} is in the judging clips")
            elif path.stem not in masks:
                raise SourceError(f"{path} has no mask {source}/masks/{path.stem}.png")
            else:
                keep.append(path)

        def read(path: Path, source: str = source, keyed: bool = keyed, masks: dict[str, Path] = masks) -> Subject:
            return _subject(source, path, masks[path.stem], keyed)

        subjects = _read_all(read, keep)
        own = np.array([fingerprint(subject.image) for subject in subjects], np.uint8).reshape(-1, 32)
        names += names_of(source, [subject.name for subject in subjects], own, config.persons.get(source, "likeness"))
        prints = np.concatenate([prints, own])
        everybody += subjects
    sides: tuple[dict[str, list[Subject]], ...] = ({}, {})
    for subject, side in zip(everybody, are_held_back(names, prints, config.held_back), strict=True):
        sides[side].setdefault(subject.source, []).append(subject)
    rooms, decoys = _rooms(root, config.held_back)
    shelves = [Shelf(side, *both) for side, both in zip(sides, zip(rooms, decoys, strict=True), strict=True)]
    return Library(shelves[0], shelves[1], left_out)


def read_picture(path: Path) -> Image:
    """A picture as RGB uint8, its long side at most ``LONG_SIDE``.

    Raises:
        SourceError: It cannot be read, or it is one of the judging pictures.
    """
    image = _decoded(path, cv2.IMREAD_COLOR)
    image = np.ascontiguousarray(_shrunk(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)))
    if is_judging_picture(image):
        raise SourceError(f"{path} is a copy of a picture that models are judged by: take it out")
    return image


def _subject(source: str, picture: Path, mask: Path, keyed: bool) -> Subject:
    image = read_picture(picture)
    alpha = _decoded(mask, cv2.IMREAD_GRAYSCALE)
    height, width = image.shape[:2]
    if abs(alpha.shape[0] * width - alpha.shape[1] * height) > 2 * max(alpha.shape[0], width):
        raise SourceError(f"{mask} is {alpha.shape[1]}x{alpha.shape[0]} and {picture.name} of another shape")
    if alpha.shape != (height, width):
        alpha = np.asarray(cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    rows, columns = np.flatnonzero(alpha.max(axis=1) > 127), np.flatnonzero(alpha.max(axis=0) > 127)
    if not len(rows):
        raise SourceError(f"{mask} is empty: there is nobody in it")
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    edges = (alpha[:, :2], alpha[:2], alpha[:, -2:], alpha[-2:])
    left, top, right, bottom = (bool((edge > 127).sum() > 6) for edge in edges)
    return Subject(source, picture.stem, image, alpha, keyed, box, (left, top, right, bottom))


def _rooms(root: Path, held_back: float) -> tuple[tuple[list[Image], list[Image]], tuple[list[Image], list[Image]]]:
    """Rooms and decoys, each for training and for validation."""
    folder = root / "backgrounds"
    refuse_judging(folder)
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {folder}: training data has rooms without people in backgrounds/NAME/images"
        )
    files = [path for each in sorted(folder.iterdir()) if each.is_dir() for path in pictures(each / "images")]
    lines = [line for path in sorted(folder.glob("*.txt")) for line in path.read_text(encoding="utf-8").splitlines()]
    fooling = {line.split()[-1] for line in lines if line.strip()}
    rooms: tuple[list[Image], list[Image]] = ([], [])
    decoys: tuple[list[Image], list[Image]] = ([], [])
    for path, image in zip(files, _read_all(read_picture, files), strict=True):
        place = path.relative_to(folder).as_posix()
        # A house has several rooms, under one number.
        house = path.stem.split("_")[0] if path.stem[:1].isdigit() else path.stem
        side = is_held_back(f"room {house}", held_back)
        rooms[side].append(image)
        if place in fooling:
            decoys[side].append(image)
    return rooms, decoys


def pictures(folder: Path) -> list[Path]:
    """The pictures right in a folder, sorted by name.

    Raises:
        UsageError: There is no such folder; no pictures; one stem twice.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}: training data has NAME/images and NAME/masks")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not found:
        raise UsageError(f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))})")
    stems = defaultdict(list)
    for path in found:
        stems[path.stem].append(path.name)
    twice = next((names for names in stems.values() if len(names) > 1), None)
    if twice:
        raise UsageError(f"{folder} has one stem twice: {', '.join(twice)}")
    return found


def _read_all(read: Callable[[Path], _T], files: list[Path]) -> list[_T]:
    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(read, files))


def _decoded(path: Path, flags: int) -> Image:
    try:
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flags)
    except (OSError, cv2.error) as exc:
        raise SourceError(f"cannot read {path}: {getattr(exc, 'strerror', None) or 'not a picture'}") from exc
    if image is None:
        raise SourceError(f"cannot read {path}: not a picture")
    return np.asarray(image, np.uint8)


def _shrunk(image: Image) -> Image:
    scale = LONG_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
