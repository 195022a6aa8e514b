"""Weights: fetched once, checked, shared between processes, and every way in which that fails."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from livebg import weights
from livebg.errors import UsageError, WeightsError
from livebg.fetch import LocalPath, Url
from livebg.weights import Entry, Store
from tests.stores import BODY, SHA256, entry, left


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


def test_a_file_is_fetched_once_and_progress_is_told(server, make_store):
    store, told = make_store(Url(server.url)), []
    assert store.state("net") == "absent"
    path = store.ensure("net", lambda done, total: told.append((done, total)))
    assert path == store.path("net")
    assert path.read_bytes() == BODY
    assert told[-1] == (len(BODY), len(BODY))
    assert told == sorted(told)
    assert store.ensure("net") == path
    assert server.asked == [""]
    assert left(store) == {"net.bin"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"checksum": f"sha256:{'0' * 64}"}, f"is not net.bin, its sha256 is {SHA256} and should be 0000"),
        ({"size": 7}, "it has 1000000 bytes and should have 7"),
    ],
)
def test_what_is_not_the_file_is_refused(options, words, server, make_store):
    store = make_store(Url(server.url), **options)
    with pytest.raises(WeightsError, match=words):
        store.ensure("net")
    assert left(store) == set()


def test_md5_alone_is_checked_where_nothing_more_is_known(server, make_store):
    checksum = f"md5:{hashlib.md5(BODY, usedforsecurity=False).hexdigest()}"
    assert make_store(Url(server.url), checksum=checksum, size=None).ensure("net").read_bytes() == BODY


def test_sources_are_tried_in_order_and_each_reason_is_given(server, make_store, tmp_path):
    good = tmp_path / "copy.bin"
    bad = (LocalPath(tmp_path / "gone.bin"), Url("http://127.0.0.1:9/net.bin"), Url("http://[/"))
    with pytest.raises(WeightsError) as caught:
        make_store(*bad).ensure("net")
    text = str(caught.value)
    assert "gone.bin: No such file or directory; http://127.0.0.1:9/net.bin: " in text
    assert "refused" in text
    assert "http://[/: " in text
    good.write_bytes(BODY)
    store = make_store(*bad, LocalPath(good), Url(server.url))
    assert store.ensure("net").read_bytes() == BODY
    assert server.asked == []


def test_another_source_may_be_given(server, make_store, tmp_path):
    (tmp_path / "copy.bin").write_bytes(BODY)
    store = make_store(Url(server.url))
    assert store.ensure("net", sources=[LocalPath(tmp_path / "copy.bin")]).read_bytes() == BODY
    assert server.asked == []


def test_offline_fails_at_once_with_the_path(server, make_store, monkeypatch):
    monkeypatch.setenv("LIVEBG_OFFLINE", "1")
    store = make_store(Url(server.url))
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
def test_a_damaged_file_is_fetched_again_with_a_note(damage, server, make_store, caplog):
    store = make_store(Url(server.url))
    store.ensure("net").write_bytes(damage)
    assert store.state("net") == "damaged"
    with pytest.raises(WeightsError, match="is damaged"):
        store.verify("net")
    assert store.ensure("net").read_bytes() == BODY
    assert [record.getMessage() for record in caplog.records] == [
        f"{store.path('net')} is damaged: fetching it again"
    ]  # fmt: skip
    store.verify("net")


def test_damage_that_keeps_size_and_time_is_found_by_verify(server, make_store):
    store = make_store(Url(server.url))
    path = store.ensure("net")
    before = path.stat()
    path.write_bytes(b"\0" + BODY[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(WeightsError, match="its sha256 is"):
        store.verify("net")


def test_a_copy_made_by_hand_is_taken_and_hashed_once(make_store, monkeypatch):
    store = make_store()
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


def test_remove_takes_everything_that_belongs_to_it(server, make_store):
    store = make_store(Url(server.url))
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
