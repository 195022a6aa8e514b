"""Three sentences of the house: imports run downhill, heavy libraries stay in their adapters, help is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "livebg"

# A module may import livebg modules of its own storey or below. Stage packages share a storey and are strangers.
STOREYS = [
    {"errors", "cores", "limits", "values", "config_problems", "whole_file"},
    {"frame", "scale", "timecode"},
    {"stages"},
    {"config", "config_file", "fetch", "weights", "pipeline", "flow", "motion", "still"},
    {"sources", "segment", "refine", "smooth", "compose", "sinks", "evaluate"},
    {"build", "train"},  # training uses the network of segment, and validates as the segmenter does
    {"plan", "speed"},
    {"job"},
    {"live", "bench"},
    {"cli", "__main__"},
]
STAGE_PACKAGES = STOREYS[4]

# Who may import what is slow to import, and where.
HEAVY = {
    "torch": ("segment/", "refine/", "compose/foreground_torch.py", "train/", "bench/"),
    "av": ("sources/", "sinks/"),
    "onnxruntime": ("segment/", "bench/"),
    "onnx": ("segment/", "train/"),
    "openvino": ("segment/runtimes/openvino.py", "segment/runtimes/centring.py"),
    "pymatting": ("refine/",),
    "pyvirtualcam": ("sinks/",),
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> list[tuple[str, bool]]:
    """Each imported module's full name, and whether only a type checker sees it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node in typing_only) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "livebg" else [node.module]
            )
            found += [(name, node in typing_only) for name in names]
    return found


def storey(name: str) -> int | None:
    return next((height for height, names in enumerate(STOREYS) if name in names), None)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downhill(path):
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if own == "__init__":
        return  # the public names, looked up lazily
    own_storey = storey(own)
    assert own_storey is not None, f"{own} has no storey yet: give it one"
    for name, typing_only in imports(path):
        parts = name.split(".")
        if parts[0] != "livebg" or len(parts) < 2 or typing_only or parts[1] == "__version__":
            continue
        other = parts[1]
        assert storey(other) is not None, f"{path.name} imports {name}, which has no storey"
        assert storey(other) <= own_storey, f"{path.name} imports {name}, which stands above it"
        if own in STAGE_PACKAGES and other in STAGE_PACKAGES:
            assert other == own, f"{own} and {other} are stage packages and do not import each other"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_libraries_stay_in_their_adapters(path):
    place = path.relative_to(PACKAGE).as_posix()
    for name, typing_only in imports(path):
        allowed = HEAVY.get(name.split(".")[0])
        if allowed is not None and not typing_only:
            assert place.startswith(allowed), f"{place} imports {name}, which belongs to {allowed}"


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)


def test_the_package_and_its_help_load_nothing_heavy():
    code = (
        "import sys, livebg, livebg.cli\n"
        "from click.testing import CliRunner\n"
        "result = CliRunner().invoke(livebg.cli.cli, ['--help'])\n"
        "assert result.exit_code == 0 and 'process' in result.output, result.output\n"
        "heavy = ('torch', 'av', 'cv2', 'numpy', 'onnxruntime', 'onnx', 'openvino', 'pydantic')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert run_python(code).stdout.strip() == "[]"


def test_every_public_name_can_be_had():
    import livebg

    assert sorted(livebg.__all__) == sorted(livebg._HOMES)
    for name in livebg.__all__:
        assert getattr(livebg, name) is not None
    with pytest.raises(AttributeError, match="livebg has no 'proces'"):
        livebg.proces  # noqa: B018
