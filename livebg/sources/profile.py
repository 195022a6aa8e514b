"""A picture's colours as sRGB's, by its ICC profile.

Why here: all that follows takes its numbers for sRGB, the network as the encoder. Taken as they stand, a phone's
Display P3 is dull and a printer's CMYK wrong.

Why a profile is tried on some colours: there are dozens of sRGB itself, told apart by no name, and where there is
nothing to change no colour must change by a rounding.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livebg.sources.headers import may_have_profile

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageCms import ImageCmsTransform

    from livebg.frame import Image

# Steps of 8 bits by which colours may differ where a profile is one of sRGB's own: its tables are rounded.
_SAME = 2
_EVERY = 32  # step of each channel is tried
_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_GRAY = ("1", "L", "LA", "I", "I;16", "I;16B")


def in_srgb(image: Image, data: bytes) -> Image | None:
    """A picture's colours as sRGB's, by relative colorimetry with black on black.

    Args:
        image: What was decoded from it, (H, W, 3) uint8 in the numbers of its profile.
        data: Its file.

    Returns:
        The same array where it has no profile, or one of sRGB; ``None`` where the profile cannot be used: damaged, of
        another kind of picture, or of more than 179 million pixels, from which Pillow keeps away.
    """
    if not may_have_profile(data):
        return image
    from PIL import Image as Pictures
    from PIL import ImageCms, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever decoded it has told what is wrong with it
            with Pictures.open(BytesIO(data)) as picture:
                profile = picture.info.get("icc_profile", b"")
                if profile == b"":  # the mark stood in something else
                    return image
                mode, transform = _transform(profile)
                if (mode == "CMYK") != (picture.mode == "CMYK") or (mode == "L" and picture.mode not in _GRAY):
                    return None
                if transform is None:
                    return image
                if mode == "CMYK":  # OpenCV has made it RGB without knowing the inks
                    given: Picture = ImageOps.exif_transpose(picture)
                else:
                    given = Pictures.fromarray(image if mode == "RGB" else np.asarray(cv2.extractChannel(image, 0)))
                return np.array(ImageCms.applyTransform(given, transform))
    except (OSError, ValueError, ImageCms.PyCMSError, Pictures.DecompressionBombError):
        return None


@lru_cache(maxsize=4)
def _transform(profile: bytes) -> tuple[str, ImageCmsTransform | None]:
    """Which of Pillow's modes a profile takes, and its way to sRGB; ``None`` where it is that.

    Raises:
        OSError: It is damaged.
        ValueError: It is of none of these kinds.
        PyCMSError: It cannot be used so.
    """
    from PIL import Image as Pictures
    from PIL import ImageCms

    given = ImageCms.ImageCmsProfile(BytesIO(profile))
    mode = _MODES.get(given.profile.xcolor_space)
    if mode is None:
        raise ValueError(f"a profile of {given.profile.xcolor_space}")
    transform = ImageCms.buildTransform(
        given,
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if mode == "CMYK":
        return mode, transform
    steps = np.arange(0, 257, _EVERY).clip(max=255).astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps) if mode == "RGB" else [steps[None]] * 3, axis=-1)
    tried = colours.reshape(1, -1, 3)
    made = np.asarray(
        ImageCms.applyTransform(Pictures.fromarray(tried if mode == "RGB" else tried[..., 0]), transform), np.int16
    )
    return mode, None if np.abs(made - tried).max() <= _SAME else transform
