"""``livebg live`` and ``livebg ctl`` as a user calls them, and how they end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import cv2
import numpy as np
import pytest

from livebg.cli.live import StatusLine
from livebg.errors import SinkError
from livebg.live.session import Session
from livebg.sinks import recording
from tests.cli.conftest import Result
from tests.live.stages import FakeSink

SMALL = (
    "--model",
    "people-nano",
    "--size",
    "64",
    "--capture-size",
    "160x96",
    "--virtual-camera",
    "none",
    "--stale",
    "30",
)


class Live:
    """The command in a process of its own."""

    def __init__(self, clip: Path, folder: Path, *options: str) -> None:
        self.socket, self.stats = folder / "s", folder / "stats.jsonl"
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "livebg", "live", "--camera", str(clip), *SMALL),
                *("--control", str(self.socket), "--stats", str(self.stats), *options),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, text: str) -> None:
        said = []
        for line in self.process.stderr:
            said.append(line)
            if text in line:
                return
        raise AssertionError(f"it ended without saying {text!r}: {''.join(said)}")

    def end(self, seconds: float = 20) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, err


@pytest.fixture
def live(demo_clip, tmp_path):
    started = []

    def start(*options: str) -> Live:
        started.append(Live(demo_clip, tmp_path, *options))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.communicate()


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_of_some_seconds_says_what_it_did(live):
    code, out, err = live("--duration", "3").end(100)
    assert code == 0, err
    assert "fresh frames" in out
    assert "people-nano 64x64" in err
    assert "virtual camera: none" in err


@pytest.mark.usefixtures("heeded_hangup")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_good_order(live, number):
    run = live()
    run.wait_for("shown;")  # a status line
    begun = monotonic()
    run.process.send_signal(number)
    # Two seconds are promised; a busy machine is given more, a hang is not.
    code, _, err = run.end(20)
    assert code == 130, err
    assert "livebg: interrupted" in err
    assert "Traceback" not in err
    assert not run.socket.exists()
    assert lines(run.stats)[-1]["final"] is True
    assert monotonic() - begun < 20


def test_after_a_sleep_of_the_machine_it_goes_on(live):
    run = live()
    run.wait_for("shown;")
    run.process.send_signal(signal.SIGSTOP)  # to a process the two look alike: no time passes, and then it is late
    sleep(3)
    before = lines(run.stats)[-1]
    run.process.send_signal(signal.SIGCONT)
    run.wait_for("shown;")
    run.wait_for("shown;")
    after = lines(run.stats)[-1]
    assert after["fresh"] > before["fresh"]
    assert after["errors"] == before["errors"]
    run.process.send_signal(signal.SIGTERM)
    assert run.end(20)[0] == 130


@pytest.mark.parametrize("number", [None, signal.SIGTERM])
def test_a_network_that_is_still_at_work_does_not_spoil_the_end(live, number):
    run = live("--size", "1024", "--duration", "3" if number is None else "100")
    if number is not None:
        run.wait_for("shown;")  # a status line: the first comes after a second, and it is always at work
        run.process.send_signal(number)
    code, _, err = run.end(100)
    assert code == (0 if number is None else 130), err
    assert "terminate" not in err


def test_standard_input_and_ctl_change_it(live, livebg_command, tmp_path, monkeypatch):
    run = live()
    run.wait_for("shown;")
    run.process.stdin.write("background color:navy\n")
    run.process.stdin.flush()
    run.wait_for("compose.background = color:navy")

    def ctl(*words: str) -> Result:
        return livebg_command("ctl", "--socket", run.socket, *words)

    assert ctl("blur", "0.7").code == 0
    status = json.loads(ctl("status").out)
    assert status["background"] == "blur:0.7"
    assert status["state"] in ("shown", "slate")
    cv2.imwrite(str(tmp_path / "my room.png"), np.zeros((9, 16, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    assert ctl("background", "my", "room.png").code == 0
    assert json.loads(ctl("status").out)["background"] == str(tmp_path / "my room.png")
    assert ctl("crop", "32x24+0+0").code == ctl("crop", "off").code == 0
    refused = ctl("model", "peopel")
    assert refused.code == 3
    assert "did you mean people" in refused.err
    unknown = ctl("fly")
    assert unknown.code == 3
    assert "there is no command 'fly'" in unknown.err
    assert ctl().code == 2
    assert ctl("quit").code == 0
    code, out, err = run.end(60)
    assert code == 0, err
    assert "fresh frames" in out
    assert lines(run.stats)[-1]["final"] is True
    nobody = ctl("status")
    assert nobody.code == 1
    assert "no run listens" in nobody.err


def test_a_quiet_run_answers_and_says_nothing_else(live):
    run = live("--quiet")
    run.process.stdin.write("help\nfly\n")
    run.process.stdin.flush()
    assert run.process.stderr.readline().startswith("background SPEC")
    run.wait_for("there is no command 'fly'")
    run.process.stdin.write("quit\n")
    assert run.end(60) == (0, "", "quit\n")


def test_a_quiet_run_says_that_the_camera_is_lost_once(capfd):
    status = StatusLine(quiet=True)
    for lost in (None, "no route", "no route", None, "no route"):
        status.show({"camera": lost})
    status.mention("all is well")
    assert capfd.readouterr() == ("", "camera lost: no route\n" * 2)


class Full(FakeSink):
    """A disk without room for the end of a recording."""

    def finish(self) -> None:
        raise SinkError("no space left")


@pytest.mark.parametrize("option", ["--record", "--record-matte"])
@pytest.mark.parametrize("interrupted", [False, True])
@pytest.mark.parametrize("quiet", [False, True])
def test_an_incomplete_recording_is_an_error(
    livebg_command, demo_clip, tmp_path, monkeypatch, option, interrupted, quiet
):
    monkeypatch.setattr(recording, "open_recording", lambda *_, **__: Full())
    if interrupted:
        monkeypatch.setattr(Session, "run", _interrupt)
    done = livebg_command(
        *("live", "--camera", demo_clip, *SMALL, "--control", "none", "--duration", "0", option, tmp_path / "call.mkv"),
        *(("--quiet",) if quiet else ()),
    )
    assert done.code == 1
    assert "no space left; it was given up" in done.err
    assert f"livebg: incomplete: {tmp_path / 'call.mkv'}" in done.err
    assert ("livebg: interrupted" in done.err) == interrupted
    assert ("note: no space left" in done.err) == (not quiet)
    assert ("fresh frames" in (done.err if interrupted else done.out)) == (not quiet)
    assert not quiet or len(done.err.splitlines()) == 2 + interrupted


def test_a_recording_that_cannot_be_ended_is_an_error(livebg_command, demo_clip, tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(recording.LiveVideoSink, "_flush", refuse)
    call = tmp_path / "call.mkv"
    done = livebg_command(
        *("live", "--camera", demo_clip, *SMALL, "--control", "none", "--duration", "2", "--quiet", "--record", call)
    )
    assert done.code == 1
    assert done.err.splitlines() == [
        f"cannot complete {call}: no space left; it was given up, the rest goes on",
        f"livebg: incomplete: {call}",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["call.partial.mkv"]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--camera", "/no/such/clip.mp4"), 1, "clip.mp4"),
        (("--camera", "test", "--background", "transparent"), 2, "no alpha"),
        (("--camera", "test", "--zoom", "0.5"), 2, "--zoom 0.5"),
        (("--camera", "test", "--crop", "5"), 2, "640x360+320+180"),
        (("--camera", "test", "--latency", "lwo"), 2, "did you mean low"),
        (("--camera", "test", "--metrics", "99999"), 2, "--metrics 99999"),
    ],
)
def test_bad_options_are_one_line(livebg_command, tmp_path, options, code, message):
    result = livebg_command("live", *SMALL, "--control", tmp_path / "s", *options)
    assert result.code == code
    assert message in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_help_is_there(livebg_command):
    assert "--virtual-camera" in livebg_command("live", "--help").out
    assert "background SPEC" in livebg_command("ctl", "--help").out
