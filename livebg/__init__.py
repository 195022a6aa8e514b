"""livebg takes the background out of moving pictures, live.

    import livebg
    livebg.process("in.mp4", "out.mp4", background="blur")

Names are looked up when they are first used, so that ``livebg --help`` does not wait for what it does not need.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from livebg.build import open_background, open_segmenter
    from livebg.compose import Compositor
    from livebg.config import Config
    from livebg.config_file import load as load_config
    from livebg.errors import LivebgError
    from livebg.frame import Frame, Matte, StreamInfo
    from livebg.job import JobReport, process
    from livebg.pipeline import Matting, RunReport, run
    from livebg.segment import Segmenter
    from livebg.segment.ahead import SegmentAhead
    from livebg.sinks import NullSink, WriteBehind, open_sink
    from livebg.sources import ReadAhead, open_source

_HOMES = {
    "Compositor": "livebg.compose",
    "Config": "livebg.config",
    "Frame": "livebg.frame",
    "JobReport": "livebg.job",
    "LivebgError": "livebg.errors",
    "Matte": "livebg.frame",
    "Matting": "livebg.pipeline",
    "NullSink": "livebg.sinks",
    "ReadAhead": "livebg.sources",
    "RunReport": "livebg.pipeline",
    "SegmentAhead": "livebg.segment.ahead",
    "Segmenter": "livebg.segment",
    "StreamInfo": "livebg.frame",
    "WriteBehind": "livebg.sinks",
    "load_config": "livebg.config_file:load",
    "open_background": "livebg.build",
    "open_segmenter": "livebg.build",
    "open_sink": "livebg.sinks",
    "open_source": "livebg.sources",
    "process": "livebg.job",
    "run": "livebg.pipeline",
}

__all__ = [
    "Compositor",
    "Config",
    "Frame",
    "JobReport",
    "LivebgError",
    "Matte",
    "Matting",
    "NullSink",
    "ReadAhead",
    "RunReport",
    "SegmentAhead",
    "Segmenter",
    "StreamInfo",
    "WriteBehind",
    "load_config",
    "open_background",
    "open_segmenter",
    "open_sink",
    "open_source",
    "process",
    "run",
]


if not TYPE_CHECKING:  # a type checker reads the imports above, and should miss what is not there

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"livebg has no {name!r}")
        module, _, original = _HOMES[name].partition(":")
        return getattr(import_module(module), original or name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
