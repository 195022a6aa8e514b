"""What a cheap camera does to a scene: light, colour, focus, noise, compression.

A camera is drawn once a shot and keeps its light and colour; noise and compression differ from frame to frame, which is
what a network must learn not to see.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from livebg.frame import Image


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """One camera in one light.

    Attributes:
        curve: (256, 3) uint8: exposure, gamma and white balance, a table for each of RGB.
        gray: How much of the colour is lost, 0..1.
        light: (3, 3) float32 gains over the frame: a window, a lamp.
        focus: Sigma of the blur, pixels; 0 is sharp.
        coarse: The part of the resolution that is real, 0..1.
        shake: Length of the smear, pixels; below 2 none.
        direction: Of the smear, radians.
        noise: Deviation in 8-bit steps, of each pixel that is real.
        quality: Of the JPEG compression, 0 none.
    """

    curve: Image
    gray: float
    light: NDArray[np.float32] | None
    focus: float
    coarse: float
    shake: int
    noise: float
    quality: int
    direction: float = 0.0

    def shoot(self, picture: Image, rng: np.random.Generator) -> Image:
        """One frame of what is before the camera, RGB uint8 (H, W, 3) to the same."""
        height, width = picture.shape[:2]
        picture = np.asarray(cv2.LUT(picture, self.curve[None]), np.uint8)
        if self.gray > 0:
            gray = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
            picture = np.asarray(cv2.addWeighted(picture, 1 - self.gray, gray, self.gray, 0), np.uint8)
        if self.light is not None:
            gains = cv2.resize(self.light, (width, height), interpolation=cv2.INTER_CUBIC)
            picture = np.clip(picture * gains[..., None], 0, 255).astype(np.uint8)
        picture = self.blurred(picture)
        if self.coarse < 1:
            small = cv2.resize(picture, None, fx=self.coarse, fy=self.coarse, interpolation=cv2.INTER_AREA)
            picture = np.asarray(small, np.uint8)
        if self.noise > 0:
            grain = rng.standard_normal(picture.shape, np.float32) * np.float32(self.noise)
            picture = np.clip(picture + grain, 0, 255).astype(np.uint8)
        if self.coarse < 1:
            picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        if self.quality:
            _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
            picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
        return picture

    def blurred(self, plane: Image) -> Image:
        """A picture, or its alpha, as focus and smear leave it: what is blurred covers less than all of its pixels."""
        if self.focus > 0:
            plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), self.focus), np.uint8)
        if self.shake > 1:
            plane = np.asarray(cv2.filter2D(plane, -1, _smear(self.shake, self.direction)), np.uint8)
        return plane


def draw_camera(rng: np.random.Generator, height: int, poor: float = 0.0) -> Camera:
    """Draw lots for a camera: most are fair, some bad in one way, few in all.

    Args:
        rng: What draws lots.
        height: Of its pictures, pixels.
        poor: 0..1, the odds that it is bad beyond that in one or two ways: a dark room, a lens out of focus, haze,
            160x120 enlarged.
    """
    camera = Camera(
        curve=_curve(rng, 1.0),
        gray=_lot(rng, 0.2, 0, 0.6) if rng.random() < 0.96 else 1.0,
        light=np.exp(rng.normal(0, 0.2, (3, 3))).astype(np.float32) if rng.random() < 0.25 else None,
        focus=_lot(rng, 0.3, 0.3, 1.3),
        coarse=rng.uniform(0.4, 0.95) if rng.random() < 0.25 else 1.0,
        shake=int(rng.integers(2, 6)) if rng.random() < 0.06 else 0,
        noise=_lot(rng, 0.5, 0.5, 9) * float(rng.random()),
        quality=int(rng.integers(30, 95)) if rng.random() < 0.5 else 0,
    )
    if poor and rng.random() < poor:
        for way in rng.choice(len(_WAYS), int(rng.integers(1, 3)), replace=False):
            camera = _WAYS[way](rng, camera, height)
    return camera


def tint(rng: np.random.Generator, picture: Image, *, strength: float) -> Image:
    """The picture under another light: exposure, gamma, white balance; ``strength`` 1 is what cameras differ by."""
    return np.asarray(cv2.LUT(picture, _curve(rng, strength)[None]), np.uint8)


def turned_hues(rng: np.random.Generator, picture: Image) -> Image:
    """The picture with its colours turned about gray by any angle, paler or stronger; what is gray stays so.

    Source: Rodrigues' rotation about the axis R = G = B.
    """
    angle, saturation = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.8)
    mean = np.full((3, 3), 1 / 3)
    across = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = mean + saturation * (np.cos(angle) * (np.eye(3) - mean) + np.sin(angle) * across)
    return np.asarray(cv2.transform(picture, turn), np.uint8)


def _curve(rng: np.random.Generator, strength: float) -> Image:
    levels = np.linspace(0, 1, 256)[:, None]
    exposure = np.exp(rng.normal(0, 0.14 * strength))
    gamma = np.exp(rng.normal(0, 0.22 * strength))
    balance = np.exp(rng.normal(0, 0.08 * strength, 3))
    pivot, contrast = rng.uniform(0.3, 0.6), np.exp(rng.normal(0, 0.1 * strength))
    curve = (levels**gamma * exposure * balance - pivot) * contrast + pivot
    return np.asarray(np.rint(np.clip(curve, 0, 1) * 255), np.uint8)


def _lot(rng: np.random.Generator, odds: float, low: float, high: float) -> float:
    return float(rng.uniform(low, high)) if rng.random() < odds else 0.0


def _dark(rng: np.random.Generator, camera: Camera, height: int) -> Camera:
    curve = np.rint(camera.curve * rng.uniform(0.08, 0.5)).astype(np.uint8)
    return replace(camera, curve=curve, noise=max(camera.noise, rng.uniform(1, 8)))


def _hazy(rng: np.random.Generator, camera: Camera, height: int) -> Camera:
    veil = rng.uniform(0.3, 0.65)
    return replace(camera, curve=np.rint(camera.curve * (1 - veil) + 255 * veil).astype(np.uint8))


def _grainy(rng: np.random.Generator, camera: Camera, height: int) -> Camera:
    return replace(camera, noise=max(camera.noise, rng.uniform(8, 32)))


def _out_of_focus(rng: np.random.Generator, camera: Camera, height: int) -> Camera:
    return replace(camera, focus=max(camera.focus, height * _between(rng, 0.004, 0.018)))


def _shaken(rng: np.random.Generator, camera: Camera, height: int) -> Camera:
    length = max(3, camera.shake, round(height * _between(rng, 0.015, 0.08)))
    return replace(camera, shake=length, direction=rng.uniform(0, np.pi))


def _coarse(rng: np.random.Generator, camera: Camera, height: int) -> Camera:
    return replace(camera, coarse=min(camera.coarse, _between(rng, 0.15, 0.7)))


def _squeezed(rng: np.random.Generator, camera: Camera, height: int) -> Camera:
    return replace(camera, quality=int(rng.integers(6, 30)))


_WAYS = (_dark, _hazy, _grainy, _out_of_focus, _shaken, _coarse, _squeezed)


def _smear(length: int, direction: float) -> NDArray[np.float32]:
    """The kernel of a movement on a straight line."""
    side = length | 1
    kernel = np.zeros((side, side), np.uint8)
    reach = (side - 1) / 2 * np.array([np.cos(direction), np.sin(direction)])
    ends = (np.array([side // 2, side // 2]) + sign * reach for sign in (-1, 1))
    start, end = (tuple(int(each) for each in np.rint(point)) for point in ends)
    cv2.line(kernel, start, end, 255, 1, cv2.LINE_AA)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """As often in each octave."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
