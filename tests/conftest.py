"""What all tests need of the process that they run in."""

from __future__ import annotations

import signal

from hypothesis import settings

# A command that a shell starts in the background ignores Ctrl-C, and so do all processes that it starts: tests that
# interrupt one would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is the machine's business, and tests never judge it. The same examples each time, so that a
# change is what fails a test, and not the day: `pytest --hypothesis-profile search` looks for new ones.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile("repeatable")
