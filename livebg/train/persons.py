"""Who is in which picture, and who is held back for validation.

A source says how its stems name people. What it does not say, pictures tell: whose pictures are alike is one person,
also through a third picture that is like both, also in two sources. One person under several names is held back only if
each of the names is. So uniting names takes people from validation to training and never the other way: weights that
were trained on a split by names alone are not measured on anybody they have seen.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from livebg.errors import UsageError
from livebg.train.guard import distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ALIKE = 40  # bits of 256: pictures as alike as this are of one person in one place


def names_of(source: str, stems: Sequence[str], prints: NDArray[np.uint8], how: str) -> list[str]:
    """A name for whom each picture of a source shows.

    Args:
        source: The source's name.
        stems: Of its pictures.
        prints: Their fingerprints, (N, 32).
        how: ``stem``, ``prefix`` or ``likeness``: see ``load_library``.

    Raises:
        UsageError: ``how`` is none of them.
    """
    if how == "stem":
        return list(stems)
    if how == "prefix":
        return [stem.rpartition("_")[0] for stem in stems]
    if how != "likeness":
        raise UsageError(f"a recipe's persons are stem, prefix or likeness, not {how!r}")
    # Each picture takes the name of the one before that it is most like: many pictures of one person share one name,
    # and the part of the people held back does not fall with the number of their pictures.
    first = list(range(len(stems)))
    for index in range(1, len(stems)):
        near = distances(prints[index], prints[:index])
        if near.min() <= ALIKE:
            first[index] = first[int(near.argmin())]
    return [f"{source} {stems[index]}" for index in first]


def are_held_back(names: Sequence[str], prints: NDArray[np.uint8], part: float) -> list[bool]:
    """Whether each picture is kept for validation.

    Args:
        names: Whom each shows, as far as its source tells.
        prints: Their fingerprints, (N, 32).
        part: The part of the names that is held back, 0..1.
    """
    persons = _united(names, prints)
    return [all(is_held_back(each, part) for each in persons[name]) for name in names]


def is_held_back(name: str, part: float) -> bool:
    """The same answer on every machine and in every run, whatever else is in the folders."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:4], "big") < part * 2**32


def _united(names: Sequence[str], prints: NDArray[np.uint8]) -> dict[str, set[str]]:
    """For each name, all names of that person."""
    persons = {name: {name} for name in names}
    for index in range(1, len(names)):
        for other in np.flatnonzero(distances(prints[index], prints[:index]) <= ALIKE).tolist():
            one, same = persons[names[index]], persons[names[other]]
            if one is not same:
                one |= same
                persons.update(dict.fromkeys(same, one))
    return persons
