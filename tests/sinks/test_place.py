"""The last step: a name for what is complete, one for what is not, and nothing lost where a name cannot be had."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from livebg.errors import SinkError
from livebg.sinks.place import Place, keep_partial_file, keep_partial_folder, publish_folder

_rename = Path.rename


@pytest.fixture
def folders(tmp_path):
    """A folder that is to be replaced, with what replaces it under its hidden name."""
    place = Place(tmp_path / "out", overwrite=True)
    for folder, content in ((place.final, b"old"), (place.hidden, b"new")):
        folder.mkdir()
        (folder / "000000.png").write_bytes(content)
    return place


def refuse(monkeypatch, *names):
    """A file system on which nothing of these names can be given another."""

    def rename(path, target):
        if path.name in names:
            raise OSError(5, "Input/output error")
        return _rename(path, target)

    monkeypatch.setattr(Path, "rename", rename)


def content(folder):
    return (folder / "000000.png").read_bytes()


def test_a_folder_replaces_another_and_nothing_else_is_left(folders):
    publish_folder(folders)
    assert content(folders.final) == b"new"
    assert list(folders.final.parent.iterdir()) == [folders.final]


def test_a_folder_that_could_not_be_replaced_has_its_name_back(folders, monkeypatch):
    refuse(monkeypatch, folders.hidden.name)
    with pytest.raises(SinkError, match=r"cannot name .*out: Input/output error$"):
        publish_folder(folders)
    assert content(folders.final) == b"old"
    assert content(folders.hidden) == b"new"
    assert len(list(folders.final.parent.iterdir())) == 2


def test_where_it_cannot_have_its_name_back_the_error_says_where_it_is(folders, monkeypatch):
    old = folders.hidden.with_name(f"{folders.hidden.name}.old")
    refuse(monkeypatch, folders.hidden.name, old.name)
    with pytest.raises(SinkError, match=r"cannot name .*out: Input/output error; what bore the name is ") as caught:
        publish_folder(folders)
    assert str(caught.value).endswith(str(old))
    assert content(old) == b"old"


def test_a_replaced_folder_that_cannot_be_removed_is_told_and_the_new_one_stands(folders, monkeypatch, caplog):
    def refused(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", refused)
    publish_folder(folders)
    assert content(folders.final) == b"new"
    (old,) = (each for each in folders.final.parent.iterdir() if each != folders.final)
    assert caplog.messages == [f"{folders.final} is complete; what it replaced is left as {old}: Permission denied"]


@pytest.mark.parametrize("name", ["out.mp4", "take.2026-11-23.mkv", f"{'n' * 240}.mp4", f"{'n' * 250}.mp4"])
def test_a_file_whose_partial_name_cannot_be_had_gets_a_number(tmp_path, name, caplog):
    place = Place(tmp_path / name, overwrite=False)
    place.hidden.write_bytes(b"a film")
    if len(place.partial.name) < 256:  # else no file may have such a name
        place.partial.mkdir()
    keep_partial_file(place)
    (kept,) = (each for each in tmp_path.iterdir() if each.is_file())
    assert kept.read_bytes() == b"a film"
    assert kept.name.startswith(f"{Path(name).stem[:50]}.partial-")
    assert kept.suffix == Path(name).suffix
    (line,) = caplog.messages
    assert line.startswith(f"{place.partial} cannot be had (")
    assert line.endswith(f": what was written is {kept}")


@pytest.mark.parametrize("name", ["out", "n" * 250])
def test_a_folder_whose_partial_name_cannot_be_had_gets_a_number(tmp_path, name, caplog):
    place = Place(tmp_path / name, overwrite=False)
    place.hidden.mkdir()
    (place.hidden / "000000.png").write_bytes(b"a picture")
    if len(place.partial.name) < 256:  # else no folder may have such a name
        place.partial.mkdir()
        (place.partial / "notes.txt").write_text("mine")
    keep_partial_folder(place)
    (kept,) = (each for each in tmp_path.iterdir() if each != place.partial)
    assert content(kept) == b"a picture"
    assert kept.name.startswith(f"{name[:50]}.partial-")
    (line,) = caplog.messages
    assert line.startswith(f"{place.partial} cannot be had (")
    assert line.endswith(f": what was written is {kept}")


@pytest.mark.parametrize("keep", [keep_partial_file, keep_partial_folder])
def test_what_can_have_no_other_name_stays_and_is_told(tmp_path, monkeypatch, keep):
    place = Place(tmp_path / "out.mp4", overwrite=False)
    place.hidden.write_bytes(b"a film")

    def replace(path, target):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(Path, "rename", replace)
    with pytest.raises(SinkError, match="Read-only file system; what was written is ") as caught:
        keep(place)
    assert str(caught.value).endswith(str(place.hidden))
    assert place.hidden.read_bytes() == b"a film"
