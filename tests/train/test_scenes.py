"""Scenes: nobody floats, nobody is in an empty room, and time moves everybody a little."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from livebg.errors import UsageError
from livebg.train.camera import turned_hues
from livebg.train.scenes import compose_scene, draw_motion
from livebg.train.shots import Batches, open_batches, shoot

# Means of pictures, with decoys among the rooms and without.
AS_EVER = 133.31, 127.73, 118.17, 115.85, 124.52, 127.27
AS_EVER_WITHOUT_DECOYS = 129.54, 112.39, 118.17, 118.79, 143.5, 129.45


def scenes(library, recipe, count: int, **parts: float):
    config = recipe.scenes.model_copy(update={"as_taken": 0.0, "empty": 0.0, **parts})
    return [compose_scene(np.random.default_rng(seed), library.train, config) for seed in range(count)]


def test_an_empty_room_has_no_alpha(library, recipe):
    for scene in scenes(library, recipe, 20, empty=1.0):
        picture, alpha = scene.draw((64, 48))
        assert picture.shape == (48, 64, 3)
        assert picture.std() > 0
        assert not alpha.any()


def test_a_picture_of_nothing_is_empty_too_and_no_two_are_alike(library, recipe):
    drawn = [scene.draw((64, 48)) for scene in scenes(library, recipe, 40, empty=1.0, nothing=1.0)]
    assert not any(alpha.any() for _, alpha in drawn)
    deviations = [picture.std() for picture, _ in drawn]
    assert min(deviations) < 5  # a wall
    assert max(deviations) > 50  # grain
    means = np.array([picture.mean((0, 1)) for picture, _ in drawn])
    assert np.unique(means.round(), axis=0).shape[0] > 30


def test_a_body_cut_by_its_picture_stands_on_the_frame_s_border(library, recipe):
    """All bodies of this library go on below their picture: where one is seen, its column reaches the bottom."""
    seen = 0
    for scene in scenes(library, recipe, 60):
        _, alpha = scene.draw((96, 72))
        columns = alpha[:, (alpha > 200).any(axis=0)]
        seen += columns.shape[1] > 0
        assert (columns[-1] > 100).mean() > 0.9 if columns.shape[1] else True
    assert seen > 40


def test_pictures_as_taken_keep_their_background_and_alpha_together(library, recipe):
    for scene in scenes(library, recipe, 20, as_taken=1.0):
        assert len(scene.layers) == 1
        _, alpha = scene.draw((64, 48))
        assert alpha.max() == 255


def test_two_people_are_two_layers_before_a_room(library, recipe):
    config = recipe.scenes.model_copy(update={"as_taken": 0.0, "empty": 0.0, "two_people": 1.0})
    scene = compose_scene(np.random.default_rng(0), library.train, config)
    assert [layer.alpha is None for layer in scene.layers] == [True, False, False]


def test_a_chair_is_behind_its_person_and_is_background(library, recipe):
    """The same scene without its chairs: the picture is another one, and nowhere is there more or less of a person."""
    seen = 0
    for scene in scenes(library, recipe, 20, chairs=1.0, two_people=0.0):
        assert [layer.thing for layer in scene.layers] == [False, True, False]
        picture, alpha = scene.draw((96, 72))
        without, people = replace(scene, layers=(scene.layers[0], scene.layers[2])).draw((96, 72))
        assert np.array_equal(alpha, people)
        assert np.array_equal(picture[people == 255], without[people == 255])
        seen += bool(np.any(picture != without))
    assert seen > 10


def test_a_chair_before_somebody_further_off_hides_them(library, recipe):
    hidden = 0
    for scene in scenes(library, recipe, 40, chairs=1.0, two_people=1.0):
        room, _, far, _, near = scene.layers
        _, alpha = scene.draw((96, 72))
        _, people = replace(scene, layers=(room, far, near)).draw((96, 72))
        assert (alpha <= people).all()
        hidden += bool((alpha < people).any())
    assert hidden > 1


def test_a_table_hides_what_is_below_its_far_edge_and_is_background(library, recipe):
    hidden = 0
    for scene in scenes(library, recipe, 30, tables=1.0, two_people=0.0):
        *_, table = scene.layers
        if not table.thing:
            continue
        picture, alpha = scene.draw((96, 72))
        without, people = replace(scene, layers=scene.layers[:-1]).draw((96, 72))
        assert (alpha <= people).all()
        assert np.array_equal(alpha[:40], people[:40])  # its edge is far down
        assert np.array_equal(picture[:40], without[:40])
        rows, free = (np.flatnonzero((each > 200).any(axis=1)) for each in (people, alpha))
        if rows.size:
            assert free.size > 0.55 * rows.size  # the most of the body
        hidden += bool((alpha < people).any())
    assert hidden > 10


def test_as_many_composites_have_tables_as_asked(library, recipe):
    found = [scene.layers[-1].thing for scene in scenes(library, recipe, 200, tables=0.3, two_people=0.0)]
    assert 40 < sum(found) < 80


def test_things_in_an_empty_room_are_nobody(library, recipe):
    seen = 0
    for scene in scenes(library, recipe, 20, empty=1.0, things=1.0):
        room, *things = scene.layers
        assert 1 <= len(things) <= 2
        assert all(thing.thing for thing in things)
        picture, alpha = scene.draw((96, 72))
        assert not alpha.any()
        seen += bool(np.abs(picture.astype(int) - replace(scene, layers=(room,)).draw((96, 72))[0]).mean() > 5)
    assert seen > 15


def test_things_stand_behind_people(library, recipe):
    seen = 0
    for scene in scenes(library, recipe, 20, things=1.0, two_people=0.0):
        picture, alpha = scene.draw((96, 72))
        without, people = replace(scene, layers=(scene.layers[0], scene.layers[-1])).draw((96, 72))
        assert np.array_equal(alpha, people)
        assert np.array_equal(picture[people == 255], without[people == 255])
        seen += bool(np.any(picture != without))
    assert seen > 10


def test_as_many_rooms_have_things_as_asked(library, recipe):
    found = [len(scene.layers) > 2 for scene in scenes(library, recipe, 200, things=0.3, two_people=0.0)]
    assert 40 < sum(found) < 80


def test_a_room_is_seen_from_as_near_as_asked(library, recipe):
    """How much of its room's picture a frame's height is, for frames no wider than the picture."""

    def parts(window: float) -> list[float]:
        drawn = scenes(library, recipe, 60, empty=1.0, window=window)
        return [1 / (np.hypot(*scene.layers[0].place[:, 1]) * scene.layers[0].image.shape[0]) for scene in drawn]

    assert min(parts(1.0)) > 0.6  # a wide frame shows less of a picture's height
    assert min(parts(0.3)) < 0.35 < np.median(parts(0.3)) < np.median(parts(1.0))


def test_turned_hues_change_the_colours_of_people_alone_and_leave_gray(library, recipe):
    plain, turned = (scenes(library, recipe, 30, two_people=0.0, hues=hues) for hues in (0.0, 1.0))
    apart = []
    for one, other in zip(plain, turned, strict=True):
        assert np.array_equal(one.layers[0].image, other.layers[0].image)
        assert np.array_equal(one.layers[1].alpha, other.layers[1].alpha)
        apart.append(np.abs(one.layers[1].image.astype(int) - other.layers[1].image).mean())
    assert np.median(apart) > 10
    gray = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2)
    assert np.abs(turned_hues(np.random.default_rng(0), gray).astype(int) - gray).max() <= 1


def test_turned_hues_keep_the_sum_of_the_channels():
    """A colour far from the borders of what eight bits hold is as bright as it was, and another one."""
    colour = np.array([[[140, 100, 110]]], np.uint8)
    found = [turned_hues(np.random.default_rng(seed), colour)[0, 0].astype(int) for seed in range(30)]
    assert all(abs(each.sum() - 350) <= 2 for each in found)
    assert {int(each.argmax()) for each in found} == {0, 1, 2}


def test_a_camouflaged_room_is_nearer_to_the_person_in_colour(library, recipe):
    plain = scenes(library, recipe, 20, two_people=0.0)
    alike = scenes(library, recipe, 20, two_people=0.0, camouflage=1.0)

    def apart(scene) -> float:
        room, body = scene.layers
        return float(np.abs(room.image.mean((0, 1)) - body.image[body.alpha > 200].mean(0)).mean())

    assert sum(map(apart, alike)) < 0.6 * sum(map(apart, plain))


def test_hard_people_are_shown_as_often_as_asked(library, recipe):
    chosen = library.train.subjects["upper"][2]
    hard = replace(library, train=replace(library.train, hard={"upper": [chosen]}))

    def shown(part: float) -> int:
        drawn = scenes(hard, recipe, 200, as_taken=1.0, hard=part, as_taken_odds={"upper": 1.0})
        return sum(scene.layers[0].image is chosen.image for scene in drawn)

    others = len(library.train.subjects["upper"])
    assert others > 6
    assert shown(0.0) < 2 * 200 / others
    assert 80 < shown(0.5) < 150
    assert shown(1.0) == 200


def test_where_no_network_was_asked_nobody_is_hard(library, recipe):
    """Validation and calibration compose scenes too."""
    plain, hard = (scenes(library, recipe, 20, as_taken=1.0, hard=part) for part in (0.0, 0.5))
    assert all(one.layers[0].image is other.layers[0].image for one, other in zip(plain, hard, strict=True))


def test_people_stand_where_others_were_photographed(library, recipe):
    """As often as asked; that nothing of those others is left, below."""
    places = {"upper": 1.0}
    rooms = {id(room) for room in library.train.rooms}
    plain = scenes(library, recipe, 100, two_people=0.0, elsewhere=0.0, elsewhere_odds=places)
    assert sum(id(scene.layers[0].image) in rooms for scene in plain) > 50  # the others are out of focus
    drawn = scenes(library, recipe, 200, two_people=0.0, elsewhere=0.3, elsewhere_odds=places)
    shapes = [scene.layers[0].image.shape[:2] for scene in drawn]
    assert set(shapes) == {(64, 96), (60, 48)}  # rooms, and pictures of people
    assert 40 < shapes.count((60, 48)) < 80
    others = [subject.image for subject in library.train.subjects["upper"]]
    for scene in drawn:
        behind = scene.layers[0].image
        assert [layer.alpha is None for layer in scene.layers] == [True, False]
        if behind.shape[:2] == (60, 48):
            assert min(np.abs(behind[30:, 14:34].astype(int) - other[30:, 14:34]).mean() for other in others) > 10


def test_scenes_of_recipes_without_these_are_what_they_were(library, recipe):
    """Drawn at first by the commit before places and walls came: validation must show later runs the same scenes."""
    drawn = [scene.draw((32, 24))[0].mean() for scene in scenes(library, recipe, 6, as_taken=0.3, empty=0.2)]
    assert np.allclose(drawn, AS_EVER, atol=0.5), drawn
    bare = replace(library, train=replace(library.train, decoys=[]))
    drawn = [scene.draw((32, 24))[0].mean() for scene in scenes(bare, recipe, 6, as_taken=0.3, empty=0.2)]
    assert np.allclose(drawn, AS_EVER_WITHOUT_DECOYS, atol=0.5), drawn


def test_people_stand_before_plain_walls(library, recipe):
    """As often as asked; a wall has no edges: what changes from pixel to pixel is a little grain."""
    rooms = {(64, 96)}
    drawn = scenes(library, recipe, 200, two_people=0.0, walls=0.3)
    walls = [scene.layers[0].image for scene in drawn if scene.layers[0].image.shape[:2] not in rooms]
    assert 40 < len(walls) < 80
    steps = [np.abs(np.diff(wall.astype(int), axis=1)).mean() for wall in walls]
    assert max(steps) < 12
    assert np.median(steps) < 4
    assert all([layer.alpha is None for layer in scene.layers] == [True, False] for scene in drawn)


def test_a_source_without_anybody_is_named(library, recipe):
    with pytest.raises(UsageError, match="people of uper, and there is nobody of them"):
        scenes(library, recipe, 1, elsewhere=1.0, elsewhere_odds={"uper": 1.0})
    with pytest.raises(UsageError, match="people of uper or upper, and there is nobody"):
        scenes(library, recipe, 1, composite_odds={"uper": 1.0, "upper": 0.0})


def test_the_same_seed_gives_the_same_shot_and_another_one_another(library, recipe):
    one, again, other = (shoot(np.random.default_rng(seed), library.train, recipe, 2, False) for seed in (3, 3, 4))
    for (picture, alpha), (same, as_well) in zip(one, again, strict=True):
        assert np.array_equal(picture, same)
        assert np.array_equal(alpha, as_well)
    assert not np.array_equal(one[0][0], other[0][0])


def test_a_moment_later_people_have_moved_a_little(library, recipe):
    scene = scenes(library, recipe, 1)[0]
    _, now = scene.draw((96, 72))
    _, later = scene.draw((96, 72), draw_motion(np.random.default_rng(1), len(scene.layers), scene.aspect))
    change = np.abs(now.astype(int) - later).mean()
    assert 0 < change < 40


def test_a_batch_follows_from_its_step_alone(library, recipe):
    batches, again = Batches(library.train, recipe), Batches(library.train, recipe)
    frames, sizes = set(), set()
    for step in (5, 0, 3, 1, 2):
        batch = batches[step]
        assert batch.pictures.shape == (2, *batch.alphas.shape[1:], 3)
        assert (batch.pictures == again[step].pictures).all()
        frames.add(batch.frames)
        sizes.add(tuple(batch.alphas.shape))
    assert frames == {1, 2}
    assert sizes == {(2, 48, 64), (2, 64, 48)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_workers_do_not_wait_for_opencv_s_threads_of_this_process(library, recipe):
    """Once OpenCV had threads here, as after reading pictures, a forked worker hung where it ended them."""
    cv2.setNumThreads(2)
    try:
        cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (0, 0), 5)  # they begin,
        time.sleep(0.3)  # and stop spinning: one that waits for work was waited for
        batch = next(iter(open_batches(library.train, recipe, first=3, workers=1)))
        assert (batch.pictures == Batches(library.train, recipe)[3].pictures).all()
    finally:
        cv2.setNumThreads(-1)


def test_upright_scenes_are_seen_upright_and_as_often_as_they_are_drawn(library, recipe):
    """At 64x48 for a picture of 3:4 squashed into 4:3 a face would be 1.8 times as wide as it is."""
    drawn = [scene.aspect < 1 for scene in scenes(library, recipe, 300)]
    turned = [Batches(library.train, recipe)[step].alphas.shape[1] == 64 for step in range(100)]
    plan = recipe.model_copy(update={"scenes": recipe.scenes.model_copy(update={"as_taken": 0.0, "empty": 0.0})})
    composed = [Batches(library.train, plan)[step].alphas.shape[1] == 64 for step in range(100)]
    assert abs(np.mean(composed) - np.mean(drawn)) < 0.12
    assert 0 < np.mean(turned) < 1
    for upright in (False, True):
        shots = [shoot(np.random.default_rng(seed), library.train, recipe, 1, upright) for seed in range(30)]
        assert {shot[0][1].shape for shot in shots if shot} == {(64, 48) if upright else (48, 64)}
        assert not all(shots)


def test_upright_scenes_are_seen_at_their_own_size_where_they_have_one(library, recipe):
    plan = recipe.model_copy(update={"upright": (56, 60)})
    for upright in (False, True):
        shots = [shoot(np.random.default_rng(seed), library.train, plan, 1, upright) for seed in range(30)]
        assert {shot[0][1].shape for shot in shots if shot} == {(60, 56) if upright else (48, 64)}


def test_some_sit_low_and_still_stand_on_the_frame_s_border(library, recipe):
    def tops(low):
        found = []
        for scene in scenes(library, recipe, 60, low=low, two_people=0.0):
            _, alpha = scene.draw((96, 72))
            rows = np.flatnonzero((alpha > 200).any(axis=1))
            if rows.size:
                found.append(rows[0] / 72)
                assert (alpha[-1][(alpha > 200).any(axis=0)] > 100).mean() > 0.9
        return np.array(found)

    assert tops(1.0).mean() > tops(0.0).mean() + 0.1
    assert (tops(1.0) > 0.28).all()
    assert tops(1.0).max() > 0.55
