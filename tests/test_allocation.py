"""Programs keep memory between passes."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNT = """
import resource, sys
import torch
from interlock._allocation import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def fault():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(15):
    torch.ones(9 << 20)  # 36 MiB; glibc cuts a few blocks of one size before it finds one again
before = fault()
for _ in range(10):
    torch.ones(9 << 20)
print(fault() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_a_block_that_was_freed_is_not_taken_anew_page_by_page() -> None:
    def faults(how: str) -> int:
        command = [sys.executable, "-c", COUNT, how]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return int(done.stdout)

    assert faults("kept") < faults("given back") / 2
