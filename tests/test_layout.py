"""The shape of the repository: names, sizes, words, and what is packed into an installation."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
TOP_LEVEL = ("intake", "publisher", "data", "clients", "cli")
PACKAGES = ("intake", "publisher", "data", "clients")
SOURCES = sorted([PROJECT / "cli.py", *(path for name in PACKAGES for path in (PROJECT / name).rglob("*.py"))])
ALL_PYTHON = sorted([*SOURCES, *(path for name in ("tests", "benchmarks") for path in (PROJECT / name).rglob("*.py"))])
LONGEST_FILE, LONGEST_FUNCTION, LONG_FUNCTION = 400, 60, 35
FORBIDDEN = {
    "manager, service or handler as a suffix": re.compile(r"(?i)[a-z0-9]_?(manager|service|handler)s?$"),
    "helper, util, common, misc or impl": re.compile(r"(?i)(^|_)(helper|util|utils|helpers|common|misc|impl)(_|$)"),
    "the same in CamelCase": re.compile(r"(Helper|Util|Utils|Common|Misc|Impl)(?![a-z])"),
    "Base or Abstract for a class to inherit from": re.compile(r"[a-z]Base$|^Abstract[A-Z]"),
    "process as a verb": re.compile(r"^_?process(_|$)"),
    "info, data or item as a variable": re.compile(r"^(info|data|item)$"),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def shown(path: Path) -> str:
    """A path as people name it."""
    return str(path.relative_to(PROJECT))


def functions(path: Path) -> Iterator[Function]:
    """Every function of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def length(function: Function) -> int:
    """Lines of a function, its docstring left out: explaining is not complexity."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_every_name_is_ours(name: str) -> None:
    """Each top-level name resolves inside this checkout, and no other installed distribution claims it."""
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    assert Path(found.origin).is_relative_to(PROJECT)
    assert set(metadata.packages_distributions().get(name, [])) == {"realtube"}


@pytest.mark.parametrize("path", ALL_PYTHON, ids=shown)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    """A module has a docstring, and fits on a few screens."""
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert text.count("\n") <= LONGEST_FILE


def test_functions_are_short() -> None:
    """None is longer than 60 lines, and nine in ten have at most 35."""
    lengths = {f"{shown(path)}:{node.lineno} {node.name}": length(node) for path in SOURCES for node in functions(path)}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}
    assert sum(lines > LONG_FUNCTION for lines in lengths.values()) <= len(lengths) / 10


def identifiers(path: Path) -> Iterator[str]:
    """Every name that a file gives: modules, classes, functions, arguments, variables, attributes."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | Function):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_words_that_say_nothing_are_not_used(path: Path) -> None:
    """The last line of the glossary holds for every identifier."""
    used = {(name, why) for name in identifiers(path) for why, word in FORBIDDEN.items() if word.search(name)}
    assert used == set()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locks_pin_everything_and_name_no_place(name: str) -> None:
    """Each distribution has one version and hashes, wherever it is downloaded from."""
    text = (PROJECT / name).read_text(encoding="utf-8")
    pinned = re.findall(r"^([a-z0-9-]+)==\S+(?: ; [^\\\n]*)? \\\n    --hash=sha256:", text, re.MULTILINE)
    starts = re.findall(r"^[a-zA-Z0-9]\S*", text, re.MULTILINE)
    assert len(pinned) == len(starts) > 40
    assert "://" not in text


def test_both_locks_agree() -> None:
    """Tests run with the versions that the image has."""
    pins = [
        set(re.findall(r"^\S+==\S+", (PROJECT / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    ]
    assert pins[0] <= pins[1]


def test_an_installation_has_every_file(tmp_path: Path) -> None:
    """What stands in our packages (SQL, templates, pages) is in the wheel, nothing else is; browsers have their own."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules", "js", "extension")
    for name in PACKAGES:
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=ignored)
    for name in ("cli.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, tmp_path / name)
    expected = {str(path.relative_to(tmp_path)) for name in PACKAGES for path in (tmp_path / name).rglob("*.*")}
    program = "import setuptools.build_meta as build; print(build.build_wheel('dist'))"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(tmp_path / "dist" / done.stdout.splitlines()[-1]) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == expected | {"cli.py"}
