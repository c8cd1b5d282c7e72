"""What ends processes that take too long."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from imagora.watchdog import Watchdog

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    made = [subprocess.Popen(SLEEPS) for _ in range(3)]
    yield made
    for process in made:
        process.kill()
        process.wait()


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    watchdog = Watchdog()
    yield watchdog
    watchdog.close()


def test_only_the_process_that_takes_too_long_is_ended(
    watchdog: Watchdog, processes: list[subprocess.Popen[bytes]]
) -> None:
    quick, slow, other = processes
    done = watchdog.begin(quick, 0.2, 1)
    watchdog.end(done)
    in_time, late = watchdog.begin(other, 60, 1), watchdog.begin(slow, 0.2, 1)  # the later one is due first
    assert slow.wait(30) != 0
    assert (late.is_late, in_time.is_late, done.is_late) == (True, False, False)
    assert quick.poll() is None and other.poll() is None
    watchdog.end(in_time)
    watchdog.end(late)


def test_all_jobs_have_one_thread_which_ends_with_it_and_a_new_job_begins_another(
    processes: list[subprocess.Popen[bytes]],
) -> None:
    def threads() -> int:
        return sum(thread.name == "imagora-watchdog" for thread in threading.enumerate())

    before, watchdog = threads(), Watchdog()
    for _ in range(2):
        jobs = [watchdog.begin(process, 60, 1) for process in processes]
        assert threads() == before + 1
        for job in jobs:
            watchdog.end(job)
        watchdog.close()
        assert threads() == before
    late = watchdog.begin(processes[0], 0.1, 1)
    assert processes[0].wait(30) != 0 and late.is_late
    watchdog.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which processes wait for the machine")
def test_a_process_that_the_machine_does_not_let_run_has_so_many_periods(
    watchdog: Watchdog, processes: list[subprocess.Popen[bytes]]
) -> None:
    stopped, begun = processes[0], time.monotonic()
    subprocess.run(["kill", "-STOP", str(stopped.pid)], check=True)
    job = watchdog.begin(stopped, 0.3, 3)
    stopped.wait(30)
    assert time.monotonic() - begun >= 0.9
    watchdog.end(job)
    assert job.is_late
