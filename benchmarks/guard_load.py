"""What the guard costs under load, and what stopping early saves.

    python benchmarks/guard_load.py [--rounds 5] [--memory 50000]

Three processes on loopback: a scripted model, the guard as its command starts it (ledger on disk),
and this one, which sends the load: a bounded number of requests by so many clients, each asking
again when it is answered. With a fixed delay that keeps all clients in step: they ask at the same
moment, and the last waits for the work on all. "At random" each first pauses for a time drawn from
an exponential law with the delay as its mean, as clients do that know nothing of each other; the
pause is in no latency. "Direct" means that the client itself sends the prompt and N copies of
it to the model at once and waits for all of them; its HTTP client is the leanest at hand, so that
the load's own work adds little to either way. Direct and guarded blocks take turns, so that
whatever else the machine does falls on both, and the latency that the guard adds is told as the
median over these pairs of blocks, with their range.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from _scripted_model import said
from _tables import markdown, publish
from interlock.certify import Perturbation, Prompt, Reply, SmoothLLM
from interlock.serve.chat import ChatRequest
from interlock.serve.config import read_config
from interlock.serve.repeats import Repeats, secret_of
from interlock.serve.settings import VoteSettings

ROOT = Path(__file__).parent.parent
OUT = ROOT / "build" / "guard_load"
COPIES, RATE, DELAY = 10, 0.10, 0.5


@dataclass(frozen=True)
class Load:
    """Requests of one block, by so many clients."""

    clients: int
    requests: int
    at_random: bool = False


LOADS = (Load(1, 10), Load(10, 50), Load(10, 50, at_random=True), Load(100, 200))
CALLS = COPIES + 1
"""Of a vote that stops nothing early: the prompt as it came, and its copies."""
MEMORY_COPIES, MEMORY_CLIENTS = 3, 16
ADDED, SAVED = 10.0, 0.35
"""The aims: milliseconds added at 10 clients, at most; share of the calls saved, at least."""


@dataclass
class Block:
    """Requests of one kind, sent by so many clients."""

    seconds: list[float] = field(default_factory=list)
    took: float = 0.0
    failed: int = 0
    work: float = 0.0
    """Seconds of the guard's processor."""
    told: list[dict[str, Any]] = field(default_factory=list)

    def add(self, other: Block) -> None:
        self.seconds += other.seconds
        self.took += other.took
        self.failed += other.failed
        self.work += other.work
        self.told += other.told

    def percentile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


SECRET = "of this benchmark"
PROGRAM = ("-m", "interlock.cli")


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


def guard(
    upstream: str, copies: int, program: Sequence[str] = PROGRAM
) -> AbstractContextManager[tuple[str, subprocess.Popen[str]]]:
    return serving(
        f'upstream = "{upstream}"',
        f"copies = {copies}\nrate = {RATE}",
        '[policy]\nsystem = "pass"\n'  # it tells the scripted model its topic
        f"[limits]\nconnections = {4 * 100 * COPIES}\n",
        program,
    )


@contextmanager
def serving(
    model: str, vote: str, more: str = "", program: Sequence[str] = PROGRAM
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "guard.toml"
        settings.write_text(
            f"{model}\nuncertified = true\nport = 0\nseed = 0\n[vote]\n{vote}\n"
            f'remember = 0.001\n[ledger]\nurl = "sqlite:///{folder}/ledger.sqlite"\n'
            f'[log]\nlevel = "warning"\n{more}'
        )
        command = [sys.executable, *program, "guard", "--config", str(settings)]
        env = os.environ | {"INTERLOCK_GUARD_SECRET": SECRET}
        process = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True, env=env)
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


def client() -> aiohttp.ClientSession:
    """Of the load, for both ways."""
    connector = aiohttp.TCPConnector(limit=4000, keepalive_timeout=3)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(120))


async def post(
    http: aiohttp.ClientSession, url: str, topic: str, text: str, model: str = "m"
) -> Any:
    """The JSON of the answer; None for a request that failed."""
    sent = body(topic, text) | {"model": model}
    try:
        async with http.post(f"{url}/chat/completions", json=sent) as response:
            return await response.json() if response.status == 200 else None
    except (aiohttp.ClientError, TimeoutError):
        return None


def body(topic: str, text: str) -> dict[str, Any]:
    system = [{"role": "system", "content": topic}] if topic else []
    return {"model": "m", "messages": [*system, {"role": "user", "content": text}]}


def question(number: int) -> str:
    return f"question {number}: " + "tell me in a few steps how one goes about this task. " * 4


async def drive(
    clients: int,
    numbers: Sequence[int],
    ask: Callable[[int, Block], Coroutine[Any, Any, bool]],
    pause: float = 0.0,
) -> Block:
    """So many clients share the numbers, and pause so many seconds on average before each."""
    block, waiting = Block(), iter(numbers)

    async def one() -> None:
        for number in waiting:
            if pause:
                await asyncio.sleep(random.Random(number).expovariate(1 / pause))
            start = time.perf_counter()
            if await ask(number, block):
                block.seconds.append(time.perf_counter() - start)
            else:
                block.failed += 1

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(clients)))
    block.took = time.perf_counter() - start
    return block


def guarded(http: aiohttp.ClientSession, url: str, topic: str) -> Any:
    async def ask(number: int, block: Block) -> bool:
        answer = await post(http, url, topic, question(number))
        if answer is None:
            return False
        told = answer["interlock"]
        block.told.append({"number": number} | {k: told[k] for k in ("outcome", "calls")})
        return True

    return ask


def direct(http: aiohttp.ClientSession, url: str, topic: str) -> Any:
    async def ask(number: int, block: Block) -> bool:
        copies = [f"{question(number)} {copy}" for copy in range(COPIES)]
        texts = [question(number), *copies]
        answers = await asyncio.gather(*(post(http, url, topic, text) for text in texts))
        return all(answer is not None and answer["choices"] for answer in answers)

    return ask


async def latency(kind: str, rounds: int, aims: list[str]) -> list[list[str]]:
    """A row for each number of clients."""
    rows = []
    with model(kind, DELAY) as upstream, guard(upstream, COPIES) as (url, process):
        async with client() as mine, client() as theirs:
            await drive(10, range(20), guarded(mine, url, "benign"))  # warms up
            await drive(10, range(20), direct(theirs, upstream, "benign"))
            for load in LOADS:
                asks, pause = load.clients, DELAY * load.at_random
                pairs = []
                for turn in range(rounds):
                    numbers = range(1000 * turn, 1000 * turn + load.requests)
                    bare = await drive(asks, numbers, direct(theirs, upstream, "benign"), pause)
                    before = worked(process)
                    kept = await drive(asks, numbers, guarded(mine, url, "benign"), pause)
                    kept.work = worked(process) - before
                    pairs.append((bare, kept))
                name = f"{asks} at random" if load.at_random else f"{asks}"
                rows.append(_row(kind, name, pairs))
                if (kind, asks) == ("fixed", 10):
                    median = statistics.median(_added(pairs))
                    said = f"added p50 at {name if pause else '10 in step'} {median:+.1f} ms"
                    aims.append(_aim(said, median <= ADDED))
                if asks == 100:
                    failed = sum(kept.failed for _, kept in pairs)
                    aims.append(_aim(f"failed at {asks} clients, {kind}: {failed}", failed == 0))
    return rows


def _row(kind: str, clients: str, pairs: Sequence[tuple[Block, Block]]) -> list[str]:
    added = _added(pairs)
    bare, kept = Block(), Block()
    for one, other in pairs:
        bare.add(one)
        kept.add(other)
    return [
        f"{kind}, {clients}",
        str(len(kept.seconds)),
        f"{1000 * bare.percentile(0.5):.0f} / {1000 * bare.percentile(0.99):.0f}",
        f"{1000 * kept.percentile(0.5):.0f} / {1000 * kept.percentile(0.99):.0f}",
        f"{statistics.median(added):+.1f} ({added[0]:+.1f} to {added[-1]:+.1f})",
        f"{1000 * (kept.percentile(0.99) - bare.percentile(0.99)):+.1f}",
        f"{len(bare.seconds) / bare.took:.1f}",
        f"{len(kept.seconds) / kept.took:.1f}",
        f"{1000 * kept.work / max(1, len(kept.seconds)):.1f}",
        f"{bare.failed} / {kept.failed}",
    ]


def _added(pairs: Sequence[tuple[Block, Block]]) -> list[float]:
    """Milliseconds at the median, for each pair of blocks."""
    return sorted(1000 * (kept.percentile(0.5) - bare.percentile(0.5)) for bare, kept in pairs)


def _aim(said: str, met: bool) -> str:
    return f"{said} ({'met' if met else 'not met'})"


class _Known:
    """The scripted model as a target, without the network."""

    identity: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, topic: str) -> None:
        self.topic = topic

    def ask(self, prompts: Sequence[Prompt], *, on_reply: Any = None) -> list[Reply]:
        return [Reply(said(self.topic, prompt.text)) for prompt in prompts]

    async def ask_async(self, prompt: Prompt) -> Reply:
        return self.ask([prompt])[0]


def full_vote(topic: str, number: int) -> bool:
    """Whether all N votes would release; the user's is the second message, hence the seed."""
    policies = read_config(None, {"embedded": True, "policy": {"system": "pass"}}).policy
    request = ChatRequest.of(body(topic, question(number)), policies)
    seed = Repeats(secret_of(SECRET, 0, b""), 1.0).seed(request)
    smooth = SmoothLLM(_Known(topic), Perturbation("swap", RATE), COPIES, early_stop=False)
    return smooth.answer(question(number), seed=seed + 1).released


async def savings(kind: str, requests: int, aims: list[str]) -> list[list[str]]:
    """A row for each kind of traffic."""
    rows = []
    with model(kind, 0.05) as upstream, guard(upstream, COPIES) as (url, _):
        async with client() as http:
            for topic in ("benign", "attack", "mixed"):
                block = await drive(10, range(requests), guarded(http, url, topic))
                calls = sum(told["calls"] for told in block.told)
                saved = 1 - calls / (CALLS * len(block.told))
                if topic == "benign":
                    aims.append(_aim(f"calls saved, benign, {kind}: {saved:.1%}", saved >= SAVED))
                same = sum(
                    (told["outcome"] == "released") == full_vote(topic, told["number"])
                    for told in block.told
                )
                rows.append(
                    [
                        f"{topic}, {kind}",
                        str(len(block.told)),
                        f"{calls / len(block.told):.2f}",
                        f"{saved:.1%}",
                        f"{same} of {len(block.told)}",
                    ]
                )
    return rows


FITTED, CALM = 40, 1.5
"""Prompts that the cascade's threshold is fitted on; the aim: calls a benign request, at most."""


async def cascade(aims: list[str]) -> list[list[str]]:
    """Perplexity before copies, on the embedded model's prompts; empty without cascades."""
    if "defence" not in VoteSettings.model_fields:
        return []
    from interlock.certify.attacks.attack import embedded_prompts, read_attacks
    from interlock.certify.defences import defence_text, fit_perplexity, parse_defence
    from interlock.certify.targets.local import LocalTarget

    prompts = [one.prompt for one in embedded_prompts("benign")]
    stage = parse_defence("perplexity:quantile=0.9,window=24+smooth:swap,rate=0.05,copies=5")
    fitted = fit_perplexity(stage, LocalTarget("embedded"), prompts[:FITTED])
    noise = [one.prompt for one in read_attacks() if one.kind == "gcg"]
    rows, vote = [], f'defence = "{defence_text(fitted)}"'
    with serving("embedded = true", vote) as (url, _):
        async with client() as http:
            for topic, asked in (("benign", prompts[FITTED : FITTED + 24]), ("attack", noise[:12])):
                told = [await post(http, url, "", text, "embedded") for text in asked]
                calls = [one["interlock"]["calls"] for one in told if one is not None]
                mean = sum(calls) / len(calls)
                if topic == "benign":
                    said = f"calls of a benign request with a cascade: {mean:.2f}"
                    aims.append(_aim(said, mean <= CALM))
                rows.append([topic, str(len(calls)), f"{mean:.2f}", str(len(asked) - len(calls))])
    return rows


def worked(process: subprocess.Popen[str]) -> float:
    """Seconds of processor that the process has used, in the kernel and out of it."""
    ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


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
        aims: list[str] = []
        rows = await latency("fixed", given.rounds, aims)
        rows += await latency("heavy", given.rounds, aims)
        head = ["model's delay, clients", "requests", "direct p50 / p99, ms", "guard p50 / p99, ms"]
        head += ["added p50, ms (range)", "added p99, ms", "direct a second", "guard a second"]
        head += ["guard's CPU a request, ms"]
        parts = [
            f"N = {COPIES} and the prompt itself, q = {RATE}, {os.cpu_count()} cores; "
            f"delay {DELAY} s: fixed, or the median of a log-normal law (sigma 1).",
            markdown([*head, "failed, direct / guard"], rows),
        ]
        rows = await savings("fixed", given.savings, aims)
        rows += await savings("heavy", given.savings, aims)
        head = ["traffic, delay", "requests", f"calls of {CALLS}", "saved", "same as a full vote"]
        parts += [markdown(head, rows)]
        if rows := await cascade(aims):
            head = ["perplexity, then 5 copies; embedded", "requests", "calls", "failed"]
            parts += [markdown(head, rows)]
        parts += [await shutdown()]
        if given.memory:
            rows, line = await memory(given.memory)
            parts += [markdown([f"N = {MEMORY_COPIES}, no delay", "resident, MiB"], rows), line]
        parts.append("Aims: " + "; ".join(aims) + ".")
        return "\n\n".join(parts)

    publish(asyncio.run(everything()), OUT / "table.md")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
