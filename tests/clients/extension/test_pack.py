"""What is packed: all that is needed, nothing from elsewhere, and few permissions."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.clients.extension.running import PACK
from tests.homes import PROJECT

EXTENSION = PACK.parent
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\bon[a-z]+=")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\bstyle=")
ELSEWHERE = re.compile(r"(?:src|href|url\()=?[\"'(]?(?:https?:)?//")
CLIENT = EXTENSION.parent / "js"


def pack(*arguments: object, exit_code: int = 0) -> str:
    """Runs the script, and gives what it says."""
    done = subprocess.run([sys.executable, PACK, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stderr
    return done.stdout + done.stderr


def test_the_zip_is_whole(tmp_path: Path) -> None:
    """It has every part once, the client's module byte for byte, icons of each size; the same zip every time."""
    first, again = tmp_path / "a.zip", tmp_path / "new/b.zip"
    pack(first)
    pack(again)
    assert first.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(first) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    ours = [path for part in ("src", "page", "options") for path in (EXTENSION / part).rglob("*.*")]
    module = [CLIENT / "realtube.js", *(CLIENT / "src").glob("*.js")]
    expected = {path.relative_to(EXTENSION).as_posix(): path for path in [*ours, EXTENSION / "manifest.json"]}
    expected |= {f"realtube/{path.relative_to(CLIENT).as_posix()}": path for path in module}
    icons = {f"icons/{size}.png" for size in (16, 32, 48, 128)}
    expected["LICENSE"] = PROJECT / "LICENSE"
    assert set(held) == set(expected) | icons
    assert all(held[name] == path.read_bytes() for name, path in expected.items())
    for name in icons:
        size = int(Path(name).stem)
        assert held[name].startswith(b"\x89PNG\r\n\x1a\n")
        assert held[name][16:24] == size.to_bytes(4, "big") * 2
    assert not (EXTENSION / "realtube").exists()


def test_a_build_of_its_own(tmp_path: Path) -> None:
    """More pages and an address go into a build; a directory that is there is left alone."""
    pack(
        tmp_path / "out",
        "--match",
        "http://localhost/*",
        "--origin",
        'https://x.example/"',
        "--intake",
        "https://y.example",
    )
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["content_scripts"][0]["matches"][-1] == "http://localhost/*"
    site = (tmp_path / "out/src/site.js").read_text()
    assert site.endswith('{"origins": ["https://x.example/\\""], "root": "", "intake": "https://y.example"};\n')
    assert "exists already" in pack(tmp_path / "out", exit_code=1)


def test_few_permissions_and_nothing_from_elsewhere() -> None:
    """It may store and ring, everything else is asked for; no script stands in a page, none comes from outside."""
    manifest = json.loads((EXTENSION / "manifest.json").read_text())
    assert manifest["permissions"] == ["alarms", "storage"]
    assert not {"host_permissions", "web_accessible_resources", "externally_connectable"} & set(manifest)
    policy = manifest["content_security_policy"]["extension_pages"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    named = [*manifest["content_scripts"][0]["js"], *manifest["content_scripts"][0]["css"]]
    named += [manifest["background"]["service_worker"], manifest["options_ui"]["page"]]
    assert all((EXTENSION / name).is_file() for name in named)
    for path in [path for path in EXTENSION.rglob("*.*") if path.suffix in {".js", ".html", ".css"}]:
        text = path.read_text()
        assert text.count("\n") <= 400
        assert not any(pattern.search(text) for pattern in (MARKUP, INLINE, ELSEWHERE))
        for name in re.findall(r"^import .*? from '(.*?)';$", text, re.MULTILINE | re.DOTALL):
            target = (path.parent / name).resolve()
            assert target.is_file() or (CLIENT / target.relative_to(EXTENSION / "realtube")).is_file()
