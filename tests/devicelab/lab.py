"""A machine with a camera, a virtual camera and nothing else, in an emulator: Debian's kernel, vivid and v4l2loopback.

Nothing is installed: Debian's packages are fetched and unpacked below ``build/devicelab``, the module is built there,
and QEMU runs from there without KVM. The emulated machine sees this one's files read-only through 9p, with what it
writes kept in its memory, and runs the tests of ``guest/`` with this environment's Python. All but the run itself is
done once.

Why the packages are not installed by apt-get: a test must not change the machine it runs on, and so it needs no root.
"""

from __future__ import annotations

import lzma
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "build" / "devicelab"
# With what they need and this machine does not have.
PROGRAMS = ("qemu-system-x86", "busybox-static", "v4l-utils")
# In the order of loading; each after what it depends on. USER_MODULE is built here.
SYSTEM_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
CAMERA_MODULES = ("vivid", "videodev")
USER_MODULE = "v4l2loopback"
# Seconds before each is given up. On a machine with nothing else to do all of it takes some two minutes.
FETCHING, BUILDING, RUNNING = 240, 120, 480
LONGEST = 900


class Unavailable(Exception):
    """The lab cannot be had on this machine; the text says why."""


def results(log: Path) -> dict[str, str | None]:
    """Build what is missing, boot, run the tests of ``guest/`` and power off.

    Args:
        log: Takes what the machine says on its console.

    Returns:
        Of each test, ``file::function[parameters]``: ``None`` where it passed, else what went wrong.

    Raises:
        Unavailable: A package or tool that is needed cannot be had here.
        RuntimeError: The machine did not come to its end.
    """
    _require_host()
    FOLDER.mkdir(parents=True, exist_ok=True)
    system = _unpacked()
    kernel = next(system.glob("boot/vmlinuz-*"))
    modules = next(system.glob("lib/modules/*"))
    initramfs = _initramfs(system, modules, _user_module(system, modules))
    return _boot(system, kernel, initramfs, log)


def _require_host() -> None:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise Unavailable(f"the device lab runs on x86-64 Linux, not on {platform.system()} {platform.machine()}")
    missing = [tool for tool in ("apt-get", "dpkg", "gcc", "make") if shutil.which(tool) is None]
    if missing:
        raise Unavailable(f"the device lab needs {', '.join(missing)}: on Debian, apt-get install build-essential")


def _unpacked() -> Path:
    """The packages' files, fetched once."""
    system, fresh = FOLDER / "system", FOLDER / "system.partial"
    if system.is_dir():
        return system
    shutil.rmtree(fresh, ignore_errors=True)
    for package in _fetched():
        _call(["dpkg", "-x", str(package), str(fresh)], BUILDING)
    _call(["ln", "-sfn", "usr/lib", str(fresh / "lib")], 5) if not (fresh / "lib").exists() else None
    fresh.rename(system)
    return system


def _fetched() -> list[Path]:
    """Packages from wherever this machine's apt is told to get them, with lists and archives of our own."""
    apt = FOLDER / "apt"
    archives = apt / "cache" / "archives"
    for folder in (apt / "lists" / "partial", archives / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    own = ["-q", "-o", f"Dir::State::lists={apt / 'lists'}", "-o", f"Dir::Cache={apt / 'cache'}"]
    own += ["-o", "Debug::NoLocking=true", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30"]
    if os.getuid() == 0:
        own += ["-o", "APT::Sandbox::User=root"]  # else its own user may not write here
    try:
        _call(["apt-get", *own, "update"], FETCHING)
        _call(["apt-get", *own, "install", "--yes", "--download-only", "--no-install-recommends", *PROGRAMS], FETCHING)
        _call(["apt-get", *own, "download", *_kernel_packages(own)], FETCHING, archives)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"").decode(errors="replace").strip().splitlines()
        raise Unavailable(f"the device lab's packages cannot be had: {said[-1] if said else error}") from error
    return sorted(archives.glob("*.deb"))


def _kernel_packages(own: Sequence[str]) -> list[str]:
    """Debian's present kernel, what builds a module for it, and the module's source."""
    said = _call(["apt-cache", *own, "depends", "linux-image-amd64"], FETCHING)
    found = re.search(r"Depends: linux-image-(\S+)-amd64", said)
    if found is None:
        raise Unavailable("the device lab needs Debian's kernel: this distribution has no linux-image-amd64")
    version = found[1]
    series = ".".join(version.split(".")[:2])
    headers = f"linux-headers-{version}"
    needs = _call(["apt-cache", *own, "depends", f"{headers}-amd64"], FETCHING)
    tools = re.findall(rf"Depends: (linux-(?:kbuild|compiler)-\S*{re.escape(series)}\S*|linux-compiler-\S+)", needs)
    return [f"linux-image-{version}-amd64", f"{headers}-amd64", f"{headers}-common", *tools, "v4l2loopback-dkms"]


def _user_module(system: Path, modules: Path) -> Path:
    """v4l2loopback, built once for the unpacked kernel."""
    built = FOLDER / USER_MODULE / f"{USER_MODULE}.ko"
    if built.exists():
        return built
    headers = system / "usr" / "src" / f"linux-headers-{modules.name}"
    for file in system.glob("usr/src/linux-headers-*/Makefile"):  # they name their folders by where Debian puts them
        text = re.sub(r"(?<![\w/])/usr/(src|lib)/linux-", rf"{system}/usr/\1/linux-", file.read_text())
        file.write_text(text)
    shutil.copytree(next(system.glob(f"usr/src/{USER_MODULE}-*")), built.parent, dirs_exist_ok=True)
    try:
        _call(["make", "-C", str(headers), f"M={built.parent}", "modules"], BUILDING)
    except subprocess.CalledProcessError as error:
        raise Unavailable(
            f"{USER_MODULE} does not build here: {error.stderr.decode(errors='replace')[-300:]}"
        ) from error
    return built


def _initramfs(system: Path, modules: Path, user_module: Path) -> bytes | Path:
    """The files that the kernel starts with: one shell for all, and the modules in the order of loading."""
    tree = FOLDER / "initramfs"
    shutil.rmtree(tree, ignore_errors=True)
    for name in ("bin", "modules", "dev", "proc", "host", "new"):
        (tree / name).mkdir(parents=True)
    shutil.copy(system / "bin" / "busybox", tree / "bin")
    shutil.copy(Path(__file__).with_name("init.sh"), tree / "init")
    (tree / "init").chmod(0o755)
    available = {_plain(path): path for path in (modules / "kernel").rglob("*.ko*")}
    for order, wanted in (("system", SYSTEM_MODULES), ("cameras", CAMERA_MODULES)):
        loaded = list(_with_dependencies(wanted, available))
        for name in loaded:
            (tree / "modules" / f"{name}.ko").write_bytes(_content(available[name]))
        (tree / "modules" / order).write_text("".join(f"{name}\n" for name in loaded))
    shutil.copy(user_module, tree / "modules")
    archive = FOLDER / "initramfs.cpio"
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    with archive.open("wb") as file:
        subprocess.run(
            [tree / "bin" / "busybox", "cpio", "-o", "-H", "newc"],
            input=names.encode(), stdout=file, stderr=subprocess.PIPE, cwd=tree, check=True, timeout=BUILDING,
        )  # fmt: skip
    return archive


def _with_dependencies(wanted: Iterable[str], available: Mapping[str, Path]) -> Iterable[str]:
    """Module names, each once and after those it needs; what is built into the kernel has no file and is left out."""
    done: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in done or name not in available:
            return
        found = re.search(rb"\0depends=([^\0]*)\0", _content(available[name]))
        for each in found[1].decode().split(",") if found else ():
            visit(each.replace("-", "_"))
        done[name] = None

    for name in wanted:
        visit(name)
    return done


def _plain(path: Path) -> str:
    return path.name.split(".")[0].replace("-", "_")


def _content(module: Path) -> bytes:
    return lzma.decompress(module.read_bytes()) if module.suffix == ".xz" else module.read_bytes()


def _boot(system: Path, kernel: Path, initramfs: Path, log: Path) -> dict[str, str | None]:
    out = FOLDER / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    orders = {
        "REPOSITORY": REPOSITORY,
        "PYTHON": sys.executable,
        "SYSTEM": system,
        "OPTIONS": os.environ.get("LIVEBG_LAB_OPTIONS", ""),  # of pytest, for whoever looks for a fault: -k busy
    }
    (out / "orders").write_text("".join(f'{key}="{value}"\n' for key, value in orders.items()))
    libraries = system / "usr" / "lib" / "x86_64-linux-gnu"
    command = [
        system / "usr/bin/qemu-system-x86_64", "-L", system / "usr/share/qemu", "-L", system / "usr/share/seabios",
        "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "3G", "-nographic", "-no-reboot",
        "-nic", "none", "-kernel", kernel, "-initrd", initramfs, "-append", "console=ttyS0 panic=-1 quiet",
        "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
        "-virtfs", f"local,path={out},mount_tag=out,security_model=none",
    ]  # fmt: skip
    with log.open("wb") as console:
        try:
            subprocess.run(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
                env={**os.environ, "LD_LIBRARY_PATH": f"{libraries}:{system / 'lib/x86_64-linux-gnu'}"},
                timeout=RUNNING, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"the machine did not come to its end in {RUNNING} s; its console: {log}") from error
    report = out / "report.xml"
    if not report.exists():
        raise RuntimeError(f"the machine left no report; its console: {log.read_text(errors='replace')[-2000:]}")
    return _outcomes(report)


def _outcomes(report: Path) -> dict[str, str | None]:
    outcomes: dict[str, str | None] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        wrong = [child for child in case if child.tag in ("failure", "error", "skipped")]
        name = f"{case.get('classname', '').rsplit('.', 1)[-1]}::{case.get('name')}"
        outcomes[name] = "\n".join(f"{each.tag}: {each.get('message')}\n{each.text or ''}" for each in wrong) or None
    return outcomes


def _call(command: Sequence[str], seconds: float, folder: Path | None = None) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, cwd=folder, timeout=seconds, check=True,
        env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    return done.stdout.decode(errors="replace")
