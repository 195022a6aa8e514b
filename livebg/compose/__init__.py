"""The subject on its new background: what lies under it, how the two are blended, and which part is shown."""

from livebg.compose.backgrounds import Background, Moving, Plain, Transparent
from livebg.compose.blur import Blur
from livebg.compose.compositor import Compositor
from livebg.compose.foreground import Foreground
from livebg.compose.framing import Framing
from livebg.compose.spec import BackgroundSpec, parse_background, parse_colour
from livebg.scale import Fit

__all__ = [
    "Background",
    "BackgroundSpec",
    "Blur",
    "Compositor",
    "Fit",
    "Foreground",
    "Framing",
    "Moving",
    "Plain",
    "Transparent",
    "parse_background",
    "parse_colour",
]
