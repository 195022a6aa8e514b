"""Which parts of a score are subjects, and which gaps are none."""

from __future__ import annotations

import cv2
import numpy as np
import onnx
import pytest

from livebg.errors import UsageError
from livebg.scale import scaled_alpha
from livebg.segment import Segmenter
from livebg.segment.alpha import matte
from livebg.segment.segmenter import find_model
from livebg.segment.subjects import doubt_closed, subject_gain

SIZES = [(320, 320), (192, 256), (144, 192), (96, 96)]


def blob(shape: tuple[int, int], at: tuple[float, float], radius: float, peak: float = 1) -> np.ndarray:
    """A disc with a soft edge; place and radius in shares of the picture's width."""
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    side = shape[1]
    distance = np.hypot(columns - at[0] * side, rows - at[1] * side)
    return np.clip((radius * side - distance) / 3 + 0.5, 0, 1).astype(np.float32) * np.float32(peak)


@pytest.mark.parametrize("shape", SIZES)
def test_a_sure_subject_is_left_as_the_curve_made_it(shape):
    score = blob(shape, (0.5, 0.4), 0.2)
    assert subject_gain(score) is None
    alpha = matte(score)
    assert (alpha[score == 1] == 1).all()
    assert (alpha[score == 0] == 0).all()


@pytest.mark.parametrize("shape", SIZES)
def test_a_weak_part_is_kept_only_with_a_sure_one(shape):
    weak = blob(shape, (0.7, 0.35), 0.1, peak=0.45)
    assert matte(weak).max() == 0
    joined = np.maximum(weak, blob(shape, (0.5, 0.35), 0.15))
    away = np.maximum(weak, blob(shape, (0.3, 0.35), 0.15))
    only_weak = weak > 0.4
    assert matte(joined)[only_weak].min() > 0.3
    assert matte(away)[only_weak].max() == 0


@pytest.mark.parametrize("shape", SIZES)
def test_a_speck_fades_and_does_not_blink(shape):
    person = blob(shape, (0.3, 0.35), 0.2)
    seen = []
    for radius in np.linspace(0.002, 0.05, 97):
        speck = blob(shape, (0.8, 0.35), float(radius))
        seen.append(matte(np.maximum(person, speck))[speck > 0].max())
    assert seen[0] == 0
    assert seen[-1] == 1
    grown = [s for s in seen if 0 < s < 1]
    assert len(grown) >= 5  # it passes through grays


@pytest.mark.parametrize("shape", SIZES)
def test_a_gap_of_doubt_is_closed_and_one_that_shows_the_room_is_not(shape):
    person = blob(shape, (0.5, 0.38), 0.3)
    doubt = np.minimum(person, 1 - blob(shape, (0.5, 0.38), 0.06, peak=0.5))
    assert matte(doubt)[person == 1].min() == 1
    room = np.minimum(person, 1 - blob(shape, (0.5, 0.38), 0.06))
    assert matte(room)[int(0.38 * shape[1]), shape[1] // 2] == 0
    assert doubt_closed(room) is None or doubt_closed(room).max() < 1e-6


def test_a_large_gap_of_doubt_stays_as_it_is():
    shape = (200, 200)
    person = blob(shape, (0.5, 0.5), 0.4)
    doubt = np.minimum(person, 1 - blob(shape, (0.5, 0.5), 0.25, peak=0.5))
    assert doubt_closed(doubt) is None


def test_doubt_that_is_open_to_the_border_is_no_gap():
    score = np.ones((96, 96), np.float32)
    score[40:, 40:56] = 0.5
    assert doubt_closed(score) is None


@pytest.mark.parametrize(("subjects", "kept"), [("all", 3), ("largest", 1), (1, 1), (2, 2), (3, 3), (9, 3)])
@pytest.mark.parametrize("shape", SIZES)
def test_the_largest_subjects_are_kept(subjects, kept, shape):
    people = [blob(shape, (x, 0.3), radius) for x, radius in ((0.15, 0.1), (0.45, 0.15), (0.82, 0.06))]
    alpha = matte(np.maximum.reduce(people), subjects)
    seen = [alpha[each == 1].min() for each in (people[1], people[0], people[2])]
    assert seen == [1] * kept + [0] * (3 - kept)


def test_twins_do_not_take_turns():
    shape = (192, 256)
    left = blob(shape, (0.25, 0.35), 0.15)
    for radius in (0.149, 0.151):
        right = blob(shape, (0.75, 0.35), radius)
        alpha = matte(np.maximum(left, right), "largest")
        assert alpha[left == 1].min() > 0.9
        assert alpha[right == 1].min() > 0.9


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (2, 3), (129, 257)])
@pytest.mark.parametrize("level", [0, 0.5, 1])
def test_flat_scores_of_any_size(shape, level):
    alpha = matte(np.full(shape, level, np.float32))
    assert alpha.shape == shape
    assert (alpha == (1 if level == 1 else 0)).all()


def test_noise_has_no_subject_and_stays_in_range():
    score = np.random.default_rng(0).random((320, 320), dtype=np.float32)
    for subjects in ("all", "largest", 2):
        alpha = matte(score, subjects)
        assert 0 <= alpha.min() <= alpha.max() <= 1
    assert matte(score * np.float32(0.5)).max() == 0


@pytest.mark.parametrize("model", ["people", "people-nano", "u2netp"])
def test_an_empty_scene_stays_empty(model):
    segmenter = Segmenter(model, device="cpu")
    rng = np.random.default_rng(0)
    wall = np.clip(np.linspace(150, 190, 640)[None, :, None] + rng.normal(0, 2, (360, 640, 3)), 0, 255)
    scenes = {
        "black": np.zeros((360, 640, 3)),
        "gray": np.full((360, 640, 3), 128),
        "noise": np.repeat(rng.integers(0, 256, (360, 640, 1)), 3, axis=2),
        "faint noise": np.clip(rng.normal(128, 10, (360, 640, 1)), 0, 255).repeat(3, axis=2),
        "wall": wall,
    }
    for name, scene in scenes.items():
        assert segmenter.segment(scene.astype(np.uint8)).alpha.max() < 0.02, name


@pytest.mark.parametrize("subjects", ["most", 0, -1, 1.5, True])
def test_subjects_that_are_none_are_refused(subjects):
    with pytest.raises(UsageError, match="subjects must be all, largest or a number from 1, got"):
        Segmenter("people", subjects=subjects)


def test_a_coarse_matte_is_of_the_network_s_size_and_the_same():
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8), (0, 0), 5)
    fine, coarse = (Segmenter("people-nano", device="cpu", coarse=each, alpha="raw") for each in (False, True))
    alpha = coarse.segment(picture).alpha
    assert alpha.shape == coarse.size[::-1] == (144, 192)
    assert (scaled_alpha(alpha, 160, 90) == fine.segment(picture).alpha).all()
    assert [each.alpha.shape for each in coarse.segment_batch([picture, picture[:50].copy()])] == [(144, 192)] * 2


@pytest.mark.parametrize("shape", SIZES)
def test_what_a_network_that_knows_empty_rooms_is_not_sure_of_is_nobody(shape):
    doubtful = blob(shape, (0.5, 0.35), 0.2, peak=0.92)
    assert matte(doubtful).max() == 1
    assert matte(doubtful, sure=True).max() == 0
    certain = blob(shape, (0.5, 0.35), 0.2)
    assert subject_gain(certain, sure=True) is None
    assert np.array_equal(matte(certain, sure=True), matte(certain))


@pytest.mark.parametrize("shape", SIZES)
def test_a_doubtful_part_stays_with_a_sure_one_that_it_hangs_together_with(shape):
    doubtful = blob(shape, (0.65, 0.35), 0.15, peak=0.9)
    only_doubtful = doubtful > 0.8
    joined = np.maximum(doubtful, blob(shape, (0.45, 0.35), 0.15))
    away = np.maximum(doubtful, blob(shape, (0.2, 0.35), 0.15))
    assert np.array_equal(matte(joined, sure=True), matte(joined))
    assert matte(away, sure=True)[only_doubtful].max() == 0
    assert np.array_equal(
        matte(away, sure=True)[~only_doubtful & (doubtful == 0)], matte(away)[~only_doubtful & (doubtful == 0)]
    )


@pytest.mark.parametrize("shape", SIZES)
def test_a_part_that_becomes_sure_rises_and_does_not_blink(shape):
    levels = np.linspace(0.9, 1, 201)
    seen = [matte(blob(shape, (0.5, 0.35), 0.2, peak=float(peak)), sure=True).max() for peak in levels]
    assert seen[0] == 0
    assert seen[-1] == 1
    assert (np.diff(seen) >= 0).all()
    assert len([each for each in seen if 0 < each < 1]) >= 5


def test_a_picture_that_is_all_subject_stays():
    whole = np.ones((144, 192), np.float32)
    assert subject_gain(whole, sure=True) is None
    assert (matte(np.full((144, 192), 0.6, np.float32), sure=True) == 0).all()


@pytest.mark.parametrize("shape", SIZES)
def test_haze_around_somebody_takes_nobody_away(shape):
    """What lies just above the least score that counts is next to no alpha, and no doubt either."""
    person = blob(shape, (0.5, 0.35), 0.2, peak=0.999)
    for haze in np.linspace(0.05, 0.4, 15):
        assert matte(np.maximum(person, np.float32(haze)), sure=True)[person > 0.9].min() == 1


@pytest.mark.parametrize("shape", SIZES)
def test_of_the_largest_those_are_counted_that_are_sure(shape):
    rack = blob(shape, (0.3, 0.35), 0.2, peak=0.92)
    person = blob(shape, (0.8, 0.35), 0.1)
    for subjects in ("largest", 1, 2, "all"):
        alpha = matte(np.maximum(rack, person), subjects, sure=True)
        assert alpha[person == 1].min() == 1
        assert alpha[rack > 0.5].max() == 0
    assert matte(np.maximum(rack, person), "largest")[person == 1].max() == 0


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("hole", [0.006, 0.012, 0.02, 0.03])
def test_a_gap_in_what_fades_fades_with_it(shape, hole):
    ring = blob(shape, (0.5, 0.35), 0.2, peak=0.92)
    gap = blob(shape, (0.5, 0.35), hole)
    score = np.maximum(ring * (1 - gap), np.float32(0.02))
    assert matte(score, sure=True).max() == 0
    assert matte(score).max() == 1


@pytest.mark.parametrize(("options", "alpha"), [({}, 0), ({"doubtful": "keep"}, 1), ({"normalise": "minmax"}, 1)])
def test_what_is_doubtful_may_be_kept(options, alpha, monkeypatch):
    segmenter = Segmenter("people-nano", runtime="onnx", device="cpu", precision="full", coarse=True, **options)
    doubtful = blob((144, 192), (0.5, 0.35), 0.2, peak=0.92)
    monkeypatch.setattr(segmenter._runtime, "scores", lambda pictures: doubtful[None])
    assert segmenter.segment(np.zeros((144, 192, 3), np.uint8)).alpha.max() == alpha
    with pytest.raises(UsageError, match="there is no doubtful 'maybe': choose drop or keep"):
        Segmenter("people-nano", doubtful="maybe")


@pytest.mark.parametrize("model", ["people-nano", "plain"])
def test_weights_say_whether_what_they_doubt_is_nobody(model, tmp_path, monkeypatch):
    path = find_model("people-nano")
    if model == "plain":
        content = onnx.load(path)
        del content.metadata_props[:]
        path = tmp_path / "plain.onnx"
        onnx.save(content, path)
    segmenter = Segmenter(path, runtime="onnx", device="cpu", precision="full", coarse=True)
    doubtful = blob((144, 192), (0.5, 0.35), 0.2, peak=0.92)
    monkeypatch.setattr(segmenter._runtime, "scores", lambda pictures: doubtful[None])
    alpha = segmenter.segment(np.zeros((144, 192, 3), np.uint8)).alpha
    assert alpha.max() == (0 if model == "people-nano" else 1)
