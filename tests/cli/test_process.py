"""``livebg process`` as a user calls it: real weights, real codecs, good input and every bad one that we promise."""

from __future__ import annotations

import json
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from tests.cli.conftest import QUICK
from tests.media import numbered, read_frames, read_packet_times, read_times, write_clip


def leftovers(folder):
    """Names in a folder, hidden ones included."""
    return sorted(path.name for path in folder.iterdir())


def test_a_video_comes_out_whole_with_its_sound(livebg_command, clip, tmp_path):
    out = tmp_path / "out.mp4"
    result = livebg_command("process", clip, "-o", out, "--background", "color:teal", "--size", "64")
    assert result.code == 0, result.err
    assert read_times(out) == read_times(clip)
    assert read_packet_times(out, "audio") == read_packet_times(clip, "audio")
    assert f"{out}: 10 frames in" in result.out
    assert "people" in result.out
    assert leftovers(tmp_path) == ["out.mp4", "talk.mp4"]


def test_the_default_is_blur_beside_the_input(livebg_command, clip, tmp_path):
    assert livebg_command("process", clip, *QUICK).code == 0
    assert leftovers(tmp_path) == ["talk-livebg.mp4", "talk.mp4"]


def test_quiet_says_nothing(livebg_command, clip):
    result = livebg_command("process", clip, *QUICK)
    assert (result.out, result.err) == ("", "")


def test_the_matte_is_written_in_the_same_run(livebg_command, clip, tmp_path):
    matte, folder = tmp_path / "matte.mp4", tmp_path / "mattes"
    assert livebg_command("process", clip, "-o", tmp_path / "a.mp4", "--matte-out", matte, *QUICK).code == 0
    assert livebg_command("process", clip, "-o", tmp_path / "b.mp4", "--matte-out", folder, *QUICK).code == 0
    pictures = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(folder.iterdir())]
    assert len(pictures) == 10
    assert all(picture.dtype == np.uint8 and picture.shape == (48, 64) for picture in pictures)
    for frame, picture in zip(read_frames(matte), pictures, strict=True):
        assert np.abs(frame[..., 0].astype(int) - picture).mean() < 2


def test_the_report_says_what_was_done(livebg_command, clip, tmp_path):
    path = tmp_path / "report.json"
    assert livebg_command("process", clip, *QUICK, "--json", path).code == 0
    report = json.loads(path.read_text())
    assert report["frames"] == 10
    assert report["seconds"] > 0
    assert report["fps"] > 0
    assert report["model"].startswith("people 64x64")
    assert report["device"] == "cpu"
    assert set(report["stages"]) == {"read", "motion", "segment", "smooth", "refine", "compose", "write", "finish"}


def test_start_and_end_cut(livebg_command, clip, tmp_path):
    out = tmp_path / "cut.mp4"
    assert livebg_command("process", clip, "-o", out, "--start", "0.08", "--end", "0.28", *QUICK).code == 0
    assert read_times(out) == [Fraction(index, 25) for index in range(5)]


@pytest.mark.parametrize("source_suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".webm"])
def test_subtitles_are_cut_with_the_picture(livebg_command, tmp_path, source_suffix, suffix):
    lines = [(Fraction(1, 5), Fraction(9, 10), "one"), (Fraction(1), Fraction(9, 5), "two")]
    clip = write_clip(tmp_path / f"talk{source_suffix}", frames=50, subtitles=lines)
    out = tmp_path / f"cut{suffix}"
    assert livebg_command("process", clip, "-o", out, "--start", "0.5", "--end", "1.5", *QUICK).code == 0
    with av.open(str(out)) as container:
        shown = [
            (round(float(packet.pts * packet.time_base), 2), round(float(packet.duration * packet.time_base), 2))
            for packet in container.demux(subtitles=0)
            if packet.size > 2  # a gap in mp4 is a line without text
        ]
        duration = float(container.duration / 1e6)
    assert shown == [(0.0, 0.4), (0.5, 0.5)]
    assert duration == pytest.approx(1.0, abs=0.05)


def test_a_cut_with_nothing_in_it_is_an_error(livebg_command, clip, tmp_path):
    result = livebg_command("process", clip, "-o", tmp_path / "cut.mp4", "--start", "60", *QUICK)
    assert result.code == 1
    assert leftovers(tmp_path) == ["talk.mp4"]


@pytest.mark.parametrize("suffix", [".mov", ".webm", ""])
def test_transparent_output_is_private(livebg_command, clip, tmp_path, suffix):
    out = tmp_path / f"cutout{suffix}"
    assert livebg_command("process", clip, "-o", out, "--background", "transparent", *QUICK).code == 0
    if suffix == "":
        pictures = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(out.iterdir())]
        assert [path.name for path in sorted(out.iterdir())][:2] == ["000000.png", "000001.png"]
    else:
        pictures = read_rgba(out)
    assert len(pictures) == 10
    for picture in pictures:
        assert picture.shape == (48, 64, 4)
        hidden = picture[..., 3] == 0
        # A codec may leak a little over an edge; the room itself would be above 40 everywhere in these pictures.
        assert picture[hidden][:, :3].max(initial=0) <= (0 if suffix == "" else 24)


def read_rgba(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if stream.codec_context.name == "vp9":
            decoder = av.CodecContext.create("libvpx-vp9", "r")
            frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
        else:
            frames = list(container.decode(stream))
        return [frame.to_ndarray(format="rgba") for frame in frames]


def test_a_picture_becomes_a_picture(livebg_command, tmp_path):
    cv2.imwrite(str(tmp_path / "me.jpg"), numbered(3))
    assert livebg_command("process", tmp_path / "me.jpg", "--background", "transparent", *QUICK).code == 0
    assert cv2.imread(str(tmp_path / "me-livebg.png"), cv2.IMREAD_UNCHANGED).shape == (48, 64, 4)


def test_a_folder_of_pictures_keeps_their_stems(livebg_command, tmp_path):
    folder = tmp_path / "shots"
    folder.mkdir()
    for name in ("anna", "bert", "carl"):
        cv2.imwrite(str(folder / f"{name}.png"), numbered(1))
    mattes = tmp_path / "mattes"
    assert livebg_command("process", folder, "--matte-out", mattes, *QUICK).code == 0
    assert leftovers(tmp_path / "shots-livebg") == ["anna.png", "bert.png", "carl.png"]
    assert leftovers(mattes) == ["anna.png", "bert.png", "carl.png"]


def test_pictures_of_unequal_size_are_treated_each_on_its_own(livebg_command, tmp_path):
    folder = tmp_path / "shots"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), numbered(1, 64, 48))
    cv2.imwrite(str(folder / "b.png"), numbered(2, 31, 57))
    assert livebg_command("process", folder, *QUICK).code == 0
    sizes = [cv2.imread(str(path)).shape[:2] for path in sorted((tmp_path / "shots-livebg").iterdir())]
    assert sizes == [(48, 64), (57, 31)]


def test_a_second_call_over_a_folder_skips_what_is_complete(livebg_command, tmp_path):
    for name in ("a", "b"):
        write_clip(tmp_path / f"{name}.mp4", frames=3)
    assert livebg_command("process", tmp_path, *QUICK).code == 0
    (tmp_path / "b-livebg.mp4").unlink()
    first = (tmp_path / "a-livebg.mp4").stat().st_mtime_ns
    result = livebg_command("process", tmp_path, "--size", "64")
    assert result.code == 0
    assert "a-livebg.mp4 is complete, skipped" in result.err
    assert (tmp_path / "a-livebg.mp4").stat().st_mtime_ns == first
    assert leftovers(tmp_path) == ["a-livebg.mp4", "a.mp4", "b-livebg.mp4", "b.mp4"]


def test_a_folder_of_one_clip_is_a_folder_of_clips(livebg_command, tmp_path):
    clips, done, mattes = tmp_path / "clips", tmp_path / "done", tmp_path / "mattes"
    clips.mkdir()
    write_clip(clips / "a.mp4", frames=3)
    for message in ("3 frames in", "is complete, skipped"):
        result = livebg_command("process", clips, "-o", done, "--matte-out", mattes, "--size", "64")
        assert result.code == 0, result.err
        assert message in result.out + result.err
        assert leftovers(done) == leftovers(mattes) == ["a.mp4"]
    (mattes / "a.mp4").unlink()
    result = livebg_command("process", clips, "-o", done, "--matte-out", mattes, *QUICK)
    assert result.code == 2
    assert "--overwrite to make both" in result.err


def test_clips_that_differ_in_their_suffix_alone_keep_it(livebg_command, tmp_path):
    write_clip(tmp_path / "a.mp4", frames=3)
    write_clip(tmp_path / "a.mkv", frames=3)
    assert livebg_command("process", tmp_path, *QUICK).code == 0
    assert leftovers(tmp_path) == ["a-livebg.mkv", "a-livebg.mp4", "a.mkv", "a.mp4"]
    assert livebg_command("process", tmp_path, "--background", "transparent", *QUICK).code == 0
    assert {"a.mkv-livebg.mov", "a.mp4-livebg.mov"} <= set(leftovers(tmp_path))


def test_results_of_an_earlier_call_are_no_inputs(livebg_command, tmp_path):
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), numbered(1))
    for _ in range(2):
        assert livebg_command("process", *sorted(tmp_path.iterdir()), *QUICK).code == 0
        assert leftovers(tmp_path) == ["a-livebg.png", "a.png", "b-livebg.png", "b.png"]
    for inputs in (tmp_path, tmp_path / "*.png"):
        assert livebg_command("process", inputs, "-o", tmp_path / "all", "--overwrite", *QUICK).code == 0
        assert leftovers(tmp_path / "all") == ["a.png", "b.png"]


def test_a_glob_is_a_sequence(livebg_command, tmp_path):
    for index in range(3):
        cv2.imwrite(str(tmp_path / f"{index}.png"), numbered(index))
    out = tmp_path / "out.mp4"
    result = livebg_command("process", tmp_path / "*.png", "-o", out, "--rate", "30", *QUICK)
    assert result.code == 0, result.err
    assert read_times(out) == [Fraction(index, 30) for index in range(3)]


def test_what_cannot_work_is_found_before_the_model_is_loaded(livebg_command, clip, tmp_path, monkeypatch):
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("LIVEBG_OFFLINE", "1")
    for options in (("--background", tmp_path / "no.jpg"), ("--json", tmp_path / "no" / "x.json"), ("--end", "0")):
        result = livebg_command("process", clip, *options, *QUICK)
        assert result.code in (1, 2)
        assert "LIVEBG_OFFLINE" not in result.err, result.err
    assert "LIVEBG_OFFLINE" not in livebg_command("process", tmp_path / "absent.mp4", *QUICK).err


def test_what_is_kept_of_an_output_with_a_very_long_name(livebg_command, tmp_path, caplog):
    """«.partial» does not fit into its 255 bytes: the name that it takes instead is told."""
    whole = write_clip(tmp_path / "whole.mkv", frames=100)
    part = tmp_path / "part.mkv"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result = livebg_command("process", part, "-o", tmp_path / f"{'n' * 246}.mp4", "--strict", *QUICK)
    assert result.code == 1
    (kept,) = tmp_path.glob("*.mp4")
    assert kept.name.startswith(f"{'n' * 50}.partial-")
    assert read_times(kept)
    assert f"what was written is {kept}" in caplog.text
    assert result.err.splitlines()[-1].startswith(f"livebg: {part}")


def test_one_bad_clip_of_several_does_not_stop_the_others(livebg_command, tmp_path):
    write_clip(tmp_path / "b.mp4", frames=3)
    (tmp_path / "a.mp4").write_text("this is not a video")
    result = livebg_command("process", tmp_path, *QUICK)
    assert result.code == 1
    assert "a.mp4" in result.err
    assert "1 of 2 inputs failed" in result.err
    assert (tmp_path / "b-livebg.mp4").exists()


def test_a_missing_background_is_told_once_for_a_whole_folder(livebg_command, tmp_path):
    for name in ("a", "b"):
        write_clip(tmp_path / f"{name}.mp4", frames=3)
    result = livebg_command("process", tmp_path, "--background", tmp_path / "no.jpg", *QUICK)
    assert result.code == 1
    assert result.err.count("no.jpg") == 1
    assert leftovers(tmp_path) == ["a.mp4", "b.mp4"]


def test_the_command_line_overrides_the_configuration_file(livebg_command, clip, tmp_path):
    config = tmp_path / "mine.toml"
    config.write_text('[segment]\nsize = 96\n[compose]\nbackground = "color:teal"\n')
    report = tmp_path / "report.json"
    assert livebg_command("process", clip, "--config", config, "--size", "64", "--json", report, "-q").code == 0
    written = json.loads(report.read_text())
    assert written["model"].startswith("people 64x64")
    assert written["background"] == "color:teal"


def test_no_arguments_is_a_usage_error(livebg_command):
    result = livebg_command("process")
    assert result.code == 2
    assert "IN..." in result.err


def test_the_version(livebg_command):
    import livebg

    result = livebg_command("--version")
    assert (result.code, result.out.strip()) == (0, f"livebg, version {livebg.__version__}")


def test_the_main_job_runs_with_no_download_at_all(livebg_command, clip, tmp_path, monkeypatch):
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("LIVEBG_OFFLINE", "1")
    out = tmp_path / "out.mp4"
    result = livebg_command("process", clip, "-o", out)
    assert result.code == 0, result.err
    assert read_times(out) == read_times(clip)
    assert not (tmp_path / "empty").exists()


def test_a_report_takes_nobodys_place(livebg_command, clip, tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    before = clip.read_bytes()
    out = tmp_path / "out.mp4"
    taken = "is an input or a result too"
    for report, said in ((clip, taken), (out, taken), (mine, "exists"), (tmp_path, "is no file"), ("-", "is no file")):
        done = livebg_command("process", clip, "-o", out, "--json", report, "--size", "64")
        assert done.code == 2
        assert said in done.err
        assert not out.exists()
    assert clip.read_bytes() == before
    assert mine.read_text() == "mine"
    assert livebg_command("process", clip, "-o", out, "--json", mine, "--overwrite", "--size", "64", "-q").code == 0
    assert json.loads(mine.read_text())["output"] == str(out)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_a_result_and_its_matte_under_one_name_are_told_as_that(livebg_command, clip, tmp_path):
    done = livebg_command("process", clip, "-o", tmp_path / "a.mp4", "--matte-out", tmp_path / "a.mp4")
    assert done.code == 2
    assert f"it is taken by {clip}: process one of both by itself, with -o" in done.err
