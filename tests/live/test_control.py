from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from time import monotonic

import pytest

from livebg.errors import RefusedError, SinkError, UsageError
from livebg.live.commands import COMMANDS, obey
from livebg.live.control import Control, ask


class Told:
    """A run that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.changed = threading.Condition()

    def _hear(self, what: object) -> None:
        with self.changed:
            self.heard.append(what)
            self.changed.notify_all()

    def change(self, values, reply) -> None:
        self._hear(values)
        reply("error: there is no such thing" if "nonsense" in str(values) else "done")

    def pause(self, on: bool) -> None:
        self._hear(("pause", on))

    def freeze(self, on: bool) -> None:
        self._hear(("freeze", on))

    def status(self) -> dict[str, object]:
        return {"state": "shown"}

    def quit(self) -> None:
        self._hear("quit")

    def wait_for(self, what: object) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: what in self.heard, 10), self.heard


@pytest.mark.parametrize(
    ("line", "heard"),
    [
        ("background beach on a sunday.jpg", {"compose": {"background": "beach on a sunday.jpg"}}),
        ("blur 0.8", {"compose": {"background": "blur:0.8"}}),
        ("model people-nano", {"segment": {"model": "people-nano"}}),
        ("smooth strong", {"smooth": {"smooth": "strong"}}),
        ("refine none", {"refine": {"refine": "none"}}),
        ("mirror on", {"live": {"mirror": "on"}}),
        ("pause", ("pause", True)),
        ("p off", ("pause", False)),
        ("freeze on", ("freeze", True)),
        ("  quit  ", "quit"),
        ("resume", ("pause", False)),
    ],
)
def test_what_is_said_is_done(line, heard):
    run, said = Told(), []
    obey(line, run, said.append)
    assert heard in run.heard
    assert len(said) == 1


@pytest.mark.parametrize("line", ["paus", "background", "freeze perhaps", "fly me to the moon"])
def test_what_cannot_be_done_is_said(line):
    run, said = Told(), []
    with pytest.raises(UsageError):
        obey(line, run, said.append)
    assert not run.heard
    assert not said


def test_a_misspelt_command_gets_the_nearest():
    with pytest.raises(UsageError, match="did you mean pause"):
        obey("puase", Told(), print)


def test_help_names_every_command():
    said = []
    obey("help", Told(), said.append)
    assert all(name in said[0] for name in COMMANDS)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "s"


def test_the_socket_answers_each_client(path):
    run = Told()
    with Control(run, path=path):
        assert path.stat().st_mode & 0o777 == 0o600
        assert ask(path, "background color:teal") == "done"
        assert json.loads(ask(path, "status")) == {"state": "shown"}
        with pytest.raises(RefusedError, match="there is no command 'fly'"):
            ask(path, "fly")
        with pytest.raises(RefusedError, match="there is no such thing"):
            ask(path, "model nonsense")
        # Clients that say nothing, too much, or leave, disturb nobody.
        for data in (b"", b"x" * 10_000, b"no end of line", b"\n", b"\xff\xfe\n"):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.sendall(data)
        silent = socket.socket(socket.AF_UNIX)
        silent.connect(str(path))
        assert ask(path, "blur 0.5") == "done"
        silent.close()
    assert not path.exists()
    with pytest.raises(SinkError, match="no run listens"):
        ask(path, "status")


def test_a_second_run_does_not_take_the_first_ones_socket(path):
    with Control(Told(), path=path):
        with pytest.raises(SinkError, match="another run listens"):
            Control(Told(), path=path)
        assert ask(path, "blur 0.5") == "done"


def test_a_socket_left_by_a_killed_run_is_taken_over(path):
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    with Control(Told(), path=path):
        assert ask(path, "blur 0.5") == "done"


@pytest.mark.parametrize("name", ["absent/s", "x" * 200])
def test_a_socket_that_cannot_be_made_is_an_error(tmp_path, name):
    with pytest.raises(SinkError, match="cannot listen at"):
        Control(Told(), path=tmp_path / name)


def test_a_file_in_the_sockets_place_is_left_alone(path):
    path.write_text("mine")
    with pytest.raises(SinkError, match="cannot listen at"):
        Control(Told(), path=path)
    assert path.read_text() == "mine"


def test_lines_of_standard_input_are_commands_and_its_end_ends_nothing(path):
    run, said = Told(), []
    read, write = os.pipe()
    with Control(run, path=path, stdin=read, tell=said.append):
        os.write(write, b"pause\nfreeze o")
        run.wait_for(("pause", True))
        os.write(write, b"n\n\nfly\nblur 0.1\n")
        run.wait_for({"compose": {"background": "blur:0.1"}})
        os.write(write, b"mirror on")
        os.close(write)
        run.wait_for({"live": {"mirror": "on"}})
        assert ask(path, "blur 0.5") == "done"
    os.close(read)
    assert ("freeze", True) in run.heard
    assert any("fly" in line for line in said)


def test_a_file_as_standard_input_is_no_one_who_speaks(tmp_path, path):
    (tmp_path / "words").write_text("quit\n")
    with (tmp_path / "words").open() as file, Control(Told(), path=path, stdin=file.fileno()):
        assert ask(path, "blur 0.5") == "done"


_JOB = """
import fcntl, os, signal, termios
from livebg.live.control import Control

class Run:
    def pause(self, on):
        print("heard", flush=True)
        os._exit(0)

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
job = os.fork()
if job:
    status = os.waitpid(job, os.WUNTRACED)[1]
    if os.WIFSTOPPED(status):
        print("stopped", flush=True)
        os.kill(job, signal.SIGKILL)
    os._exit(0)
os.setpgid(0, 0)  # in the background now
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
read = os.read

def watched(*given):
    try:
        return read(*given)
    except OSError:
        print("not ours", flush=True)
        os.tcsetpgrp(0, os.getpgrp())  # fg
        raise

os.read = watched
with Control(Run(), stdin=0):
    signal.pause()
"""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals of this kind here")
def test_a_job_in_the_background_is_not_stopped_by_its_terminal_and_hears_it_in_the_foreground():
    terminal, stdin = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _JOB], stdin=stdin, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        os.close(stdin)
        os.write(terminal, b"pause\n")
        try:
            out, _ = process.communicate(timeout=30)
        finally:
            process.kill()
            os.close(terminal)
    assert out.splitlines() == ["not ours", "heard"]


def test_closing_is_quick_and_may_be_repeated(path):
    read, write = os.pipe()
    control = Control(Told(), path=path, stdin=read)
    begun = monotonic()
    control.close()
    control.close()
    assert monotonic() - begun < 1
    os.close(read)
    os.close(write)
