"""``--json`` of ``livebg process``: what came of each input, whatever came of the call."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from livebg.job import do
from tests.cli.conftest import QUICK
from tests.media import write_clip


@pytest.fixture
def folder(tmp_path):
    """A clip that is complete already, a good one, and two that cannot be read."""
    clips = tmp_path / "clips"
    clips.mkdir()
    write_clip(clips / "a.mp4", frames=3)
    (clips / "b.mp4").write_text("this is not a video")
    (clips / "c.mp4").touch()
    write_clip(clips / "d.mp4", frames=3)
    (tmp_path / "done").mkdir()
    write_clip(tmp_path / "done" / "a.mp4", frames=3)
    return clips


def test_a_folder_has_an_entry_for_each_input(livebg_command, folder, tmp_path):
    path, done = tmp_path / "report.json", tmp_path / "done"
    result = livebg_command("process", folder, "-o", done, "--json", path, *QUICK)
    assert result.code == 1
    assert "2 of 4 inputs failed, see above; call again and with another --json to retry those alone" in result.err
    entries = json.loads(path.read_text())
    assert [entry["state"] for entry in entries] == ["skipped", "failed", "failed", "done"]
    assert [entry["input"] for entry in entries] == [str(folder / f"{name}.mp4") for name in "abcd"]
    assert [entry["output"] for entry in entries] == [str(done / f"{name}.mp4") for name in "abcd"]
    assert "b.mp4 is not a video" in entries[1]["error"]
    assert "c.mp4 is empty" in entries[2]["error"]
    assert entries[3]["frames"] == 3


def test_a_fault_of_ours_leaves_its_input_interrupted(livebg_command, tmp_path, monkeypatch):
    for name in "abc":
        write_clip(tmp_path / f"{name}.mp4", frames=3)

    def fails_on_b(job, *args, **kept):
        return 1 // 0 if job.input.endswith("b.mp4") else do(job, *args, **kept)

    monkeypatch.setattr("livebg.cli.process.do", fails_on_b)
    path, clips = tmp_path / "report.json", [tmp_path / f"{name}.mp4" for name in "abc"]
    with pytest.raises(ZeroDivisionError):
        livebg_command("process", *clips, "-o", tmp_path / "done", "--json", path, *QUICK)
    assert [entry["state"] for entry in json.loads(path.read_text())] == ["done", "interrupted", "not begun"]


def test_where_all_fail_an_earlier_report_is_replaced_only_when_asked(livebg_command, folder, tmp_path):
    path = tmp_path / "report.json"
    path.write_text('[{"state": "done"}]')
    bad = (folder / "b.mp4", folder / "c.mp4")
    assert livebg_command("process", *bad, "-o", tmp_path / "done", "--json", path, *QUICK).code == 2
    assert path.read_text() == '[{"state": "done"}]'
    result = livebg_command("process", *bad, "-o", tmp_path / "done", "--json", path, "--overwrite", *QUICK)
    assert result.code == 1
    assert "call again without --overwrite and with another --json to retry those alone" in result.err
    assert [entry["state"] for entry in json.loads(path.read_text())] == ["failed", "failed"]


@pytest.mark.parametrize("cut", [0, 0.5])
def test_the_only_input_that_fails_is_reported_too(livebg_command, tmp_path, cut):
    """One of which nothing can be read, and one that breaks on the way."""
    clip, path = write_clip(tmp_path / "talk.mkv", frames=100), tmp_path / "report.json"
    clip.write_bytes(clip.read_bytes()[: int(clip.stat().st_size * cut)])
    assert livebg_command("process", clip, "--strict", "--json", path, *QUICK).code == 1
    entry = json.loads(path.read_text())
    assert (entry["state"], entry["input"]) == ("failed", str(clip))
    assert entry["error"].startswith(str(clip))


def test_a_call_that_could_not_be_done_leaves_an_earlier_report(livebg_command, folder, tmp_path):
    """Else its corrected form would be refused, or the good report be lost."""
    path = tmp_path / "report.json"
    path.write_text("[]")
    call = ("process", folder, "-o", tmp_path / "done", "--json", path, "--codec", "prores 4444", *QUICK)
    assert livebg_command(*call, "--overwrite").code == 2
    assert path.read_text() == "[]"
    path.unlink()
    assert livebg_command(*call).code == 2
    assert not path.exists()


def test_what_is_skipped_says_that_the_settings_are_not_in_it(livebg_command, folder, tmp_path):
    result = livebg_command("process", folder, "-o", tmp_path / "done", "--background", "color:red", "--size", "64")
    assert (
        f"{folder / 'a.mp4'}: {tmp_path / 'done' / 'a.mp4'} is complete, skipped: it stays as an earlier call made it, "
        "whatever this one's settings (--overwrite makes it anew)"
    ) in result.err


def test_one_frame_is_told_as_one(livebg_command, tmp_path):
    clip = write_clip(tmp_path / "one.mp4", frames=1)
    assert "one-livebg.mp4: 1 frame in " in livebg_command("process", clip, "--size", "64").out


@pytest.fixture
def at_a_pipe(heeded_hangup, tmp_path):
    """Starts ``livebg process`` of these files, one of them a pipe; the call, and the pipe once it is being read."""
    pipe = tmp_path / "b.mkv"
    os.mkfifo(pipe)
    started = []

    def start(*names):
        options = ("-o", tmp_path / ("done" if len(names) > 1 else "done.mkv"), "--json", tmp_path / "report.json")
        command = [sys.executable, "-m", "livebg", "process", *(tmp_path / name for name in names), *options, *QUICK]
        call = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        started.append((call, pipe.open("wb", buffering=0)))  # it waits until somebody reads
        return started[-1]

    yield start
    for call, writer in started:
        writer.close()
        call.kill()
        call.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_an_interrupted_call_says_how_far_it_came(at_a_pipe, tmp_path):
    for name in "ac":
        write_clip(tmp_path / f"{name}.mp4", frames=3)
    call, _ = at_a_pipe("a.mp4", "b.mkv", "c.mp4")
    call.send_signal(signal.SIGINT)
    assert call.wait(timeout=20) == 130
    entries = json.loads((tmp_path / "report.json").read_text())
    assert [entry["state"] for entry in entries] == ["done", "interrupted", "not begun"]


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
@pytest.mark.parametrize(
    ("interrupted", "code", "said"), [(True, 130, "interrupted"), (False, 1, "b.mkv is not a video")]
)
def test_a_report_that_cannot_be_written_hides_nothing(at_a_pipe, tmp_path, interrupted, code, said):
    """What ended the call is what it ends with."""
    call, writer = at_a_pipe("b.mkv")
    (tmp_path / "report.json").mkdir()
    if interrupted:
        call.send_signal(signal.SIGINT)
    else:
        writer.write(b"this is not a video")
        writer.close()
    told = [line for line in call.communicate(timeout=20)[1].splitlines() if line]
    assert call.returncode == code
    assert f"cannot write the report {tmp_path / 'report.json'}: " in told[-2]
    assert said in told[-1]
