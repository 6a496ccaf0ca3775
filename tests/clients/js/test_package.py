"""The package as npm would publish it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from benchmarks.tree_server import serve_tree
from tests.clients.histories import new_tree
from tests.clients.js.running import CLIENT, Running

PACKAGE = json.loads((CLIENT / "package.json").read_text())


def packed_files() -> set[str]:
    """What npm puts into the package: as it says itself where it is installed, else by the rules of its `files`."""
    npm = shutil.which("npm")
    if npm is None:
        listed = [path for name in PACKAGE["files"] for path in (CLIENT / name, *(CLIENT / name).rglob("*"))]
        return {path.relative_to(CLIENT).as_posix() for path in listed if path.is_file()} | {
            "package.json",
            "README.md",
        }
    done = subprocess.run([npm, "pack", "--dry-run", "--json"], cwd=CLIENT, capture_output=True, text=True, check=True)
    return {file["path"] for file in json.loads(done.stdout)[0]["files"]}


def test_the_package_is_whole(js: Running, tmp_path: Path) -> None:
    """It has the entry, its types and every module, nothing else; and what it has can be imported by itself."""
    files = packed_files()
    modules = {path.relative_to(CLIENT).as_posix() for path in CLIENT.glob("src/*.js")}
    assert files == {"package.json", "README.md", "realtube.js", "realtube.d.ts"} | modules
    assert PACKAGE["exports"]["."] == {"types": "./realtube.d.ts", "default": "./realtube.js"}
    assert (PACKAGE["name"], PACKAGE["type"], PACKAGE["license"]) == ("realtube", "module", "Apache-2.0")
    assert not {"dependencies", "peerDependencies", "scripts"} & set(PACKAGE)
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(CLIENT / name, tmp_path / name)
    with serve_tree(tmp_path) as server:
        told = js.run("return Object.keys(await import(args.entry)).sort()", entry=f"{server.url}/realtube.js")
    types = (CLIENT / "realtube.d.ts").read_text()
    typed = set(re.findall(r"^export (?:const|class|function) (\w+)", types, re.MULTILINE))
    assert set(told) == typed == {"CATEGORIES", "RealTubeError", "indexedDBStore", "memoryStore", "openRecord"}


def test_no_module_imports_what_is_not_there() -> None:
    """Each import is a file beside it: nothing is taken from elsewhere."""
    for path in (CLIENT / "realtube.js", *CLIENT.glob("src/*.js")):
        source = path.read_text()
        assert len(source.splitlines()) <= 400
        for name in re.findall(r"^(?:import|export) .*? from '(.*?)'", source, re.MULTILINE | re.DOTALL):
            assert name.startswith("./")
            assert (path.parent / name).is_file(), f"{path}: {name}"


def test_what_a_report_and_a_status_have_is_typed(js: Running, tmp_path: Path) -> None:
    """The fields that are answered are those of the type file."""
    new_tree(tmp_path)
    types = (CLIENT / "realtube.d.ts").read_text()
    with serve_tree(tmp_path) as server:
        report = js.open(server.url).sync()
    answers = {"Report": report, "Status": js.status(), "Verdict": js.lookup(["x"])[0] or {}}
    for name, answer in answers.items():
        body = types.split(f"export interface {name} {{")[1].split("\n}")[0]
        assert set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE)) == set(answer)
