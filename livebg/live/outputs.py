"""Everywhere that a live run's pictures go, at the same time and from one inference.

The virtual camera is the call. What stands beside it (recording, stream, window) has threads or processes of its own,
and when it fails it is given up with a word, and the call goes on.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from livebg.errors import LivebgError
from livebg.sinks import NullSink, open_virtual_camera
from livebg.sinks.tee import Tee
from livebg.stages import Closing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livebg.config import Config, OutputConfig
    from livebg.frame import StreamInfo
    from livebg.sinks.place import Pixels
    from livebg.stages import Sink


class Outputs(Closing):
    """The sinks of a run.

    Attributes:
        sink: Takes what is shown.
        matte_sink: Takes its matte; ``None`` where nobody wants it.
        device: What the virtual camera calls itself; ``none`` where there is none.
        description: Where to, in one line.
    """

    def __init__(self, config: Config, info: StreamInfo, tell: Callable[[str], None]) -> None:
        """Open them.

        Args:
            config: ``live`` says which, ``output`` how a recording is encoded.
            info: The camera's; frames have its size.
            tell: Told when one of them is given up.

        Raises:
            SinkError: One cannot be opened.
            UsageError: One cannot be what is asked for.
        """
        live = config.live
        width, height = info.width, info.height
        self._notes: list[str] = []
        self._recordings: dict[str, tuple[Sink, Tee]] = {}
        with ExitStack() as stack:
            camera = stack.enter_context(open_virtual_camera(live.virtual_camera, width, height, live.fps))
            self.device = str(getattr(camera, "device", live.virtual_camera))
            names = [f"virtual camera: {self.device}"]
            others: list[Sink] = []
            if live.record is not None:
                call = stack.enter_context(_recording(live.record, info, config.output, "rgb"))
                others.append(call)
                names.append(f"recording: {live.record}")
            if live.stream is not None:
                from livebg.sinks.stream import open_stream

                others.append(stack.enter_context(open_stream(live.stream, width, height, live.fps)))
                names.append("stream")
            if live.preview:
                from livebg.sinks.preview import open_preview

                others.append(stack.enter_context(open_preview(width, height)))
                names.append("preview")
            self.sink = stack.enter_context(Tee(camera, *others, tell=tell))  # waits for what it gave up
            if live.record is not None:
                self._recordings[live.record] = call, self.sink
            self.matte_sink: Tee | None = None
            if live.record_matte is not None:
                matte_info = replace(info, side=None)
                mattes = stack.enter_context(
                    _recording(live.record_matte, matte_info, config.output.for_matte(), "gray")
                )
                self.matte_sink = stack.enter_context(Tee(NullSink(), mattes, tell=tell))
                self._recordings[live.record_matte] = mattes, self.matte_sink
                names.append(f"mattes: {live.record_matte}")
            self.description = ", ".join(names)
            self._stack = stack.pop_all()

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know of the writing."""
        return [*self._notes, *(note for each in self._all() for note in each.notes)]

    @property
    def incomplete(self) -> list[str]:
        """The recordings that were given up."""
        return [path for path, (sink, tee) in self._recordings.items() if sink not in tee.others]

    def close(self) -> None:
        """Complete the recordings, and close all; what cannot be completed is in the notes."""
        with self._stack:
            for each in self._all():
                try:
                    each.finish()
                except LivebgError as error:
                    self._notes.append(str(error))

    def _all(self) -> list[Sink]:
        return [self.sink] if self.matte_sink is None else [self.sink, self.matte_sink]


def _recording(path: str, info: StreamInfo, output: OutputConfig, pixels: Pixels) -> Sink:
    from livebg.sinks.recording import open_recording  # brings FFmpeg

    return open_recording(
        path,
        info,
        pixels=pixels,
        codec=output.codec,
        crf=output.crf,
        preset=output.preset,
        overwrite=output.overwrite,
    )
