"""The contract of composing, over every background; then what is exact, and what is private."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from livebg.compose import Background, Blur, Compositor, Moving, Plain, Transparent
from livebg.frame import Frame, Matte
from tests.fakes import FakeSource, gradient

BACKGROUNDS: dict[str, Callable[[], Background]] = {
    "lightest blur": lambda: Blur(0),
    "strongest blur": lambda: Blur(1),
    "plain": lambda: Plain((12, 200, 97)),
    "transparent": Transparent,
    "picture, cover": lambda: Moving(lambda: FakeSource([gradient(30, 50, 2)])),
    "picture, contain": lambda: Moving(lambda: FakeSource([gradient(30, 50, 2)]), "contain"),
    "video, stretch": lambda: Moving(lambda: FakeSource([gradient(36, 64, i) for i in range(3)]), "stretch"),
}
SIZES = [(1, 1), (1, 2), (2, 1), (1, 300), (300, 1), (3, 5), (37, 53), (128, 128), (241, 427)]


@pytest.fixture(params=BACKGROUNDS)
def background(request):
    return BACKGROUNDS[request.param]()


def noise(height: int, width: int, seed: int = 0) -> Frame:
    return Frame(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8), pts=Fraction(1, 30))


def mixed_alpha(height: int, width: int) -> np.ndarray:
    """Zeros on the left, ones on the right, every value between."""
    ramp = np.clip(np.linspace(-0.5, 1.5, max(width, 1), dtype=np.float32), 0, 1)
    return np.ascontiguousarray(np.broadcast_to(ramp, (height, width)))


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("alpha", [np.zeros, np.ones, lambda size, _: mixed_alpha(*size)], ids=["none", "all", "mixed"])
def test_any_size_and_alpha_gives_the_whole_picture(background, height, width, alpha):
    frame, matte = noise(height, width), Matte(alpha((height, width), np.float32))
    with Compositor(background) as compositor:
        result = compositor.compose(frame, matte)
        under = background.under(frame, matte)

    room, subject = matte.alpha == 0, matte.alpha == 1
    assert (result.pts, result.index) == (frame.pts, frame.index)
    assert result.image.flags.c_contiguous
    assert np.array_equal(result.image[subject][:, :3], frame.image[subject])
    if under is None:
        assert result.image.shape == (height, width, 4)
        assert not result.image[room].any()
    else:
        assert under.shape == result.image.shape == (height, width, 3)
        assert np.array_equal(result.image[room], under[room])
        exact = matte.alpha[..., None].astype(np.float64)
        exact = exact * frame.image + (1 - exact) * under
        assert np.abs(result.image - exact).max() < 0.505  # rounded to the nearest


def test_results_share_memory_with_nothing(background):
    frame = noise(24, 32)
    alphas = [np.zeros((24, 32), np.float32), np.ones((24, 32), np.float32)]
    with Compositor(background) as compositor:
        results = [compositor.compose(frame, Matte(alpha)).image for alpha in alphas for _ in range(3)]
        under = background.under(frame, Matte(alphas[0]))
    kept = [result.copy() for result in results]
    arrays = [*results, frame.image, *alphas, *([] if under is None else [under])]
    for index, result in enumerate(results):
        assert not any(np.shares_memory(result, other) for other in arrays[index + 1 :])
        assert np.array_equal(result, kept[index])


def test_the_frame_and_matte_are_left_as_they_were(background):
    frame, matte = noise(48, 64), Matte(mixed_alpha(48, 64))
    image, alpha = frame.image.copy(), matte.alpha.copy()
    frame.image.flags.writeable = matte.alpha.flags.writeable = False
    with Compositor(background) as compositor:
        compositor.compose(frame, matte)
    assert np.array_equal(frame.image, image)
    assert np.array_equal(matte.alpha, alpha)


def test_a_result_depends_on_nothing_before_it(background):
    small, large = noise(36, 64), noise(240, 320, seed=1)
    with Compositor(background) as compositor:
        first = compositor.compose(small, Matte(mixed_alpha(36, 64))).image
        compositor.compose(large, Matte(mixed_alpha(240, 320)))  # another size, and another matte
        compositor.reset()
        again = compositor.compose(small, Matte(mixed_alpha(36, 64))).image
    assert np.array_equal(first, again)


def test_memory_does_not_grow(background):
    frame, matte = noise(180, 320), Matte(mixed_alpha(180, 320))
    with Compositor(background) as compositor:
        tracemalloc.start()
        try:
            for _ in range(5):
                compositor.compose(frame, matte)
            before = tracemalloc.get_traced_memory()[0]
            for index in range(100):
                compositor.compose(Frame(frame.image, pts=Fraction(index, 30)), matte)
            after = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
    assert after - before < 100_000


def test_closing_twice_is_closing_once(background):
    compositor = Compositor(background)
    compositor.close()
    compositor.close()


def test_a_matte_that_is_a_view_is_taken_as_it_is():
    frame = noise(20, 30)
    alpha = np.repeat(mixed_alpha(20, 30), 2, axis=1)[:, ::2]
    assert not alpha.flags.c_contiguous
    for background in (Blur(), Plain((0, 0, 0)), Transparent()):
        composed = Compositor(background).compose(frame, Matte(alpha)).image
        contiguous = Compositor(background).compose(frame, Matte(np.ascontiguousarray(alpha))).image
        assert np.array_equal(composed, contiguous)


def test_transparent_carries_the_matte_and_hides_the_room():
    frame = noise(64, 256)
    alpha = mixed_alpha(64, 256).copy()
    alpha[0] = np.linspace(0, 0.01, 256)  # rounds to 0, 1, 2, 3 of 255
    matte = Matte(alpha)
    result = Compositor(Transparent()).compose(frame, matte).image
    assert np.array_equal(result[..., 3], matte.as_image())
    seen = result[..., 3] > 0
    assert seen[0].any()
    assert not seen[0].all()
    assert np.array_equal(result[seen][:, :3], frame.image[seen])
    assert not result[~seen].any()


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_clean_edges_leave_subject_and_room_as_they_are_to_the_bit(background, height, width):
    frame, matte = noise(height, width), Matte(mixed_alpha(height, width))
    with Compositor(background, decontaminate=True) as compositor:
        result = compositor.compose(frame, matte).image
        under = background.under(frame, matte)
    assert np.array_equal(result[matte.alpha == 1][:, :3], frame.image[matte.alpha == 1])
    room = matte.alpha == 0
    assert not result[room].any() if under is None else np.array_equal(result[room], under[room])
    assert not np.shares_memory(result, frame.image)


@pytest.mark.parametrize(("height", "width"), [(1, 70_000), (70_000, 1), (3, 40_000)])
def test_a_thread_of_a_picture_has_clean_edges_too(height, width):
    frame, matte = noise(height, width), Matte(np.full((height, width), 0.5, np.float32))
    with Compositor(Plain((9, 9, 9)), decontaminate=True) as compositor:
        assert compositor.compose(frame, matte).image.shape == (height, width, 3)


def test_results_with_every_option_share_memory_with_nothing(background):
    frame, matte = noise(24, 32), Matte(mixed_alpha(24, 32))
    image, alpha = frame.image.copy(), matte.alpha.copy()
    with Compositor(background, decontaminate=True, light_wrap=0.5) as compositor:
        first = compositor.compose(frame, matte).image
        kept = first.copy()
        compositor.compose(noise(24, 32, seed=1), matte)
    assert np.array_equal(first, kept)
    assert np.array_equal(frame.image, image)
    assert np.array_equal(matte.alpha, alpha)


def test_a_transparent_background_gives_no_light():
    frame, matte = noise(48, 64), Matte(mixed_alpha(48, 64))
    lit = Compositor(Transparent(), light_wrap=1.0).compose(frame, matte).image
    assert np.array_equal(lit, Compositor(Transparent()).compose(frame, matte).image)


def test_a_colour_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"within 0\.\.255"):
        Plain((0, 256, 0))
