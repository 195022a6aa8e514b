"""Who is on which side: likeness joins, also in a chain, and never brings anybody who was trained on to be measured."""

from __future__ import annotations

import numpy as np
import pytest

from livebg.errors import UsageError
from livebg.train.guard import distances
from livebg.train.persons import ALIKE, are_held_back, is_held_back, names_of

CHAINS = 40


def flipped(base: np.ndarray, first: int, last: int) -> np.ndarray:
    """A fingerprint that differs from another in the bits first..last."""
    bits = np.unpackbits(base)
    bits[first:last] ^= 1
    return np.packbits(bits)


@pytest.fixture(scope="module")
def prints() -> np.ndarray:
    """Forty times three pictures: the third is like the first and the second, which are not like each other."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(CHAINS):
        first = rng.integers(0, 256, 32, np.uint8)
        found += [first, flipped(first, 0, 73), flipped(first, 0, 38)]
    assert distances(found[2], np.stack(found[:2])).tolist() == [38, 35]
    assert distances(found[0], found[1][None])[0] > ALIKE
    return np.stack(found)


def test_a_chain_of_pictures_alike_stays_together(prints):
    names = names_of("web", [f"{index:03}" for index in range(len(prints))], prints, "likeness")
    held_back = np.reshape(are_held_back(names, prints, 0.5), (CHAINS, 3))
    assert (held_back == held_back[:, :1]).all()
    assert held_back.any()
    assert not held_back.all()


def test_who_has_two_names_is_held_back_only_if_both_are(prints):
    names = [f"{index:03}" for index in range(len(prints))]
    held_back = np.reshape(are_held_back(names, prints, 0.5), (CHAINS, 3))
    by_name = np.reshape([is_held_back(name, 0.5) for name in names], (CHAINS, 3))
    assert (held_back == by_name.all(axis=1, keepdims=True)).all()
    assert not (held_back & ~by_name).any(), "somebody who was trained on would be measured"
    assert held_back.any()


def test_many_pictures_of_one_person_are_held_back_as_often_as_one():
    rng = np.random.default_rng(1)
    prints = np.repeat(rng.integers(0, 256, (60, 32), np.uint8), 8, axis=0)
    names = names_of("web", [f"{index:03}" for index in range(len(prints))], prints, "likeness")
    assert len(set(names)) == 60
    assert 0.3 < np.mean(are_held_back(names, prints, 0.5)) < 0.7


def test_a_name_joins_pictures_that_are_not_alike_and_those_that_are_like_either(prints):
    # Of two chains each, two pictures alike; one of each pair has one name.
    alike = np.concatenate([prints[at : at + 6][[0, 2, 3, 5]] for at in range(0, len(prints), 6)])
    names = [f"{name} {index}" for index in range(CHAINS // 2) for name in ("both", "first", "both", "second")]
    held_back = np.reshape(are_held_back(names, alike, 0.7), (CHAINS // 2, 4))
    assert (held_back == held_back[:, :1]).all()
    assert held_back.any()
    assert not held_back.all()


def test_a_way_to_name_people_that_is_none_is_refused(prints):
    with pytest.raises(UsageError, match="stem, prefix or likeness, not 'face'"):
        names_of("web", ["a"], prints[:1], "face")
