from __future__ import annotations

import itertools
from fractions import Fraction as F
from pathlib import Path

import pytest

from livebg.sources import open_source
from livebg.sources.times import Mender
from tests.media import read_number, write_clip


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


@pytest.mark.parametrize("start", [None, F(6, 5)])
def test_avi_with_b_frames_shows_each_picture_in_its_turn(tmp_path: Path, start: F | None) -> None:
    options = {"preset": "medium", "bf": "3", "g": "10", "b_strategy": "0"}
    path = write_clip(tmp_path / "clip.avi", frames=20, rate=F(10), options=options)
    with open_source(path, start=start) as source:
        frames = list(source)
        assert source.notes == []
    first = 0 if start is None else 12
    assert [read_number(frame.image) for frame in frames] == list(range(first, 20))
    assert [frame.pts for frame in frames] == [F(index, 10) for index in range(20 - first)]
