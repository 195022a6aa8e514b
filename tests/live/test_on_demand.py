from __future__ import annotations

import threading

import pytest

from livebg.errors import SinkError
from livebg.live import on_demand
from livebg.live.on_demand import OnDemand
from tests.live.stages import is_person, is_slate


class Crowd:
    """Readers that come and go."""

    def __init__(self) -> None:
        self.somebody = threading.Event()
        self.error: SinkError | None = None

    @property
    def present(self) -> bool:
        if self.error is not None:
            raise self.error
        return self.somebody.is_set()

    def wait(self, timeout: float) -> bool:
        if self.error is not None:
            raise self.error
        return self.somebody.wait(timeout)


@pytest.fixture
def watched(live_run, monkeypatch):
    monkeypatch.setattr(on_demand, "_GRACE_SECONDS", 0.1)
    monkeypatch.setattr(on_demand, "_LOOK_SECONDS", 0.02)
    run, crowd = live_run(), Crowd()
    crowd.somebody.set()
    run.sink.wait_for(is_person)
    with OnDemand(crowd, run.loop, run.pacer, tell=run.said.append, mention=run.said.append) as demand:
        yield run, crowd, demand


def test_the_camera_sleeps_while_nobody_looks_and_wakes_again(watched):
    run, crowd, _ = watched
    for _ in range(2):
        run.sink.wait_for(is_person)
        crowd.somebody.clear()
        run.sink.wait_for(is_slate)
        run.sink.wait_for(lambda frame: "sleeps" in (run.said or [""])[-1])
        before = run.statistics.whole()
        assert run.pacer.state == "asleep"
        for _ in range(5):
            run.sink.wait_for(is_slate)
        after = run.statistics.whole()
        assert after["captured"] <= before["captured"] + 1
        assert after["missed"] <= before["missed"] + 1  # nothing is due
        crowd.somebody.set()
        run.sink.wait_for(is_person)
    assert run.sink.leaks == 0


def test_where_nobody_can_tell_any_more_it_stays_awake(watched):
    run, crowd, _ = watched
    crowd.somebody.clear()
    run.sink.wait_for(is_slate)
    crowd.error = SinkError("the daemon is gone")
    run.sink.wait_for(is_person)
    assert any("the daemon is gone; the camera stays awake" in line for line in run.said)


def test_it_ends_asleep(watched):
    run, crowd, demand = watched
    crowd.somebody.clear()
    run.sink.wait_for(is_slate)
    demand.close()
    demand.close()
