"""What the guard costs under load, and what stopping early saves.

    python benchmarks/guard_load.py [--rounds 5] [--memory 50000]

Three processes on loopback: a scripted model, the guard as its command starts it (ledger on disk),
and this one, which sends the load: a bounded number of requests by so many clients, each asking
again when it is answered. "Direct" means that the client itself sends the same N copies to the
model at once and waits for all of them. Direct and guarded blocks take turns, so that whatever
else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from httpx_aiohttp import HttpxAiohttpClient

from _scripted_model import said
from _tables import markdown, publish
from interlock.certify import Perturbation, Prompt, Reply, SmoothLLM

ROOT = Path(__file__).parent.parent
OUT = ROOT / "build" / "guard_load"
COPIES, RATE, DELAY = 10, 0.10, 0.5
LOAD = {1: 10, 10: 50, 100: 200}
"""Clients -> requests in one block."""
MEMORY_COPIES, MEMORY_CLIENTS = 3, 16


@dataclass
class Block:
    """Requests of one kind, sent by so many clients."""

    seconds: list[float] = field(default_factory=list)
    took: float = 0.0
    failed: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)

    def add(self, other: Block) -> None:
        self.seconds += other.seconds
        self.took += other.took
        self.failed += other.failed
        self.told += other.told

    def percentile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def model(kind: str, delay: float) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "benchmarks" / "_scripted_model.py"), str(delay), kind],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


@contextmanager
def guard(upstream: str, copies: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "guard.toml"
        settings.write_text(
            f'upstream = "{upstream}"\nuncertified = true\nport = 0\nseed = 0\n'
            f"[vote]\ncopies = {copies}\nrate = {RATE}\n"
            f'[ledger]\nurl = "sqlite:///{folder}/ledger.sqlite"\n[log]\nlevel = "warning"\n'
            f"[limits]\nconnections = {4 * 100 * COPIES}\n"
        )
        command = [sys.executable, "-m", "interlock.cli", "guard", "--config", str(settings)]
        process = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told = ""
        while not told.endswith("}\n"):
            line = process.stdout.readline()
            if not line:
                raise SystemExit("the guard did not start")
            told += line
        try:
            yield json.loads(told)["url"] + "/v1", process
        finally:
            process.kill()
            process.wait()


def client() -> httpx.AsyncClient:
    """Of the same kind as the guard's own, for both ways."""
    limits = httpx.Limits(max_connections=4000, keepalive_expiry=3)
    return HttpxAiohttpClient(timeout=120, trust_env=False, limits=limits)


def body(topic: str, text: str) -> dict[str, Any]:
    messages = [{"role": "system", "content": topic}, {"role": "user", "content": text}]
    return {"model": "m", "messages": messages}


def question(number: int) -> str:
    return f"question {number}: " + "tell me in a few steps how one goes about this task. " * 4


async def drive(
    clients: int, numbers: Sequence[int], ask: Callable[[int, Block], Coroutine[Any, Any, bool]]
) -> Block:
    block, waiting = Block(), iter(numbers)

    async def one() -> None:
        for number in waiting:
            start = time.perf_counter()
            if await ask(number, block):
                block.seconds.append(time.perf_counter() - start)
            else:
                block.failed += 1

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(clients)))
    block.took = time.perf_counter() - start
    return block


def guarded(http: httpx.AsyncClient, url: str, topic: str) -> Any:
    async def ask(number: int, block: Block) -> bool:
        try:
            response = await http.post(
                f"{url}/chat/completions", json=body(topic, question(number))
            )
        except httpx.HTTPError:
            return False
        if response.status_code != 200:
            return False
        told = response.json()["interlock"]
        block.told.append(
            {"number": number, "outcome": told["outcome"], "calls": told["calls"]}
            | {"seed": told["seed"]}
        )
        return True

    return ask


def direct(http: httpx.AsyncClient, url: str, topic: str) -> Any:
    async def call(text: str) -> bool:
        try:
            response = await http.post(f"{url}/chat/completions", json=body(topic, text))
        except httpx.HTTPError:
            return False
        return response.status_code == 200 and bool(response.json()["choices"])

    async def ask(number: int, block: Block) -> bool:
        texts = [f"{question(number)} {copy}" for copy in range(COPIES)]
        return all(await asyncio.gather(*map(call, texts)))

    return ask


async def latency(kind: str, rounds: int) -> list[list[str]]:
    """A row for each number of clients."""
    rows = []
    with model(kind, DELAY) as upstream, guard(upstream, COPIES) as (url, _):
        async with client() as mine, client() as theirs:
            await drive(10, range(20), guarded(mine, url, "benign"))  # warms up
            await drive(10, range(20), direct(theirs, upstream, "benign"))
            for clients, requests in LOAD.items():
                ways = {"direct": Block(), "guard": Block()}
                for turn in range(rounds):
                    numbers = range(1000 * turn, 1000 * turn + requests)
                    ways["direct"].add(
                        await drive(clients, numbers, direct(theirs, upstream, "benign"))
                    )
                    ways["guard"].add(await drive(clients, numbers, guarded(mine, url, "benign")))
                rows.append(_row(kind, clients, ways["direct"], ways["guard"]))
    return rows


def _row(kind: str, clients: int, bare: Block, kept: Block) -> list[str]:
    def added(share: float) -> str:
        return f"{1000 * (kept.percentile(share) - bare.percentile(share)):+.1f}"

    return [
        f"{kind}, {clients}",
        str(len(kept.seconds)),
        f"{1000 * bare.percentile(0.5):.0f} / {1000 * bare.percentile(0.99):.0f}",
        f"{1000 * kept.percentile(0.5):.0f} / {1000 * kept.percentile(0.99):.0f}",
        added(0.5),
        added(0.99),
        f"{len(bare.seconds) / bare.took:.1f}",
        f"{len(kept.seconds) / kept.took:.1f}",
        f"{bare.failed} / {kept.failed}",
    ]


class _Known:
    """The scripted model as a target, without the network."""

    identity: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, topic: str) -> None:
        self.topic = topic

    def ask(self, prompts: Sequence[Prompt], *, on_reply: Any = None) -> list[Reply]:
        return [Reply(said(self.topic, prompt.text)) for prompt in prompts]

    async def ask_async(self, prompt: Prompt) -> Reply:
        return self.ask([prompt])[0]


def full_vote(topic: str, number: int, seed: int) -> bool:
    """Whether all N votes would release; the user's is the second message, hence the seed."""
    smooth = SmoothLLM(_Known(topic), Perturbation("swap", RATE), COPIES, early_stop=False)
    return smooth.answer(question(number), seed=seed + 1).released


async def savings(kind: str, requests: int) -> list[list[str]]:
    """A row for each kind of traffic."""
    rows = []
    with model(kind, 0.05) as upstream, guard(upstream, COPIES) as (url, _):
        async with client() as http:
            for topic in ("benign", "attack", "mixed"):
                block = await drive(10, range(requests), guarded(http, url, topic))
                calls = sum(told["calls"] for told in block.told)
                same = sum(
                    (told["outcome"] == "released")
                    == full_vote(topic, told["number"], told["seed"])
                    for told in block.told
                )
                rows.append(
                    [
                        f"{topic}, {kind}",
                        str(len(block.told)),
                        f"{calls / len(block.told):.2f}",
                        f"{1 - calls / (COPIES * len(block.told)):.1%}",
                        f"{same} of {len(block.told)}",
                    ]
                )
    return rows


def resident(process: subprocess.Popen[str]) -> float:
    """MiB of the process in memory."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


async def memory(requests: int) -> tuple[list[list[str]], str]:
    """The guard's resident memory as requests go by."""
    failed, at, steps = 0, list[float](), 10
    with model("fixed", 0.0) as upstream, guard(upstream, MEMORY_COPIES) as (url, process):
        async with client() as http:
            start = time.perf_counter()
            for step in range(steps):
                size = requests // steps
                numbers = range(step * size, (step + 1) * size)
                block = await drive(MEMORY_CLIENTS, numbers, guarded(http, url, "benign"))
                failed += block.failed
                at.append(resident(process))
                print(f"{(step + 1) * size} requests: {at[-1]:.1f} MiB", file=sys.stderr)
            took = time.perf_counter() - start
    rows = [
        [f"after {(step + 1) * (requests // steps):,}", f"{at[step]:.1f}"]
        for step in (0, steps // 2 - 1, steps - 1)
    ]
    # The slope over the second half, by Theil and Sen: robust against one jump.
    half = list(enumerate(at))[steps // 2 :]
    slopes = [(b - a) / (j - i) for i, a in half for j, b in half if j > i]
    slope = statistics.median(slopes) / (requests // steps) * 1000
    return rows, (
        f"{requests:,} requests in {took:.0f} s ({requests / took:.0f} a second), "
        f"{failed} failed; over the second half memory changes by {slope:+.3f} MiB for each "
        "1,000 requests"
    )


async def shutdown() -> str:
    """SIGTERM with requests under way: how many of them are answered."""
    with model("fixed", DELAY) as upstream, guard(upstream, COPIES) as (url, process):
        async with client() as http:
            load = drive(50, range(50), guarded(http, url, "benign"))
            task = asyncio.create_task(load)
            await asyncio.sleep(0.6 * DELAY)
            process.send_signal(signal.SIGTERM)
            block = await task
        code = await asyncio.to_thread(process.wait, 60)
    return (
        f"SIGTERM with {len(block.seconds) + block.failed} requests under way: "
        f"{len(block.seconds)} answered, {block.failed} lost, exit code {code}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--savings", type=int, default=300, help="requests for each traffic")
    parser.add_argument("--memory", type=int, default=50_000, help="requests; 0 leaves it out")
    given = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    async def everything() -> str:
        rows = await latency("fixed", given.rounds) + await latency("heavy", given.rounds)
        head = ["model's delay, clients", "requests", "direct p50 / p99, ms", "guard p50 / p99, ms"]
        head += ["added p50, ms", "added p99, ms", "direct a second", "guard a second"]
        parts = [
            f"N = {COPIES}, q = {RATE}, {os.cpu_count()} cores; delay {DELAY} s: fixed, or the "
            "median of a log-normal law (sigma 1).",
            markdown([*head, "failed, direct / guard"], rows),
        ]
        rows = await savings("fixed", given.savings) + await savings("heavy", given.savings)
        head = ["traffic, delay", "requests", f"calls of {COPIES}", "saved", "same as a full vote"]
        parts += [markdown(head, rows), await shutdown()]
        if given.memory:
            rows, line = await memory(given.memory)
            parts += [markdown([f"N = {MEMORY_COPIES}, no delay", "resident, MiB"], rows), line]
        return "\n\n".join(parts)

    publish(asyncio.run(everything()), OUT / "table.md")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
