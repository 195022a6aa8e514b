"""When a frame is worth refining: every reason, the bounds between them, and the budget."""

from __future__ import annotations

from fractions import Fraction

import pytest

from livebg.refine.keyframes import LEAST_TRUST, MOST_RESIDUAL, Fit, Keyframes

GOOD = Fit(0.0, 1.0)
MOVED = Fit(MOST_RESIDUAL + 0.01, 1.0)
LOST = Fit(0.0, LEAST_TRUST - 0.01)


def reasons(keyframes: Keyframes, fits: list[Fit | None], first: int = 0) -> list[str | None]:
    """What is asked for, frame by frame at 25 a second, each asked-for keyframe made."""
    given = []
    for index, fit in enumerate(fits, start=first):
        reason = keyframes.reason(Fraction(index, 25), fit)
        if reason is not None:
            keyframes.made(Fraction(index, 25), reason)
        given.append(reason)
    return given


def test_the_first_frame_is_one_and_a_fitting_one_is_left_alone():
    assert reasons(Keyframes(), [None, *[GOOD] * 30]) == ["start", *[None] * 30]


@pytest.mark.parametrize(("fit", "reason"), [(MOVED, "matte"), (LOST, "motion")])
def test_what_no_longer_fits_asks_for_one_but_not_more_often_than_allowed(fit, reason):
    given = reasons(Keyframes(closest=4), [None, *[fit] * 9])
    assert given == ["start", None, None, None, reason, None, None, None, reason, None]


def test_one_is_due_after_so_many_seconds():
    given = reasons(Keyframes(closest=1, seconds=0.19), [None, *[GOOD] * 10])
    assert given == ["start", *[None] * 4, "time", *[None] * 4, "time"]


def test_every_nth_frame_whatever_the_picture_says():
    given = reasons(Keyframes(every=3, seconds=0.01), [None, *[LOST] * 6])
    assert given == ["start", None, None, "every", None, None, "every"]


def test_a_cut_asks_at_once_and_until_one_is_made():
    keyframes = Keyframes(closest=10)
    reasons(keyframes, [None])
    keyframes.cut()
    assert keyframes.reason(Fraction(1, 25), None) == "cut"
    assert reasons(keyframes, [None, GOOD], first=2) == ["cut", None]


def test_reset_begins_anew_and_keeps_the_counts():
    keyframes = Keyframes()
    reasons(keyframes, [None, GOOD])
    keyframes.reset()
    assert reasons(keyframes, [None]) == ["start"]
    assert keyframes.reasons == {"start": 2}


def test_each_reason_is_counted():
    keyframes = Keyframes(closest=1, seconds=1)
    reasons(keyframes, [None, MOVED, LOST, LOST, GOOD])
    assert keyframes.reasons == {"start": 1, "matte": 1, "motion": 2}


def test_the_budget_makes_even_a_cut_wait():
    keyframes = Keyframes(closest=1, share=0.5)
    reasons(keyframes, [None])
    keyframes.spent(0.079)  # so none before 0.158 s
    keyframes.cut()
    assert reasons(keyframes, [None, None, None, None], first=1) == [None, None, None, "cut"]


@pytest.mark.parametrize("spent", ["before", "after"])
def test_a_clock_that_begins_again_is_not_held_up_by_the_old_one_s_budget(spent):
    keyframes = Keyframes(share=0.5)
    keyframes.made(Fraction(3600), "start")
    if spent == "before":
        keyframes.spent(2)
    keyframes.reset()
    if spent == "after":
        keyframes.spent(2)
    assert reasons(keyframes, [None]) == ["start"]


def test_without_a_budget_nothing_waits():
    keyframes = Keyframes(closest=1)
    reasons(keyframes, [None])
    keyframes.spent(100)
    assert reasons(keyframes, [LOST], first=1) == ["motion"]


@pytest.mark.parametrize(
    "wrong", [{"every": -1}, {"closest": 0}, {"seconds": 0}, {"seconds": float("nan")}, {"share": 0}, {"share": 1.5}]
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=r"closest 1 or more"):
        Keyframes(**wrong)
