"""Scenes as a webcam frames them: who stands where, before which room.

The rule that makes composites look right: where a body is cut off by its own picture's border, that border must lie
outside the frame. Nobody floats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from livebg.errors import UsageError
from livebg.train.camera import tint, turned_hues
from livebg.train.layers import Layer, Matrix, Motion, Scene
from livebg.train.props import chair, emptied, in_colours_of, table, things

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livebg.frame import Image
    from livebg.train.folders import Shelf, Subject
    from livebg.train.recipe import SceneConfig

ASPECTS = (16 / 9, 4 / 3, 5 / 4, 1.0, 3 / 4, 9 / 16)
ASPECT_ODDS = (0.36, 0.34, 0.12, 0.04, 0.08, 0.06)
_FREE = 0.65  # of a body at a table
_LOWEST = 0.95  # where a table's far edge still shows
_GRAIN, _GRAIN_OF_WALLS = 120, 8  # greatest deviation
_WINDOW_ELSEWHERE = 0.6  # pictures of people are smaller than those of rooms, and often upright


def compose_scene(rng: np.random.Generator, shelf: Shelf, config: SceneConfig) -> Scene:
    """Draw lots for one scene: a picture as it is, people before a room, or a room with nobody."""
    lot = rng.random()
    if lot < config.empty:
        aspect = _aspect(rng)
        nothing = config.nothing and rng.random() < config.nothing
        if nothing:
            return Scene((_nothing(rng, aspect, _GRAIN),), aspect)
        fooling = shelf.decoys and rng.random() < config.decoys
        room = _room(rng, _any(rng, shelf.decoys if fooling else shelf.rooms), aspect, config.window)
        return Scene((room, *things(rng, shelf.rooms, aspect, config.things)), aspect)
    if lot < config.empty + config.as_taken:
        hard = shelf.hard and rng.random() < config.hard
        return _as_taken(rng, _subject(rng, shelf.hard if hard else shelf.subjects, config.as_taken_odds))
    return _composite(rng, shelf, config)


def draw_motion(rng: np.random.Generator, layers: int, aspect: float) -> tuple[Motion | None, ...]:
    """Small movements: the room mostly stands, people sway and bend."""
    motions: list[Motion | None] = []
    for index in range(layers):
        if index == 0 and layers > 1 and rng.random() < 0.7:
            motions.append(None)
            continue
        turn, zoom = rng.normal(0, 0.01), np.exp(rng.normal(0, 0.008))
        cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
        about = np.array([aspect / 2, 0.5])
        linear = np.array([[cos, -sin], [sin, cos]])
        shift = about - linear @ about + rng.normal(0, 0.012, 2)
        bend = rng.normal(0, 0.004, (4, 4, 2)).astype(np.float32) * np.float32(rng.random() < 0.6)
        motions.append(Motion(np.column_stack([linear, shift]), bend))
    return tuple(motions)


def _as_taken(rng: np.random.Generator, subject: Subject) -> Scene:
    """A window of the picture itself, its own background and all."""
    height, width = subject.alpha.shape
    whole = width / height
    if rng.random() < 0.45:
        aspect, zoom = whole * np.exp(rng.normal(0, 0.1)), rng.uniform(0.85, 1)
    else:
        aspect, zoom = _aspect(rng), rng.uniform(0.55, 1)
    high = zoom * min(height, width / aspect)
    wide = high * aspect
    left, top, right, bottom = subject.box
    # The window holds a point of the body, mostly of its upper half, anywhere but at its very rim.
    x = rng.uniform(left, right) - wide * rng.uniform(0.1, 0.9)
    y = top + (bottom - top) * rng.uniform(0, 0.5) - high * rng.uniform(0.1, 0.7)
    x, y = float(np.clip(x, 0, width - wide)), float(np.clip(y, 0, height - high))
    place = np.array([[1 / high, 0, -x / high], [0, 1 / high, -y / high]])
    return Scene((Layer(subject.image, subject.alpha, _turned(rng, place, aspect), True),), aspect)


def _composite(rng: np.random.Generator, shelf: Shelf, config: SceneConfig) -> Scene:
    aspect = _aspect(rng)
    two = rng.random() < config.two_people
    # Two sit side by side; one sits in the middle, more or less.
    centres = (
        (aspect * rng.uniform(0.1, 0.35), aspect * rng.uniform(0.6, 0.9))
        if two
        else (aspect * float(np.clip(rng.normal(0.5, 0.2), -0.02, 1.02)),)
    )
    lap = 0.0
    layers = [_behind(rng, shelf, aspect, config), *things(rng, shelf.rooms, aspect, config.things)]
    for centre in rng.permutation(np.array(centres)):
        subject = _subject(rng, shelf.subjects, config.composite_odds)
        image, alpha = _cut_out(subject)
        if rng.random() < 0.5:
            image = tint(rng, image, strength=0.5)
        if config.hues and rng.random() < config.hues:
            image = turned_hues(rng, image)
        body = Layer(image, alpha, _seated(rng, subject, float(centre), aspect, config.low), False)
        lap = max(lap, _lap(body, subject.box))
        if config.chairs and rng.random() < config.chairs:
            layers.append(chair(rng, body, subject.box))
        layers.append(body)
    if config.camouflage and rng.random() < config.camouflage:
        layers[0] = in_colours_of(rng, layers[0], layers[-1])
    if config.tables and lap < _LOWEST and rng.random() < config.tables:
        layers.append(table(rng, shelf.rooms, lap, aspect))
    return Scene(tuple(layers), aspect)


def _lap(body: Layer, box: tuple[int, int, int, int]) -> float:
    """How high the edge of a table before a body may lie: it leaves free the most of what the frame shows of it."""
    middle = (box[0] + box[2]) / 2
    top, bottom = (float((body.place @ np.array([middle, y, 1.0]))[1]) for y in (box[1], box[3]))
    top = max(top, 0.0)
    return top + _FREE * (min(bottom, 1.0) - top)


def _seated(rng: np.random.Generator, subject: Subject, centre: float, aspect: float, low: float) -> Matrix:
    """A place for a body: near or far, its centre about ``centre``, its cut sides outside the frame."""
    height, width = subject.alpha.shape
    left, top, right, bottom = subject.box
    cut_left, cut_top, cut_right, cut_bottom = subject.cut
    tall, wide = bottom - top, right - left
    if rng.random() < 0.5:  # mirrored, so that light and hair come from both sides
        mirror = np.array([[-1.0, 0, width], [0, 1, 0]])
        left, right, cut_left, cut_right = width - right, width - left, cut_right, cut_left
    else:
        mirror = np.array([[1.0, 0, 0], [0, 1, 0]])
    standing = tall > 1.7 * wide and not cut_bottom
    share = np.exp(rng.uniform(np.log(0.75), np.log(3.2))) if standing else rng.uniform(0.45, 1.15)
    scale = share / tall
    if cut_left and cut_right:
        scale = max(scale, aspect / width)
    if cut_top and cut_bottom:
        scale = max(scale, 1 / height)
    x = centre - scale * (left + right) / 2
    if cut_left:
        x = min(x, 0.0)
    if cut_right:
        x = max(x, aspect - scale * width)
    y = rng.uniform(-0.06, 0.4 if scale * tall < 1 else 0.15) - scale * top  # near ones fill the frame
    if low and rng.random() < low:
        y = rng.uniform(0.3, 0.65) - scale * top  # leaning back: a head, and a strip of shirt
    elif rng.random() < 0.08:
        y -= rng.uniform(0.1, 0.5)  # too near, or standing up
    if not standing and not cut_bottom:
        y = max(y, rng.uniform(0.6, 1.0) - scale * bottom)
    if cut_bottom:
        y = max(y, 1 - scale * height)
    if cut_top:
        y = min(y, 0.0)
    place = np.array([[scale, 0, x], [0, scale, y]])
    place[:, 2] += place[:, :2] @ mirror[:, 2]
    place[:, :2] = place[:, :2] @ mirror[:, :2]
    return place


def _behind(rng: np.random.Generator, shelf: Shelf, aspect: float, config: SceneConfig) -> Layer:
    """What is behind people: a room, where others were photographed without them, or a plain wall."""
    # A lot is drawn where there are decoys as it always was: the scenes of older recipes are what they were.
    if (config.elsewhere or shelf.decoys) and rng.random() < config.elsewhere:
        place = emptied(_subject(rng, shelf.subjects, config.elsewhere_odds))
        return _room(rng, place, aspect, max(config.window, _WINDOW_ELSEWHERE))
    if config.walls and rng.random() < config.walls:
        return _nothing(rng, aspect, _GRAIN_OF_WALLS)
    return _room(rng, _any(rng, shelf.rooms), aspect, config.window)


def _room(rng: np.random.Generator, image: Image, aspect: float, window: float) -> Layer:
    height, width = image.shape[:2]
    high = min(height, width / aspect) * rng.uniform(window, 1)
    wide = high * aspect
    x, y = rng.uniform(0, width - wide), rng.uniform(0, height - high)
    place = np.array([[1 / high, 0, -x / high], [0, 1 / high, -y / high]])
    if rng.random() < 0.3:  # out of focus, as rooms behind people are
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 4)), np.uint8)
    return Layer(image, None, _turned(rng, place, aspect), True)


def _nothing(rng: np.random.Generator, aspect: float, most: float) -> Layer:
    """A wall, a covered lens, a broken picture: a colour that changes over the frame, and grain of any size.

    Args:
        rng: What draws lots.
        aspect: Of the frame.
        most: Greatest deviation of the grain, in steps of 255.
    """
    height = int(rng.integers(60, 480))
    width = max(1, round(height * aspect))
    colour = rng.uniform(0, 255) + rng.uniform(-100, 100, 3) * rng.choice([0.0, 0.2, 1.0])
    shades = colour + rng.normal(0, 1, (2, 2, 3)) * rng.choice([0, 10, 60])
    wall = cv2.resize(shades.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    grain = rng.standard_normal((height, width, 1 if rng.random() < 0.5 else 3), np.float32)
    soft = rng.choice([0.0, rng.uniform(0.5, 6)])
    if soft:
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), soft), np.float32).reshape(grain.shape)
    grain *= np.float32(np.exp(rng.uniform(np.log(1), np.log(most))) / max(float(grain.std()), 1e-6))
    image = np.clip(wall + grain, 0, 255).astype(np.uint8)
    place = np.array([[1 / height, 0, 0], [0, 1 / height, 0]])
    return Layer(image, None, place, True)


def _cut_out(subject: Subject) -> tuple[Image, Image]:
    """Colours that reach beyond the edge, and an alpha that is soft there.

    A drawn mask is hard and a pixel too wide, and the old background shines at its rim: it is taken in a little and
    softened, and outside it the colours are averages of those inside (normalised convolution).
    """
    if subject.keyed:
        return subject.image, subject.alpha
    inside = np.asarray(cv2.erode(subject.alpha, np.ones((3, 3), np.uint8)), np.uint8)
    alpha = np.asarray(cv2.GaussianBlur(inside, (0, 0), 0.9), np.uint8)
    weight = (inside > 200).astype(np.float32)
    spread = cv2.blur(weight, (9, 9))
    colours = cv2.blur(subject.image * weight[..., None], (9, 9)) / np.maximum(spread, 1e-3)[..., None]
    image = np.where(weight[..., None] > 0, subject.image, colours.astype(np.uint8))
    return np.ascontiguousarray(image), alpha


def _turned(rng: np.random.Generator, place: Matrix, aspect: float) -> Matrix:
    """Mirrored half the time, and held a little askew."""
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    angle = rng.normal(0, 0.05)
    grow = 1 + abs(angle)  # so that mostly no corner shows the border
    cos, sin = grow * np.cos(angle), grow * np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([mirror, 1.0])
    about = np.array([aspect / 2, 0.5])
    turned = linear @ place
    turned[:, 2] += about - linear @ about
    return turned


def _subject(rng: np.random.Generator, people: Mapping[str, list[Subject]], odds: dict[str, float]) -> Subject:
    names = [name for name in odds if odds[name] > 0 and people.get(name)]
    if not names:
        raise UsageError(
            f"the recipe asks for people of {' or '.join(odds) or 'no source'}, and there is nobody of them"
        )
    weights = np.array([odds[name] for name in names])
    subjects = people[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
    return subjects[int(rng.integers(len(subjects)))]


def _any(rng: np.random.Generator, images: list[Image]) -> Image:
    return images[int(rng.integers(len(images)))]


def _aspect(rng: np.random.Generator) -> float:
    return ASPECTS[int(rng.choice(len(ASPECTS), p=ASPECT_ODDS))]
