"""`imagora ingest --watch` in a process of its own: what changes in a folder shows up in the index, until Ctrl-C."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from imagora_folder.options import FolderOptions
from imagora_folder.source import FolderSource
from toy_distributions import environment_with, install, install_toys, run
from toy_recipes import recipe_of, write
from toy_stages import square

pytest.importorskip("watchfiles", reason="needs the extra: pip install 'imagora[folder]'")
SECONDS = 60
"""After how long a change counts as never coming."""
SLOW = """
import time
from imagora import Component, Options, hookimpl

class Slow:
    def prepare(self, prepared):
        time.sleep(0.03)
        return prepared

@hookimpl
def offer_preparers():
    return [Component("slow", "takes its time", Options, lambda options, context: Slow())]
"""


class Watching:
    """The running command; its rounds are read as they come."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder, self.rounds = folder, queue.Queue[dict[str, Any]]()
        command = [sys.executable, "-m", "imagora", "ingest", "toys.yaml", "--watch", *arguments]
        self.errors = (folder / "errors.txt").open("w")
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment_with(folder / "site"), stdout=subprocess.PIPE, stderr=self.errors
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.rounds.put(json.loads(line))

    def until(self, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Give the first round that fits; others may come before, where a change was heard in two parts."""
        end = time.monotonic() + SECONDS
        while True:
            said = self.rounds.get(timeout=max(end - time.monotonic(), 0.1))
            if true(said):
                return said

    def holds(self, **words: str) -> None:
        """Wait until the index has these items, "_" in a name is a dot and "__" a slash, and no others."""
        expected = {name.replace("__", "/").replace("_", "."): text for name, text in words.items()}
        self.until(lambda _: kept(self.folder) == expected)

    def end(self, by: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Send a signal; give the exit code and what was said beside the rounds."""
        self.process.send_signal(by)
        code = self.process.wait(SECONDS)
        self.errors.flush()
        return code, (self.folder / "errors.txt").read_text("utf-8")


def kept(folder: Path) -> dict[str, str]:
    entries = json.loads((folder / "index" / "index.json").read_text("utf-8"))["entries"]
    assert len({entry["id"] for entry in entries}) == len(entries)
    return {entry["payload"]["_uri"]: entry["payload"]["_text"] for entry in entries}


def text_of(file: Path) -> str:
    return file.read_text("utf-8") if file.exists() else ""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A recipe beside the folder `shop/photos`; its index and ledger are in a folder in there."""
    install_toys(tmp_path / "site")
    (tmp_path / "photos").mkdir()
    recipe_of_shop(tmp_path, use="folder", path="photos")
    return tmp_path


def recipe_of_shop(folder: Path, preparers: Sequence[Any] = (), **source: Any) -> None:
    (folder / "index").mkdir(exist_ok=True)
    index, ledger = {"use": "toy_memory", "path": "index/index.json"}, {"path": "index/ledger.sqlite"}
    write(folder, recipe_of(source=source, preparers=list(preparers), index=index, ledger=ledger))


@pytest.fixture
def watch(shop: Path) -> Iterator[Callable[..., Watching]]:
    started = list[Watching]()

    def start(*arguments: str) -> Watching:
        started.append(Watching(shop, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        one.errors.close()


def test_what_changes_in_the_folder_shows_up_in_the_index(shop: Path, watch: Callable[..., Watching]) -> None:
    photos = shop / "photos"
    (photos / "a.txt").write_text("one")
    watching = watch("--json")
    watching.holds(a_txt="one")
    (photos / "new" / "deep").mkdir(parents=True)
    (photos / "new" / "deep" / "b.txt").write_text("two")
    watching.holds(a_txt="one", new__deep__b_txt="two")
    (photos / "new" / "deep" / "b.txt").write_text("three")
    (photos / "a.txt").unlink()
    watching.holds(new__deep__b_txt="three")
    (photos / "new").rename(photos / "old")
    watching.holds(old__deep__b_txt="three")
    (photos / ".b.txt.part").write_text("four")
    (photos / ".b.txt.part").replace(photos / "old" / "deep" / "b.txt")
    watching.holds(old__deep__b_txt="four")
    (photos / "p.png").write_bytes(square("red"))
    watching.holds(old__deep__b_txt="four", p_png="")
    (photos / "p.json").write_text('{"text": "a square"}')
    watching.holds(old__deep__b_txt="four", p_png="a square")
    (photos / "manifest.csv").write_text("picture,text\np.png,a red square\n")
    watching.holds(old__deep__b_txt="four", p_png="a red square")
    code, said = watching.end()
    assert (code, "Traceback" in said) == (0, False)
    assert said.splitlines()[-1] == f"watching 'folder:{photos}'; Ctrl-C ends it"


def test_a_folder_that_is_gone_is_said_and_comes_back(shop: Path, watch: Callable[..., Watching]) -> None:
    photos = shop / "photos"
    (photos / "a.txt").write_text("one")
    watching = watch("--json")
    watching.holds(a_txt="one")
    shutil.rmtree(photos)
    assert "is not there" in watching.until(lambda said: "error" in said)["error"]
    assert kept(shop) == {"a.txt": "one"}, "what cannot be read is not taken for deleted"
    photos.mkdir()
    (photos / "b.txt").write_text("two")
    watching.holds(b_txt="two")
    (photos / "c.txt").write_text("three")
    watching.holds(b_txt="two", c_txt="three")
    assert watching.end(signal.SIGTERM)[0] == 0


def test_an_index_in_the_folder_does_not_wake_it_up_for_ever(shop: Path, watch: Callable[..., Watching]) -> None:
    recipe_of_shop(shop, use="folder", path=".", texts=[".md"])
    (shop / "a.md").write_text("one")
    watching = watch("--json")
    watching.holds(a_md="one")
    (shop / "a.md").write_text("two")
    watching.holds(a_md="two")
    with pytest.raises(queue.Empty):
        watching.rounds.get(timeout=3)
    assert watching.end()[0] == 0


def test_ctrl_c_in_the_middle_keeps_what_was_written_and_the_next_run_goes_on(
    shop: Path, watch: Callable[..., Watching]
) -> None:
    for number in range(250):
        (shop / "photos" / f"{number}.txt").write_text(f"text {number}")
    install(shop / "site", "imagora-slow", {"slow": "slow"}, {"slow": SLOW})
    recipe_of_shop(shop, use="folder", path="photos", preparers=[{"use": "slow"}])
    watching = watch()
    end = time.monotonic() + SECONDS
    while '"payload"' not in text_of(shop / "index" / "index.json") and time.monotonic() < end:
        time.sleep(0.05)
    code, said = watching.end()
    assert code == 130, said
    assert "ending after what is under way; once more ends it at once" in said
    assert "interrupted; what was written is kept" in said
    there = len(kept(shop))
    assert 0 < there < 250
    verified = run("-m", "imagora", "index", "verify", "toys.yaml", site=shop / "site", cwd=shop)
    assert verified.returncode == 0, verified.stdout
    done = run("-m", "imagora", "ingest", "toys.yaml", "--json", site=shop / "site", cwd=shop)
    report = json.loads(done.stdout)
    assert (report["unchanged"], report["added"]) == (there, 250 - there)


@pytest.mark.parametrize(
    ("source", "arguments", "said"),
    [
        ({"use": "toy_list", "items": []}, [], r"cannot say when .*sources that can: 'folder'"),
        ({"use": "kafka", "servers": "127.0.0.1:9", "topic": "shop"}, [], "'kafka:shop' needs no --watch: each run"),
        ({"use": "folder", "path": "photos"}, ["--dry-run"], "--watch goes with none of --dry-run"),
    ],
)
def test_what_cannot_be_watched_is_wrong_use_and_says_what_can(
    shop: Path, source: dict[str, Any], arguments: list[str], said: str
) -> None:
    if source["use"] == "kafka":
        pytest.importorskip("confluent_kafka", reason="needs the extra: pip install 'imagora[kafka]'")
    recipe_of_shop(shop, **source)
    done = run("-m", "imagora", "ingest", "toys.yaml", "--watch", *arguments, site=shop / "site", cwd=shop)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert re.search(said, line)


def test_without_watchfiles_it_says_what_to_type(shop: Path) -> None:
    (shop / "site" / "watchfiles.py").write_text("raise ImportError('not here')")
    (shop / "photos" / "a.txt").write_text("one")
    done = run("-m", "imagora", "ingest", "toys.yaml", "--watch", site=shop / "site", cwd=shop)
    said = "error: to watch a folder needs the package 'watchfiles'; type: pip install 'imagora[folder]' [IMG-404]\n"
    assert (done.returncode, done.stderr) == (1, said)
    done = run("-m", "imagora", "ingest", "toys.yaml", site=shop / "site", cwd=shop)
    assert done.returncode == 0, "and is needed for nothing else"


def test_what_changes_while_the_folder_is_read_is_heard_in_the_wait_after_it(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text("one")
    source, stop = FolderSource(FolderOptions(path=tmp_path)), threading.Event()
    stop.set()
    assert not source.wait(stop), "it begins to listen"
    stop.clear()
    reading = source.items()
    assert next(reading).uri == "a.txt"
    (tmp_path / "a.txt").write_text("two")  # as long as before, and within the same tick of the clock
    assert len(list(reading)) == 2
    timer = threading.Timer(SECONDS, stop.set)
    timer.start()
    assert source.wait(stop)
    timer.cancel()
    list(source.items())
    threading.Timer(1.5, stop.set).start()
    assert not source.wait(stop), "and nothing more happened"


def test_who_did_not_listen_before_reading_is_told_to_read_again(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    source, stop = FolderSource(FolderOptions(path=tmp_path)), threading.Event()
    list(source.items())
    assert source.wait(stop)


def test_a_link_to_a_large_folder_is_not_listened_in(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.txt").write_text("one")
    (tmp_path / "photos" / "away").symlink_to(os.sep)
    source, stop = FolderSource(FolderOptions(path=tmp_path / "photos")), threading.Event()
    stop.set()
    source.wait(stop)
    assert source._watch is not None
    assert source._watch._listened == {""}
