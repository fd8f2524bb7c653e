"""Where the guard's processor time goes, step by step.

    python benchmarks/guard_profile.py [--requests 1000]

The scripted model, the guard and a load of ten clients, as in ``guard_load.py``; in the guard a
timer of processor time asks each time what runs. What libraries written in C do is counted with
what comes after it, and the ledger's own thread with what the event loop does meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from _tables import markdown
from guard_load import COPIES, client, drive, guard, guarded, model, worked

STEPS = {
    "judging answers": ("RefusalPhrases._judge", "RefusalWatch.__call__"),
    "drawing copies": ("Asking.__call__", "Later.__getitem__", "likely_cost"),
    "reading streams": ("_streamed", "data_of_events"),
    "HTTP to the model": ("HttpUpstream.ask",),
    "the vote": ("LiveVote.decide", "LiveVote._ask_one", "hold_vote"),
    "ledger, metrics": ("Guard._record", "Guard._note", "Ledger._write", "Ledger.record"),
    "the request": ("Guard.answer", "RequestResponseCycle.run_asgi", "BoundedHead.data_received"),
}
REST = "event loop and the rest"
TICK = 0.001


def step_of(names: Iterable[str]) -> str:
    """The step that a stack of functions belongs to, the innermost first."""
    for name in names:
        for step, functions in STEPS.items():
            if name in functions:
                return step
    return REST


def inside(out: str, arguments: list[str]) -> None:
    """The guard's command, with a timer that SIGUSR1 starts and SIGUSR2 stops."""
    counted = Counter[str]()

    def tick(_: int, frame: FrameType | None) -> None:
        names = []
        while frame is not None:
            names.append(frame.f_code.co_qualname)
            frame = frame.f_back
        counted[step_of(names)] += 1

    def stop(*_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        Path(out).write_text(json.dumps(counted))

    signal.signal(signal.SIGPROF, tick)
    signal.signal(signal.SIGUSR1, lambda *_: signal.setitimer(signal.ITIMER_PROF, TICK, TICK))
    signal.signal(signal.SIGUSR2, stop)
    sys.argv = ["interlock", *arguments]
    from interlock.cli import main

    main()


async def profile(requests: int) -> str:
    with tempfile.TemporaryDirectory() as folder, model("fixed", 0.05) as upstream:
        out = Path(folder) / "counted.json"
        program = [str(Path(__file__).resolve()), "--inside", str(out)]
        with guard(upstream, COPIES, program) as (url, process):
            async with client() as http:
                await drive(10, range(50), guarded(http, url, "benign"))
                process.send_signal(signal.SIGUSR1)
                before = worked(process)
                await drive(10, range(1000, 1000 + requests), guarded(http, url, "benign"))
                each = 1000 * (worked(process) - before) / requests
                process.send_signal(signal.SIGUSR2)
            while not out.exists():
                time.sleep(0.05)
            counted = Counter(json.loads(out.read_text()))
    total = counted.total()
    rows = [
        [step, f"{counted[step] / total:.0%}", f"{each * counted[step] / total:.2f}"]
        for step in (*STEPS, REST)
    ]
    rows.append(["all", "100%", f"{each:.2f}"])
    return markdown(["step", "share", "ms of CPU a request"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    print(asyncio.run(profile(parser.parse_args().requests)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], sys.argv[3:])
    else:
        main()
