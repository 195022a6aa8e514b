"""Processors that may be used: affinity and quotas, of either kind of control groups."""

from __future__ import annotations

import os

import pytest

from livebg import cores
from livebg.segment.runtimes.adapting import threads_each

SECOND, FIRST = "0::/app/one\n", "9:name=systemd:/\n4:cpu,cpuacct:/app/one\n0::/\n"


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Writes what the kernel would show: a file's text by its path among the groups."""

    def write(own, files):
        (tmp_path / "own").write_text(own)
        for path, text in files.items():
            (tmp_path / "groups" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "groups" / path).write_text(text)

    monkeypatch.setattr(cores, "_OWN", tmp_path / "own")
    monkeypatch.setattr(cores, "_GROUPS", tmp_path / "groups")
    return write


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        (SECOND, {"app/one/cpu.max": "150000 100000\n"}, 2),
        (SECOND, {"app/one/cpu.max": "max 100000\n", "app/cpu.max": "50000 100000\n"}, 1),
        (SECOND, {"cpu.max": "300000 100000\n"}, 3),  # as a container sees itself
        (SECOND, {"app/one/cpu.max": "max 100000\n"}, None),
        (SECOND, {}, None),
        (FIRST, {"cpu/app/one/cpu.cfs_quota_us": "400000\n", "cpu/app/one/cpu.cfs_period_us": "100000\n"}, 4),
        (FIRST, {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    ],
)
def test_the_least_quota_holds(groups, own, files, expected):
    groups(own, files)
    assert cores.quota() == expected


def test_without_groups_there_is_no_quota(tmp_path, monkeypatch):
    monkeypatch.setattr(cores, "_OWN", tmp_path / "nowhere")
    assert cores.quota() is None


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_cores_are_those_of_affinity_and_quota(groups):
    groups(SECOND, {"cpu.max": "100000 100000\n"})
    assert cores.cores() == 1
    groups(SECOND, {"cpu.max": "10000000 100000\n"})
    assert cores.cores() == len(os.sched_getaffinity(0))


def test_a_runtime_is_told_of_a_quota_alone(groups):
    groups(SECOND, {"cpu.max": "max 100000\n"})
    assert threads_each(None, 1) is None
    groups(SECOND, {"cpu.max": "100000 100000\n"})
    assert threads_each(None, 1) == 1
    assert threads_each(5, 1) == 5
