"""A folder full of hostile files, made by code: the pictures of `hostile_pictures`, names, links, pipes, side files."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .hostile_pictures import encoded, pictures, scene

BAD_NAMES = (b"not utf-8 \xff\xfe.png", b"half a letter \xc3.png", b"half a pair \xed\xa0\x80.png")
NAMES = (
    "new\nline.png",
    "return\rand tab\t.png",
    "-rf.png",
    "--source.png",
    " .png",
    "a..png",
    "%2e%2e%2fup.png",
    "back\\..\\..\\slash.png",
    "'; DROP TABLE items; --.png",
    "$(touch taken) `id`.png",
    "[bold red]markup.png",
    "\x1b[2J\x1b]0;title\x07.png",
    "\u202egnp.exe.png",
    "cafe\u0301.png",
    "caf\u00e9.png",
    "\u200b\ufeff.png",
    "NUL.png",
    "x" * 251 + ".png",
)
SIDES: tuple[tuple[str, bytes], ...] = (
    ("json", b"{no"),
    ("json", b"[1]"),
    ("json", b'{"a": 1, "a": 2}'),
    ("json", b'{"price": NaN}'),
    ("json", b'{"price": ' + b"9" * 5000 + b"}"),
    ("json", b'{"a": ' + b"[" * 100_000),
    ("json", b'{"title": "\\ud800"}'),
    ("json", b'{"_text": "mine", "_uri": "other.png"}'),
    ("txt", b"caf\xe9"),
    ("txt", b"x" * 1_000_001),
    ("yaml", b"!!python/object/apply:os.system [touch taken]"),
    ("yaml", b"a: &a [1, 2]\nb: *a"),
    (
        "yaml",
        b"x0: &x0 {k: 1}\n" + b"".join(b"x%d: &x%d {<<: [*x%d, *x%d]}\n" % (n, n, n - 1, n - 1) for n in range(1, 60)),
    ),
    ("yaml", b"- " * 5000),
)
ROWS: tuple[object, ...] = (
    {"picture": "../outside.png"},
    {"picture": "/etc/passwd"},
    {"picture": "sub/../../outside.png"},
    {"picture": "C:\\outside.png"},
    {"picture": "gone.png"},
    {"picture": "a\0.png"},
    {"picture": ["a.png"]},
    {"picture": "p" * 5000},
    {"title": "nameless"},
    "a word",
)


@dataclass(frozen=True)
class Laid:
    """A thing in the folder: how the source calls it, its path's bytes, and whether it is good (None: may be).

    decoded: it is a picture file whose decoding can be measured.
    """

    uri: str
    kind: str
    path: bytes
    good: bool | None
    decoded: bool = False


def lay_out(root: Path) -> list[Laid]:
    """Make the folder, with a picture outside of it that must not be reached, and say what there is in it."""
    root.mkdir(parents=True)
    plain = encoded(scene(), "PNG")
    (root.parent / "outside.png").write_bytes(plain)
    return [
        *_good(root, plain),
        *_pictures(root),
        *_names(root, plain),
        *_sides(root, plain),
        *_odd_files(root, plain),
        *_rows(root),
    ]


def _good(root: Path, plain: bytes) -> Iterator[Laid]:
    for number in range(8):
        (root / f"good {number}.png").write_bytes(plain + bytes(number))
        (root / f"good {number}.txt").write_text(f"a good picture, number {number}", encoding="utf-8")
        yield Laid(f"good {number}.png", "good", b"good %d.png" % number, good=True, decoded=True)


def _pictures(root: Path) -> Iterator[Laid]:
    for one in pictures():
        folder = root / one.kind
        folder.mkdir(exist_ok=True)
        (folder / one.name).write_bytes(one.make())
        uri = f"{one.kind}/{one.name}"
        yield Laid(uri, one.kind, uri.encode(), one.good, decoded=True)


def _names(root: Path, plain: bytes) -> Iterator[Laid]:
    for name in (*map(str.encode, NAMES), *BAD_NAMES):
        (Path(os.fsdecode(os.fsencode(root) + b"/" + name))).write_bytes(plain)
        bad = name in BAD_NAMES
        yield Laid(name.decode("utf-8", "backslashreplace"), "odd name", name, good=not bad, decoded=not bad)
    deep = root / "/".join(["deep"] * 200)
    deep.mkdir(parents=True)
    (deep / "down.png").write_bytes(plain)
    uri = "deep/" * 200 + "down.png"
    yield Laid(uri, "odd name", uri.encode(), good=True, decoded=True)
    (root / "folder.png").mkdir()
    (root / "folder.png" / "inside.png").write_bytes(plain)
    yield Laid("folder.png/inside.png", "odd name", b"folder.png/inside.png", good=True, decoded=True)


def _sides(root: Path, plain: bytes) -> Iterator[Laid]:
    (root / "sides").mkdir()
    for number, (ending, content) in enumerate(SIDES):
        uri = f"sides/{number:02}.png"
        (root / uri).write_bytes(plain)
        (root / f"sides/{number:02}.{ending}").write_bytes(content)
        yield Laid(uri, "side file", uri.encode(), good=False)


def _odd_files(root: Path, plain: bytes) -> Iterator[Laid]:
    odd = root / "files"
    odd.mkdir()
    makers: dict[str, Callable[[Path], object]] = {
        "pipe.png": os.mkfifo,
        "pipe.txt": os.mkfifo,
        "socket.png": _bind,
        "device.png": lambda path: path.symlink_to("/dev/zero"),
        "endless.png": lambda path: path.symlink_to("/dev/urandom"),
        "itself.png": lambda path: path.symlink_to("itself.png"),
        "nowhere.png": lambda path: path.symlink_to("nowhere at all"),
        "ring 1.png": lambda path: path.symlink_to("ring 2.png"),
        "ring 2.png": lambda path: path.symlink_to("ring 1.png"),
        "to a pipe.png": lambda path: path.symlink_to("pipe.png"),
        "of the system.png": lambda path: path.symlink_to("/proc/self/environ"),
        "passwords.png": lambda path: path.symlink_to("/etc/passwd"),
        "mostly hole.png": lambda path: path.write_bytes(plain),
    }
    for name, make in makers.items():
        make(odd / name)
        yield Laid(f"files/{name}", "no plain file", b"files/" + name.encode(), good=False)
    os.truncate(odd / "mostly hole.png", 10**12)
    (odd / "up").symlink_to(root)  # a ring of folders: it ends, and nothing comes twice
    (odd / "again").symlink_to(odd)
    os.link(root / "good 0.png", odd / "hard link.png")
    (odd / "link.png").symlink_to("../good 1.png")
    for name in ("hard link.png", "link.png"):
        yield Laid(f"files/{name}", "no plain file", b"files/" + name.encode(), good=True)


def _bind(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path may only be 107 bytes long
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def _rows(root: Path) -> Iterator[Laid]:
    lines = [json.dumps(row) for row in ROWS] + ['{"picture": "good 0.png"', "[" * 100_000]
    (root / "manifest.jsonl").write_text("\n".join(lines), encoding="utf-8")
    for number, _ in enumerate(lines, start=1):
        yield Laid(f"manifest.jsonl, line {number}", "row of a manifest", b"", good=False)
