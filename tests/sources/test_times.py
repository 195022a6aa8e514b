from __future__ import annotations

import itertools
from fractions import Fraction as F

import pytest

from livebg.sources.times import Mender


def mend(*times: F | None, step: F = F(1, 25)) -> tuple[list[F], Mender]:
    mender = Mender(step)
    return [mender.mend(time, None) for time in times], mender


def test_good_times_are_left_alone() -> None:
    times = [F(0), F(1, 90000), F(7), F(100, 3)]
    mended, mender = mend(*times)
    assert mended == times
    assert (mender.missing, mender.disordered) == (0, 0)


def test_missing_times_follow_by_a_step() -> None:
    mended, mender = mend(None, None, F(3, 25), None)
    assert mended == [0, F(1, 25), F(3, 25), F(4, 25)]
    assert mender.missing == 3


def test_a_repeated_time_does_not_push_the_next_one() -> None:
    mended, mender = mend(F(0), F(1, 25), F(1, 25), F(1, 25), F(2, 25))
    assert mended == [0, F(1, 25), F(3, 50), F(7, 100), F(2, 25)]
    assert mender.disordered == 2


@pytest.mark.parametrize("count", [3, 1000])
def test_a_clock_that_stands_still_gives_increasing_times(count: int) -> None:
    mended, mender = mend(*[F(5)] * count)
    assert all(a < b for a, b in itertools.pairwise(mended))
    assert mended[0] == 5
    assert mender.disordered == count - 1
    assert max(time.denominator for time in mended) <= 25 * 256
