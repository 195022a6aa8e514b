"""The subject on its new background: what lies under it, and how the two are blended."""

from livebg.compose.backgrounds import Background, Moving, Plain, Transparent
from livebg.compose.blur import Blur
from livebg.compose.compositor import Compositor
from livebg.compose.fit import Fit
from livebg.compose.spec import BackgroundSpec, parse_background, parse_colour

__all__ = [
    "Background",
    "BackgroundSpec",
    "Blur",
    "Compositor",
    "Fit",
    "Moving",
    "Plain",
    "Transparent",
    "parse_background",
    "parse_colour",
]
