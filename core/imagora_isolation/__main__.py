"""The other process: checks one component of this environment, or builds it and answers calls until nobody is there."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    if sys.argv[1] == "--check":
        from imagora_isolation.checking import check_here

        check_here()
    else:
        from imagora_isolation.answering import answer_calls

        answer_calls(int(sys.argv[1]))
