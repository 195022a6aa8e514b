from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from livebg.errors import SinkError
from livebg.live.metrics_server import MetricsServer
from livebg.live.statistics import COUNTS, Histogram, Statistics, resident_mb

KEYS = {
    "fps_in", "fps_out", "latency_ms", "mask_age_ms", "drops", "missed", "rss_mb", "fresh", "repeats", "carried",
    "segmented", "slate",
}  # fmt: skip


def test_percentiles_are_those_of_what_was_added():
    histogram = Histogram()
    for millisecond in range(1, 1001):
        histogram.add(millisecond / 1000 - 1e-6)
    found = histogram.milliseconds()
    assert found["p50"] == pytest.approx(500, abs=0.5)
    assert found["p95"] == pytest.approx(950, abs=0.5)
    assert found["p99"] == pytest.approx(990, abs=0.5)


def test_nothing_and_too_much():
    histogram = Histogram()
    assert histogram.milliseconds() == {"p50": None, "p95": None, "p99": None}
    histogram.add(-1)
    assert histogram.milliseconds()["p99"] <= 0.25
    histogram.clear()
    histogram.add(1e9)
    assert histogram.milliseconds()["p50"] == 10_000


def test_a_line_has_what_is_promised_and_is_json():
    statistics = Statistics()
    statistics.written("fresh", 0.03, 0.1)
    statistics.written("slate", None, None)
    with statistics.stage("compose"):
        pass
    line = json.loads(json.dumps(statistics.whole()))
    assert set(line) >= KEYS
    assert set(line["latency_ms"]) == set(line["mask_age_ms"]) == {"p50", "p95", "p99"}
    assert line["fresh"] == line["slate"] == 1
    assert line["latency_ms"]["p50"] == pytest.approx(30, abs=0.5)
    assert "compose" in line["stages_ms"]
    assert line["rss_mb"] is None or line["rss_mb"] > 10


def test_a_second_is_its_own_and_the_whole_is_all():
    statistics = Statistics()
    statistics.written("fresh", 0.030, 0.1)
    assert statistics.recent()["latency_ms"]["p50"] == pytest.approx(30, abs=0.5)
    statistics.written("repeats", 0.060, 0.2)
    line = statistics.recent()
    assert line["latency_ms"]["p50"] == pytest.approx(60, abs=0.5)
    assert (line["fresh"], line["repeats"]) == (1, 1)  # counts are since the start
    assert statistics.recent()["latency_ms"]["p50"] is None
    assert statistics.whole()["mask_age_ms"]["p50"] == pytest.approx(100, abs=0.5)


def test_resident_memory_is_in_megabytes():
    found = resident_mb()
    assert found is None or 10 < found < 100_000


def test_prometheus_gets_counters_and_histograms():
    statistics = Statistics()
    for _ in range(3):
        statistics.written("fresh", 0.03, 0.1)
    with MetricsServer(0, statistics) as server:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            lines = answer.read().decode().splitlines()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", timeout=10)
        values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        assert values["livebg_fresh_total"] == "3"
        assert {f"livebg_{name}_total" for name in COUNTS} <= values.keys()
        assert values['livebg_latency_seconds_bucket{le="0.02"}'] == "0"
        assert values['livebg_latency_seconds_bucket{le="0.04"}'] == "3"
        assert values['livebg_latency_seconds_bucket{le="+Inf"}'] == values["livebg_latency_seconds_count"] == "3"
        assert float(values["livebg_mask_age_seconds_sum"]) == pytest.approx(0.3, abs=0.01)
        with pytest.raises(SinkError, match=rf"port {server.port}.*--metrics"):
            MetricsServer(server.port, statistics)
    server.close()  # twice does nothing
