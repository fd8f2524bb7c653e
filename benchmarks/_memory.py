"""How much memory a process took at its most."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_kilobytes() -> int:
    """High-water mark of this process's resident memory.

    ``getrusage`` will not do on Linux: a child's ``ru_maxrss`` starts at its parent's.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0])
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak
