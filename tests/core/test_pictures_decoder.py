"""The processes that decode: they die, hang and are replaced, and the caller never notices more than a PictureError."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from imagora import pictures
from imagora.errors import PictureError, StageError
from imagora.pictures import PictureDecoder, PictureLimits, decode
from imagora_decoder.__main__ import CHECK
from PIL import Image

ROOMY = 1_000_000_000  # bytes: enough for the heavy picture
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which only Linux has")


def png(width: int = 40, height: int = 30) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, "PNG")
    return out.getvalue()


@cache
def heavy_png() -> bytes:
    """A sound picture of 99 megapixels, small as a file, that takes a while to decode."""
    out = BytesIO()
    Image.new("RGB", (11000, 9000)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def children() -> list[int]:
    lists = [task / "children" for task in Path("/proc/self/task").iterdir()]
    found = list[int]()
    for file in lists:
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found += map(int, file.read_text().split())
    return sorted(found)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (317, 2), (1500, 900)])
def test_a_picture_that_is_not_compressed_has_the_same_pixels(size: tuple[int, int]) -> None:
    drawn = Image.radial_gradient("L").resize(size)
    Image.merge("RGB", (drawn, drawn.rotate(90, expand=False), Image.new("L", size, 7))).save(out := BytesIO(), "PNG")
    small, stored = decode(out.getvalue()), decode(out.getvalue(), PictureLimits(compress=False))
    with Image.open(BytesIO(small.png)) as first, Image.open(BytesIO(stored.png)) as second:
        second.verify()  # its checksums
        with Image.open(BytesIO(stored.png)) as again:
            assert (again.mode, again.size, again.tobytes()) == (first.mode, first.size, first.tobytes())
    assert len(stored.png) >= 3 * stored.width * stored.height


def test_a_file_and_its_bytes_give_the_same_picture(tmp_path: Path) -> None:
    file = tmp_path / "a\nb.png"
    file.write_bytes(png())
    assert decode(file) == decode(png())


def test_what_is_not_a_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to("link.png")
    for name, reason in (
        ("pipe.png", "it is not a regular file"),
        (".", "it is not a regular file"),
        ("nothing.png", "it cannot be read: No such file"),
        ("link.png", "it cannot be read: "),
        ("a\0b", "it cannot be read: "),
    ):
        with pytest.raises(PictureError, match=reason):
            decode(tmp_path / name)


def test_a_file_that_is_too_large_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    with file.open("wb") as out:
        out.truncate(65_000_000)
    with pytest.raises(PictureError, match=r"larger than 64 MB"):
        decode(file)


@linux
def test_a_whole_picture_fits_into_a_pipe() -> None:
    import fcntl

    with PictureDecoder(1) as decoder:
        decoder.decode(png())
        process = decoder._free.queue[0]._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        for pipe in (process.stdin, process.stdout):
            assert fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) in (65_536, 1 << 20)  # or as much as a user's pipes may hold
        assert os.geteuid() != 0 or fcntl.fcntl(process.stdout, fcntl.F_GETPIPE_SZ) == 1 << 20


def test_a_picture_that_takes_too_long_is_given_up_and_the_next_one_is_decoded() -> None:
    with PictureDecoder(1, PictureLimits(seconds=0.2, memory=ROOMY)) as decoder:
        with pytest.raises(PictureError, match=r"it took longer than 0\.2 s"):
            decoder.decode(heavy_png())
        assert decoder.decode(png()).width == 40


@linux
def test_a_decoder_that_the_machine_does_not_let_run_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_PATIENCE", 0.2)
    with PictureDecoder(1) as decoder, ThreadPoolExecutor(1) as pool:
        decoder.decode(png())
        worker = decoder._free.queue[0]._process
        assert worker is not None
        os.kill(worker.pid, signal.SIGSTOP)
        decoded = pool.submit(decoder.decode, png())
        time.sleep(2 * 0.2 * decoder.limits.seconds)
        assert not decoded.done()
        os.kill(worker.pid, signal.SIGCONT)
        assert decoded.result(10).width == 40


def test_a_decoder_that_waits_for_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pictures, "_PATIENCE", 0.2)
    idle = tmp_path / "idle.py"
    idle.write_text("import sys, time\nsys.stdout.write('+')\nsys.stdout.flush()\ntime.sleep(99)")
    monkeypatch.setattr(pictures, "PROGRAM", str(idle))
    with PictureDecoder(1) as decoder, pytest.raises(PictureError, match="it took longer than 2 s"):
        decoder.decode(png())


@linux
def test_a_decoder_that_is_stopped_for_good_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_PATIENCE", 0.2)
    with PictureDecoder(1) as decoder:
        decoder.decode(png())
        worker = decoder._free.queue[0]._process
        assert worker is not None
        os.kill(worker.pid, signal.SIGSTOP)
        with pytest.raises(PictureError, match="it took longer than 2 s"):
            decoder.decode(png())
        assert decoder.decode(png()).width == 40


def test_a_picture_that_needs_too_much_memory_is_refused_and_the_next_one_is_decoded() -> None:
    if sys.platform == "darwin":
        pytest.skip("macOS does not hold processes to a limit of memory")
    with PictureDecoder(1) as decoder:
        with pytest.raises(PictureError, match=r"more memory to decode than is allowed \(300 MB\)"):
            decoder.decode(heavy_png())
        assert decoder.decode(png()).width == 40


def pale(mode: str) -> bytes:
    """50 megapixels, which are shrunk in strips: transparent red on the left, blue on the right."""
    out, image = BytesIO(), Image.new("RGBA", (10_000, 5_000), (0, 0, 255, 255))
    image.paste((255, 0, 0, 128), (0, 0, 5_000, 5_000))
    image.convert(mode).save(out, "PNG", compress_level=1)
    return out.getvalue()


@pytest.mark.parametrize(("mode", "left"), [("RGBA", (255, 127, 127)), ("RGB", (255, 0, 0)), ("LA", (165, 165, 165))])
def test_fifty_megapixels_fit_in_the_memory_and_are_as_they_should_be(mode: str, left: tuple[int, ...]) -> None:
    picture = decode(pale(mode), PictureLimits(seconds=60))
    assert (picture.width, picture.height) == (1024, 512)
    with Image.open(BytesIO(picture.png)) as image:
        right = (0, 0, 255) if mode != "LA" else (29, 29, 29)
        for x, y in ((2, 2), (2, 509), (509, 300), (514, 300), (1021, 2), (1021, 509)):
            wanted, found = left if x < 512 else right, image.getpixel((x, y))
            assert isinstance(found, tuple)
            assert all(abs(one - other) <= 2 for one, other in zip(found, wanted, strict=True))


@linux
def test_the_callers_memory_does_not_grow_with_a_large_file(tmp_path: Path) -> None:
    with (file := tmp_path / "large.png").open("wb") as out:
        out.truncate(63_000_000)
    script = (
        "import resource, sys\nfrom pathlib import Path\nfrom imagora import Item\n"
        "from imagora.errors import PictureError\nfrom imagora.pictures import decode\n"
        "from imagora_ingestion.changes import content_hash\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "content_hash(Item('large.png', picture=Path(sys.argv[1])))\n"
        "try: decode(Path(sys.argv[1]))\n"
        "except PictureError: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, check=True)
    assert int(done.stdout) < 20_000  # KiB


@linux
def test_a_worker_killed_at_work_costs_one_picture_and_is_replaced() -> None:
    with PictureDecoder(1, PictureLimits(seconds=60, memory=ROOMY)) as decoder, ThreadPoolExecutor(1) as threads:
        decoder.decode(png())
        before = children()
        worker = decoder._free.queue[0]._process  # the test has to know whom to kill
        assert worker is not None
        doomed = threads.submit(decoder.decode, heavy_png())
        while Path(f"/proc/{worker.pid}/stat").read_text().split()[2] != "R":
            pass
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(PictureError, match=r"the decoder died on it \(SIGKILL\)"):
            doomed.result()
        assert decoder.decode(png()).width == 40
        assert len(children()) == len(before)
        assert worker.pid not in children()


@linux
def test_a_worker_that_died_between_two_pictures_costs_none() -> None:
    with PictureDecoder(1) as decoder:
        decoder.decode(png())
        worker = decoder._free.queue[0]._process
        assert worker is not None
        os.kill(worker.pid, signal.SIGKILL)
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        assert decoder.decode(png()).width == 40


@linux
def test_no_process_and_no_file_stays_open() -> None:
    gc.collect()
    before = children(), open_files()
    for _ in range(3):
        with PictureDecoder(3, PictureLimits(seconds=0.2, memory=ROOMY)) as decoder, ThreadPoolExecutor(3) as threads:
            tasks = [
                threads.submit(decoder.decode, data) for data in (png(), heavy_png(), b"", b"no", png(), heavy_png())
            ]
            assert {type(task.exception()) for task in tasks} <= {type(None), PictureError}
    assert (children(), open_files()) == before


def test_many_threads_share_few_workers_and_each_gets_its_own_picture() -> None:
    pictures = [png(width, 7) for width in range(1, 60)]
    with PictureDecoder(2) as decoder, ThreadPoolExecutor(6) as threads:
        assert [picture.width for picture in threads.map(decoder.decode, pictures)] == list(range(1, 60))


def test_a_closed_decoder_blames_itself_and_not_the_picture() -> None:
    with PictureDecoder(1) as decoder:
        decoder.decode(png())
    with pytest.raises(StageError, match="closed"):
        decoder.decode(png())


@linux
def test_the_callers_memory_does_not_grow_with_a_picture_of_99_megapixels() -> None:
    script = (
        "import resource, sys\nfrom imagora.pictures import PictureDecoder, PictureLimits\n"
        f"limits = PictureLimits(seconds=60, memory={ROOMY})\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "with PictureDecoder(1, limits) as decoder: decoder.decode(sys.stdin.buffer.read())\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 'PIL' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], input=heavy_png(), capture_output=True, check=True)
    grown, pillow = done.stdout.decode().split()
    assert int(grown) < 20_000  # KiB; the picture itself is 297 MB
    assert pillow == "False"


@linux
def test_ctrl_c_ends_the_caller_and_no_worker_says_anything(tmp_path: Path) -> None:
    small, heavy = tmp_path / "small.png", tmp_path / "heavy.png"
    small.write_bytes(png())
    heavy.write_bytes(heavy_png())
    script = (
        "import sys\nfrom pathlib import Path\nfrom imagora.pictures import PictureDecoder, PictureLimits\n"
        f"limits = PictureLimits(seconds=60, memory={ROOMY})\n"
        "with PictureDecoder(1, limits) as decoder:\n    decoder.decode(Path(sys.argv[1]))\n"
        "    print('ready', flush=True)\n    while True: decoder.decode(Path(sys.argv[2]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(small), str(heavy)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline() == b"ready\n"
    os.killpg(process.pid, signal.SIGINT)
    errors = process.stderr.read().decode()
    process.stdout.close()
    process.stderr.close()
    process.wait()
    assert errors.count("Traceback") == 1, errors  # the caller's own
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_a_worker_sees_no_secrets_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "hush")
    with PictureDecoder(1) as decoder:
        decoder.decode(png())
        worker = decoder._free.queue[0]._process
        assert worker is not None
        if sys.platform == "linux":
            assert b"hush" not in Path(f"/proc/{worker.pid}/environ").read_bytes()


def test_nothing_in_the_working_folder_can_pose_as_a_module(tmp_path: Path) -> None:
    (tmp_path / "PIL").mkdir()
    (tmp_path / "PIL" / "__init__.py").write_text("raise SystemExit('taken over')")
    script = "import sys; from imagora.pictures import decode; print(decode(sys.stdin.buffer.read()).original)"
    command = [sys.executable, "-P", "-c", script]
    done = subprocess.run(command, input=png(), cwd=tmp_path, capture_output=True, check=False)
    assert done.stdout == b"PNG 40x30\n", done.stderr


def test_a_bomb_in_the_pixels_stays_within_the_limits() -> None:
    whole = heavy_png()
    assert len(zlib.compress(whole)) < len(whole)
    with pytest.raises(PictureError, match="the limit is 1 megapixels"):
        decode(whole, PictureLimits(max_pixels=1_000_000))


@linux
def test_a_process_that_leaves_after_its_last_picture_has_a_successor_before_the_next_one() -> None:
    before = children()
    with PictureDecoder(1, PictureLimits(memory=60_000_000)) as decoder:  # of which it has half from the start
        small = png(1, 1)
        decoder.decode(small)
        (first,) = {*children()} - {*before}
        for _ in range(CHECK - 1):
            decoder.decode(small)
        deadline = time.monotonic() + 20
        while not (now := {*children()} - {*before, first}) and time.monotonic() < deadline:
            time.sleep(0.01)
        (second,) = now
        decoder.decode(small)
        assert {*children()} - {*before} == {second}
    assert children() == before


@linux
def test_a_process_that_has_not_grown_goes_on() -> None:
    before = children()
    with PictureDecoder(1) as decoder:
        decoder.decode(png(2000, 1500))
        first = {*children()} - {*before}
        for _ in range(CHECK):
            decoder.decode(png(1, 1))
        time.sleep(0.1)
        decoder.decode(png(1, 1))
        assert len(first) == 1 and {*children()} - {*before} == first
