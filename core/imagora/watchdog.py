"""Ends processes that take too long, for all of a pool in one thread."""

from __future__ import annotations

import math
import subprocess
import time
from pathlib import Path
from threading import Condition, Thread


class Job:
    """What a process is at. periods: how often it may take its time where the machine does not let it run."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float, periods: int) -> None:
        self._process, self._seconds, self._periods = process, seconds, periods
        self.until = time.monotonic() + seconds
        self.is_late = False
        """Whether its process was ended for it."""

    def strike(self) -> None:
        """End the process, or let it have another period."""
        self._periods -= 1
        if self._periods > 0 and _is_kept_waiting(self._process.pid):
            self.until = time.monotonic() + self._seconds
            return
        self.until, self.is_late = math.inf, True
        self._process.kill()


class Watchdog:
    """Watches what the processes of a pool are at; its thread begins with the first job, and ends with `close`.

    One thread for all of them: a query would wait until one of its own had begun, and again until it had ended, which
    takes milliseconds where others keep the processor busy.
    """

    def __init__(self) -> None:
        self._moved = Condition()
        self._jobs: set[Job] = set()
        self._thread: Thread | None = None
        self._next, self._closed = math.inf, False

    def begin(self, process: subprocess.Popen[bytes], seconds: float, periods: int) -> Job:
        """Watch a process that begins with something; `end` must follow."""
        job = Job(process, seconds, periods)
        with self._moved:
            self._jobs.add(job)
            if self._thread is None or not self._thread.is_alive():  # as after a fork
                self._closed, self._thread = False, Thread(target=self._run, name="imagora-watchdog", daemon=True)
                self._thread.start()
            elif job.until < self._next:
                self._moved.notify()
        return job

    def end(self, job: Job) -> None:
        """Watch it no more: from here on nothing strikes at the process."""
        with self._moved:
            self._jobs.discard(job)

    def close(self) -> None:
        """End the thread; a new job begins another one."""
        with self._moved:
            self._closed, thread = True, self._thread
            self._thread = None
            self._moved.notify()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        with self._moved:
            while not self._closed:
                self._next = min((job.until for job in self._jobs), default=math.inf)
                if (left := self._next - time.monotonic()) > 0:
                    self._moved.wait(None if left == math.inf else left)
                    continue
                for job in [job for job in self._jobs if job.until <= self._next]:
                    job.strike()


def _is_kept_waiting(pid: int) -> bool:
    """Say whether a process would run, or read, if the machine let it: then its work is not what takes so long."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):  # not on Linux
        return False
    return state in "RDT"
