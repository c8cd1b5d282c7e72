"""What ends processes that take too long."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from imagora.watch import Watch

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    made = [subprocess.Popen(SLEEPS) for _ in range(3)]
    yield made
    for process in made:
        process.kill()
        process.wait()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    watch.close()


def test_only_the_process_that_takes_too_long_is_ended(watch: Watch, processes: list[subprocess.Popen[bytes]]) -> None:
    quick, slow, other = processes
    done = watch.begin(quick, 0.2, 1)
    watch.end(done)
    in_time, late = watch.begin(other, 60, 1), watch.begin(slow, 0.2, 1)  # the later one is due first
    assert slow.wait(30) != 0
    assert (late.is_late, in_time.is_late, done.is_late) == (True, False, False)
    assert quick.poll() is None and other.poll() is None
    watch.end(in_time)
    watch.end(late)


def test_all_jobs_have_one_thread_which_ends_with_it_and_a_new_job_begins_another(
    processes: list[subprocess.Popen[bytes]],
) -> None:
    def threads() -> int:
        return sum(thread.name == "imagora-watch" for thread in threading.enumerate())

    before, watch = threads(), Watch()
    for _ in range(2):
        jobs = [watch.begin(process, 60, 1) for process in processes]
        assert threads() == before + 1
        for job in jobs:
            watch.end(job)
        watch.close()
        assert threads() == before
    late = watch.begin(processes[0], 0.1, 1)
    assert processes[0].wait(30) != 0 and late.is_late
    watch.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which processes wait for the machine")
def test_a_process_that_the_machine_does_not_let_run_has_so_many_periods(
    watch: Watch, processes: list[subprocess.Popen[bytes]]
) -> None:
    stopped, begun = processes[0], time.monotonic()
    subprocess.run(["kill", "-STOP", str(stopped.pid)], check=True)
    job = watch.begin(stopped, 0.3, 3)
    stopped.wait(30)
    assert time.monotonic() - begun >= 0.9
    watch.end(job)
    assert job.is_late
