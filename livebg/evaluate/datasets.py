"""Sets of pictures with masks, in the folders that their authors published, or in any two folders paired by stem."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livebg.errors import SourceError, UsageError
from livebg.evaluate.samples import SUFFIXES, Finding, pair_up, pictures_by_stem

Layout = tuple[str, str]

LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "duts-te": (("DUTS-TE-Image", "DUTS-TE-Mask"),),
    "dut-omron": (
        ("DUT-OMRON-image/DUT-OMRON-image", "pixelwiseGT-new-PNG/pixelwiseGT-new-PNG"),
        ("DUT-OMRON-image", "pixelwiseGT-new-PNG"),
    ),
    "ecssd": (("images", "ground_truth_mask"), ("images", "masks")),
    "pascal-s": (("datasets/imgs/pascal", "datasets/masks/pascal"), ("imgs/pascal", "masks/pascal")),
    "hku-is": (("imgs", "gt"),),
    "hrsod": (("HRSOD_test", "HRSOD_test_mask"),),
}
"""Folders of pictures and of masks under a set's root, as its archives unpack; of nested ones the inner first."""

COMMON: tuple[Layout, ...] = (
    ("images", "masks"), ("image", "mask"), ("imgs", "masks"), ("imgs", "gt"), ("imgs", "gts"), ("images", "gt"),
    ("im", "gt"), ("Image", "Mask"), ("Image", "GT"), ("Imgs", "GT"), ("images", "alpha"), ("Imgs", "Imgs"), (".", "."),
)  # fmt: skip
"""What else is common; the last two are repacked sets with .jpg pictures and .png masks in one folder."""

SOFT = frozenset({"pascal-s"})
"""Sets whose masks have grays on purpose (shares of votes); like all, they are cut at 128."""

_PICTURES_OF_ONE_FOLDER = frozenset({".jpg", ".jpeg"})
_MASKS_OF_ONE_FOLDER = frozenset({".png"})


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture and its mask on disk."""

    name: str
    image: Path
    mask: Path

    @property
    def stamp(self) -> str:
        """Sizes and times of both files: changes when either does."""
        try:
            stats = [path.stat() for path in (self.image, self.mask)]
        except OSError:
            return "unreadable"
        return "-".join(f"{stat.st_size}.{stat.st_mtime_ns}" for stat in stats)


@dataclass(frozen=True, slots=True)
class ImageSet:
    """A set of pairs.

    Attributes:
        name: As in LAYOUTS where it is a published one.
        root: Where it lies, as the user wrote it.
        pairs: In the order of their names.
        findings: Files without a partner, stems that occur twice.
        soft: Whether its masks have grays on purpose.
    """

    name: str
    root: str
    pairs: tuple[Pair, ...]
    findings: tuple[Finding, ...] = ()
    soft: bool = False

    def sample(self, limit: int | None, seed: int = 0) -> tuple[Pair, ...]:
        """A part chosen by seed, in order; a smaller part lies within a larger one. All where there are no more."""
        if limit is None or limit >= len(self.pairs):
            return self.pairs
        chosen = np.random.default_rng(seed).permutation(len(self.pairs))[:limit]
        return tuple(self.pairs[index] for index in sorted(chosen.tolist()))


def open_image_set(spec: str) -> ImageSet:
    """Find a set's pairs; no picture is read yet.

    Args:
        spec: ``NAME=PATH`` with a name from LAYOUTS or any other, ``NAME=IMAGES,MASKS`` for two folders anywhere, or a
            path alone, whose last part becomes the name.

    Raises:
        UsageError: The form is wrong, or the folders cannot be told.
        SourceError: There is no such folder, or no pair in it.
    """
    name, equals, where = spec.partition("=")
    if not equals:
        name, where = Path(spec).resolve().name, spec
    if not name or not where:
        raise UsageError(f"--dataset {spec}: give NAME=PATH, for example ecssd=data/ecssd")
    name = name.lower()
    images, masks = _folders(name, where)
    if images == masks:
        pictures, twice = pictures_by_stem(images, _PICTURES_OF_ONE_FOLDER)
        truths, twice_too = pictures_by_stem(masks, _MASKS_OF_ONE_FOLDER)
    else:
        pictures, twice = pictures_by_stem(images)
        truths, twice_too = pictures_by_stem(masks)
    pairs, lonely = pair_up(pictures, truths)
    if not pairs:
        raise SourceError(
            f"{where}: no pair of a picture and a mask: {len(pictures)} pictures in {images}, {len(truths)} masks in "
            f"{masks}, paired by stem"
        )
    return ImageSet(name, where, tuple(Pair(*pair) for pair in pairs), (*twice, *twice_too, *lonely), soft=name in SOFT)


def _folders(name: str, where: str) -> tuple[Path, Path]:
    both = where.split(",")
    if len(both) == 2 and not Path(where).exists():
        for folder in both:
            if not Path(folder).is_dir():
                raise SourceError(f"--dataset {name}={where}: there is no folder {folder}")
        return Path(both[0]), Path(both[1])
    root = Path(where)
    if not root.is_dir():
        raise SourceError(f"--dataset {name}={where}: there is no folder {root}")
    for images, masks in (*LAYOUTS.get(name, ()), *COMMON):
        if images == masks and not _one_folder(root / images):
            continue
        if (root / images).is_dir() and (root / masks).is_dir():
            return root / images, root / masks
    expected = LAYOUTS.get(name, COMMON[:1])[-2:]
    wanted = " or ".join(f"{images} and {masks}" for images, masks in expected)
    if not any(root.iterdir()):
        raise SourceError(f"{where}: the folder is empty; a set has the folders {wanted}")
    raise UsageError(
        f"{where}: no folders {wanted} in it; give both by hand: --dataset {name}=FOLDER_OF_IMAGES,FOLDER_OF_MASKS"
    )


def _one_folder(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    suffixes = {path.suffix.lower() for path in folder.iterdir() if path.suffix.lower() in SUFFIXES}
    return bool(suffixes & _PICTURES_OF_ONE_FOLDER) and bool(suffixes & _MASKS_OF_ONE_FOLDER)
