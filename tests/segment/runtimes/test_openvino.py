"""What OpenVINO alone does to the process that it runs in."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

pytest.importorskip("openvino")

_PROGRAM = """
import os, signal
from threading import Thread
from livebg.segment.runtimes.openvino import OpenVinoRuntime
from livebg.segment.segmenter import find_model

held = [OpenVinoRuntime(find_model("people-nano"))]
signal.signal(signal.SIGUSR1, lambda *_: print("heard"))
{let_go}
os.kill(os.getpid(), signal.SIGUSR1)
"""
_BY_ANOTHER_THREAD = "other = Thread(target=held.clear); other.start(); other.join()"
_THE_OLDER_FIRST = 'held.append(OpenVinoRuntime(find_model("people-nano"))); del held[0]; del held[0]'


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="signals are POSIX")
@pytest.mark.parametrize("let_go", [_BY_ANOTHER_THREAD, _THE_OLDER_FIRST], ids=["by another thread", "the older first"])
def test_a_signal_is_survived_after_networks_were_let_go(let_go):
    """As Ctrl-C after a change of model in a call. The stack for signals had gone with the network."""
    call = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(let_go=let_go)], capture_output=True, text=True, timeout=60
    )
    assert (call.returncode, call.stdout) == (0, "heard\n")
