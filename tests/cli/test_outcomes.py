"""``--json`` of ``livebg process``: what came of each input, whatever came of the call."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

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


def test_an_interrupted_call_says_how_far_it_came(heeded_hangup, tmp_path):
    for name, frames in (("a", 3), ("b", 2000), ("c", 3)):
        write_clip(tmp_path / f"{name}.mp4", frames=frames)
    path = tmp_path / "report.json"
    command = [sys.executable, "-m", "livebg", "process", str(tmp_path), "--size", "128", "--json", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert any(line.startswith("b.mp4: ") for line in process.stderr)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    assert [entry["state"] for entry in json.loads(path.read_text())] == ["done", "interrupted", "not begun"]
