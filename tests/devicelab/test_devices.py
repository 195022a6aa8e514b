"""The tests of ``guest/``, each with its outcome inside the emulated machine. ``make test-devices`` runs them alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.devicelab import lab

GUEST = Path(__file__).with_name("guest")
pytestmark = [pytest.mark.devices, pytest.mark.timeout(lab.LONGEST)]


def guest_tests() -> list[str]:
    return [
        f"{path.stem}::{node.name}"
        for path in sorted(GUEST.glob("test_*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    try:
        return lab.results(tmp_path_factory.mktemp("lab") / "console")
    except lab.Unavailable as why:
        pytest.skip(str(why))


@pytest.mark.parametrize("name", guest_tests())
def test_inside(name: str, outcomes: dict[str, str | None]) -> None:
    own = {case: wrong for case, wrong in outcomes.items() if case.split("[")[0] == name}
    assert own, f"{name} did not run"
    wrong = {case: text for case, text in own.items() if text is not None}
    assert not wrong, "\n".join(f"{case}\n{text}" for case, text in wrong.items())
