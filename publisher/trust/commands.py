"""`realtube keys`: who may sign."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data.formats import signed
from data.formats.root import Root
from data.home import Home, home_of
from publisher import keys as key_files
from publisher import schedule
from publisher.trust import changes, drafts, installing
from publisher.trust.drafts import Draft, DraftError

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
root_key_option = click.option(
    "--root-key",
    "root_keys",
    type=EXISTING,
    multiple=True,
    help="Private root key that signs; give as many as you hold.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON, one line.")


@dataclass(frozen=True, slots=True)
class RootFacts:
    """What `keys show` says of a root; keys by their ids."""

    version: int
    created: str
    root: list[str]
    threshold: int
    online: list[str]
    revoked: list[str]
    reason: str


@click.group()
def keys() -> None:
    """Say who may sign, and change it: online key, root keys.

    Two of the three root keys change anything. What they decide is root n + 1; the next publish goes by it.

    \b
    Example:
      realtube keys show
    """


@keys.command()
@json_option
def show(as_json: bool) -> None:
    """List all roots: whose signatures make roots and heads valid.

    \b
    Example:
      realtube keys show
    """
    home = home_of(os.environ)
    known = installing.roots_of(home)
    ours = signed.key_id(signed.public_bytes(installing.signer_of(home).key))
    facts = [_facts(root) for root in known.values()]
    if as_json:
        click.echo(
            orjson.dumps(
                {
                    "roots": [asdict(fact) for fact in facts],
                    "this_home": ours,
                    "unfinished": home.unfinished_root.exists(),
                }
            )
        )
        return
    for fact in facts:
        click.echo(f"root {fact.version} of {fact.created}" + (" (newest)" if fact is facts[-1] else ""))
        click.echo(f"  root keys    {'  '.join(fact.root)}  ({fact.threshold} must sign)")
        marked = "  ".join(key + (" (this home)" if key == ours else "") for key in fact.online)
        click.echo(f"  signs heads  {marked}")
        if fact.revoked:
            click.echo(f"  revoked      {'  '.join(fact.revoked)}: {fact.reason}")
    if home.unfinished_root.exists():
        draft = drafts.parse(home.unfinished_root.read_bytes())
        click.echo(f"unfinished: root {draft.root.version}, {draft.lacks() or 'complete'} ({home.unfinished_root})")


@keys.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def create(file: Path, as_json: bool) -> None:
    """Draw a new private key into FILE, readable by its owner only.

    \b
    Example:
      realtube keys create /media/usb/root-4.pem
    """
    name = signed.key_id(signed.public_bytes(key_files.draw(file)))
    click.echo(orjson.dumps({"key": name, "file": str(file)}) if as_json else f"key {name} in {file}")


@keys.command()
@root_key_option
@click.option(
    "--root", "replaced", nargs=2, metavar="KEY_ID NEW.pem", help="Put a new root key in the place of this one."
)
@click.option("--add-root", type=EXISTING, metavar="NEW.pem", help="Bring in one more root key.")
@json_option
def rotate(root_keys: tuple[Path, ...], replaced: tuple[str, str] | None, add_root: Path | None, as_json: bool) -> None:
    """Change the online key, or with --root a root key, out of routine.

    Draws up root n + 1 and signs it with the root keys given. When they are not enough, the root waits in a file of
    the home: carry it to the other holders (`keys sign`), and take it in (`keys install`).
    NEW.pem is a private key, which signs too, or a public one.

    \b
    Example:
      realtube keys rotate --root-key /media/a/root-1.pem --root-key /media/b/root-2.pem
      realtube keys rotate --root 0123456789abcdef root-4.pem --root-key root-1.pem --root-key root-2.pem
    """
    if replaced and add_root:
        raise click.UsageError("give --root or --add-root, not both")
    home = home_of(os.environ)
    with schedule.alone(home.keys_lock):
        newest = _newest(home)
        signers = [key_files.read(path) for path in root_keys]
        if not replaced and not add_root:
            public = signed.public_bytes(installing.new_online_key(home))
            after = changes.with_online_key(newest, public, created_ms=_now_ms())
        else:
            new, instead_of = (Path(replaced[1]), replaced[0]) if replaced else (add_root, "")
            assert new is not None
            after = changes.with_root_key(
                newest, key_files.read_public(new), instead_of=instead_of, created_ms=_now_ms()
            )
            signers += _own_signature(new)
        _propose(home, after, signers, as_json)


@keys.command()
@click.argument("key_id")
@click.option("--reason", required=True, help="Why it is not trusted any more; published in the root.")
@root_key_option
@json_option
def revoke(key_id: str, reason: str, root_keys: tuple[Path, ...], as_json: bool) -> None:
    """Take a key out that is not trusted any more: the online key (a new one is drawn), or a root key.

    After an online key is revoked, `publish` refuses to build on what that key signed last: look at it, then
    `realtube rollback` to the last good tick, or `realtube publish --override REASON`.

    \b
    Example:
      realtube keys revoke 0123456789abcdef --reason "laptop stolen" --root-key root-1.pem --root-key root-2.pem
    """
    if not reason.strip():
        raise click.UsageError("--reason must say something")
    home = home_of(os.environ)
    with schedule.alone(home.keys_lock):
        newest = _newest(home)
        signers = [key_files.read(path) for path in root_keys]
        if key_id in [signed.key_id(key) for key in newest.online_keys]:
            public = signed.public_bytes(installing.new_online_key(home))
            after = changes.with_online_key(newest, public, created_ms=_now_ms(), reason=reason)
        else:
            after = changes.without_root_key(newest, key_id, created_ms=_now_ms(), reason=reason)
        _propose(home, after, signers, as_json)


@keys.command()
@click.argument("file", type=EXISTING)
@click.option(
    "--root-key", "root_keys", type=EXISTING, multiple=True, required=True, help="Private root key that signs."
)
@json_option
def sign(file: Path, root_keys: tuple[Path, ...], as_json: bool) -> None:
    """Sign an unfinished root in FILE, on any machine; no home is needed.

    Says what the root would change: read it before you give the signed file back.

    \b
    Example:
      realtube keys sign unfinished-root.json --root-key root-2.pem
    """
    draft = drafts.parse(file.read_bytes())
    if not as_json:
        click.echo("\n".join(_wording(draft)))
    draft = drafts.sign(draft, [key_files.read(path) for path in root_keys])
    key_files.replace_file(file, draft.text(), installing.WORLD_READABLE)
    _say(draft, as_json, installed=False, where=file)


@keys.command()
@click.argument("files", type=EXISTING, nargs=-1)
@json_option
def install(files: tuple[Path, ...], as_json: bool) -> None:
    """Take in a root that is signed by enough; the next publish goes by it.

    FILES are copies of one unfinished root, signed in different places; without any, the home's own is taken.

    \b
    Example:
      realtube keys install unfinished-root.json
    """
    home = home_of(os.environ)
    with schedule.alone(home.keys_lock):
        installing.settle(home)
        paths = list(files) or [home.unfinished_root]
        if not paths[0].exists():
            raise DraftError("no root waits here: `realtube keys rotate` draws one up")
        draft = drafts.merged([drafts.parse(path.read_bytes()) for path in paths])
        installing.install(home, draft)
        _say(draft, as_json, installed=True, where=home.roots)


def _newest(home: Home) -> Root:
    installing.settle(home)
    installing.refuse_second(home)
    return list(installing.roots_of(home).values())[-1]


def _propose(home: Home, after: Root, signers: Sequence[Ed25519PrivateKey], as_json: bool) -> None:
    before_text = key_files.read_roots(home.roots)[after.version - 1]
    draft = drafts.sign(drafts.draw_up(before_text, after), signers)
    installing.put_aside(home, draft)
    complete = not draft.lacks()
    if complete:
        installing.install(home, draft)
    if not as_json:
        click.echo("\n".join(_wording(draft)))
    _say(draft, as_json, installed=complete, where=home.roots if complete else home.unfinished_root)


def _own_signature(path: Path) -> list[Ed25519PrivateKey]:
    try:
        return [key_files.read(path)]
    except key_files.KeyFileError:  # a public key: its holder signs elsewhere
        return []


def _say(draft: Draft, as_json: bool, *, installed: bool, where: Path) -> None:
    version, lacks = draft.root.version, draft.lacks()
    if as_json:
        facts = {"version": version, "installed": installed, "lacks": lacks, "signed_by": sorted(draft.signatures)}
        click.echo(orjson.dumps(facts | {"file": str(where)}))
    elif installed:
        click.echo(f"root {version} stands; the next publish goes by it")
    else:
        click.echo(f"{where}: {lacks or 'complete: take it in with `realtube keys install`'}")


def _wording(draft: Draft) -> list[str]:
    lines = [f"root {draft.root.version}, after root {draft.before.version}:"]
    for what, before, after in (
        ("root key", draft.before.root_keys, draft.root.root_keys),
        ("online key", draft.before.online_keys, draft.root.online_keys),
    ):
        lines += [f"  {what} {signed.key_id(key)} goes" for key in before if key not in after]
        lines += [f"  {what} {signed.key_id(key)} comes" for key in after if key not in before]
    if draft.root.revoked:
        lines.append(f"  revoked {', '.join(draft.root.revoked)}: {draft.root.reason}")
    return lines


def _facts(root: Root) -> RootFacts:
    return RootFacts(
        version=root.version,
        created=datetime.fromtimestamp(root.created_ms / 1000, UTC).isoformat(" ", "seconds"),
        root=[signed.key_id(key) for key in root.root_keys],
        threshold=root.root_threshold,
        online=[signed.key_id(key) for key in root.online_keys],
        revoked=list(root.revoked),
        reason=root.reason,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
