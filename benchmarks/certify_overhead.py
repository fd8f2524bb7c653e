"""What ``certify`` costs beside the plainest way to ask the same model the same prompts.

    python benchmarks/certify_overhead.py [--rounds 5] [--prompts 96]

*Local*: ``LocalTarget`` against ``transformers``' own ``generate``, greedy, prompts sorted by
length and padded on the left, in batches of the same size. *Endpoint*: ``EndpointTarget`` against
the official client (``openai.AsyncOpenAI``) with as many requests in flight, on a server of this
machine that answers at once. Both take turns; the ratio is the median over rounds, with its range.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from _tables import markdown, publish
from interlock.certify.measures.benign import SHIPPED, read_benign
from interlock.certify.targets import Prompt
from interlock.certify.targets.endpoint import EndpointTarget
from interlock.certify.targets.local import LocalTarget

ROOT = Path(__file__).parent.parent
OUT, SAFE = ROOT / "build/certify_overhead", ROOT / "build/smollm2/safe"
TOKENS, BATCH, AT_ONCE, REPEATED = 24, 16, 32, 8
NOTES = """Median of the rounds' ratios, with their range; equal answers: of the prompts whose
answers are the same to the letter. A local target reads what all its prompts begin with (the
template's head) once. Requests of the endpoint: {requests} in a round, {at_once} in flight."""


def plain_loop(target: LocalTarget, texts: Sequence[str]) -> list[str]:
    """What a user of ``transformers`` writes."""
    model, tokenizer = target.model, target.tokenizer
    chats = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], add_generation_prompt=True, tokenize=False
        )
        for text in texts
    ]
    order = sorted(range(len(chats)), key=lambda n: len(chats[n]))
    answers = [""] * len(chats)
    for start in range(0, len(order), BATCH):
        part = order[start : start + BATCH]
        inputs = tokenizer(
            [chats[n] for n in part], return_tensors="pt", padding=True, padding_side="left",
            add_special_tokens=False,
        )  # fmt: skip
        with torch.no_grad():
            made = model.generate(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"],
                max_new_tokens=TOKENS, do_sample=False, pad_token_id=tokenizer.pad_token_id,
            )  # fmt: skip
        new = made[:, inputs["input_ids"].shape[1] :]
        for n, answer in zip(
            part, tokenizer.batch_decode(new, skip_special_tokens=True), strict=True
        ):
            answers[n] = answer
    return answers


def official_client(url: str, texts: Sequence[str]) -> list[str]:
    """The same with the official client."""
    import openai

    async def go() -> list[str]:
        slots = asyncio.Semaphore(AT_ONCE)
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

            async def one(text: str) -> str:
                async with slots:
                    answer = await client.chat.completions.create(
                        model="m",
                        messages=[{"role": "user", "content": text}],
                        max_tokens=TOKENS,
                        temperature=0,
                    )
                return answer.choices[0].message.content or ""

            return list(await asyncio.gather(*map(one, texts)))

    return asyncio.run(go())


def compared(
    name: str,
    ours: Callable[[], list[str]],
    theirs: Callable[[], list[str]],
    rounds: int,
    clock: Callable[[], float],
) -> list[str]:
    """A row: both in turn, in either order."""
    ratios, seconds = [], ([], [])  # type: tuple[list[float], tuple[list[float], list[float]]]
    equal = 0.0
    for number in range(rounds + 1):
        taken = {}
        said = {}
        for which in (0, 1) if number % 2 else (1, 0):
            start = clock()
            said[which] = (ours, theirs)[which]()
            taken[which] = clock() - start
        equal = sum(a == b for a, b in zip(said[0], said[1], strict=True)) / len(said[0])
        if number:  # the first warms up
            ratios.append(taken[0] / taken[1])
            for which in (0, 1):
                seconds[which].append(taken[which])
    middle = [statistics.median(values) for values in seconds]
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    row = [name, f"{middle[0]:.2f}", f"{middle[1]:.2f}", spread, f"{equal:.2f}"]
    print(row, flush=True)
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompts", type=int, default=96)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    texts = [one.prompt for one in read_benign(SHIPPED)][: chosen.prompts]
    rows = []
    models: list[tuple[str, Any]] = [("embedded", "embedded")]
    if SAFE.is_dir():
        models.append(("SmolLM2-135M, safety head", SAFE))
    for name, model in models:
        target = LocalTarget(model, max_tokens=TOKENS, batch=BATCH)
        some = texts if model == "embedded" else texts[:BATCH]

        def ours(target: LocalTarget = target, some: Sequence[str] = some) -> list[str]:
            return [reply.text for reply in target.ask([Prompt.user(text) for text in some])]

        def theirs(target: LocalTarget = target, some: Sequence[str] = some) -> list[str]:
            return plain_loop(target, some)

        label = f"local, {name}, {len(some)} prompts"
        rows.append(compared(label, ours, theirs, chosen.rounds, time.process_time))
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "benchmarks/_scripted_model.py"), "0", "fixed"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        many = texts * REPEATED

        def endpoint() -> list[str]:
            target = EndpointTarget(url, "m", concurrency=AT_ONCE, max_tokens=TOKENS)
            return [reply.text for reply in target.ask([Prompt.user(text) for text in many])]

        label = f"endpoint, {len(many)} requests"
        plain = lambda: official_client(url, many)  # noqa: E731
        rows.append(compared(label, endpoint, plain, chosen.rounds, time.process_time))
    finally:
        server.kill()
        server.wait()
    header = ["", "interlock, CPU-s", "plain, CPU-s", "ratio", "equal answers"]
    notes = NOTES.format(requests=len(texts) * REPEATED, at_once=AT_ONCE)
    publish(f"{markdown(header, rows)}\n\n{notes}", OUT / "table.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
