from __future__ import annotations

import threading

from livebg.config import Config
from livebg.errors import SinkError
from livebg.frame import StreamInfo
from livebg.live.outputs import Outputs
from livebg.sinks import recording
from tests.live.stages import FakeSink


class SlowToEnd(FakeSink):
    """A recording that cannot be completed, and takes its time to keep what there is."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = threading.Event()

    def finish(self) -> None:
        raise SinkError("no space left")

    def close(self) -> None:
        if threading.current_thread() is not threading.main_thread():  # a second call returns at once, as it may
            threading.Event().wait(0.3)
            self.kept.set()


def test_what_was_given_up_at_the_end_is_closed_before_the_process_may_end(monkeypatch):
    sinks: list[SlowToEnd] = []
    monkeypatch.setattr(recording, "open_recording", lambda *_, **__: sinks.append(SlowToEnd()) or sinks[-1])
    wanted = {"live": {"virtual_camera": "none", "record": "call.mkv", "record_matte": "mattes.mkv"}}
    info = StreamInfo(name="fake", width=64, height=48, live=True)
    with Outputs(Config().override(wanted), info, lambda line: None) as outputs:
        pass
    assert outputs.incomplete == ["call.mkv", "mattes.mkv"]
    assert [sink.kept.is_set() for sink in sinks] == [True, True]
