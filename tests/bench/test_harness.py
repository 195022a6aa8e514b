from __future__ import annotations

import json
import resource
import sys

import pytest

from livebg.bench.harness import Spread, machine, timed
from livebg.errors import LivebgError


def test_a_run_is_accounted_for():
    usage = timed([sys.executable, "-c", "print('done'); x = bytearray(200_000_000); sum(range(10**6))"])
    assert usage.stdout == "done\n"
    assert usage.seconds > 0
    assert usage.cpu_seconds > 0
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    assert 200 < usage.peak_rss_mb < max(own, 300) * 1.05


def test_a_command_that_fails_is_named_with_its_last_word():
    with pytest.raises(LivebgError, match=r"failed: .*no such clip"):
        timed([sys.executable, "-c", "import sys; print('x' * 200_000, file=sys.stderr); sys.exit('no such clip')"])


def test_a_spread_is_median_lowest_and_highest():
    assert Spread.of([3, 1, 2]) == Spread(2, 1, 3)


def test_the_machine_can_be_written_down():
    written = json.loads(json.dumps(machine()))
    assert written["cores"] >= 1
    assert written["versions"]["onnxruntime"] != "absent"
