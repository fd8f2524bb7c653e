"""What a step of the suffix search costs beside the passes that it cannot do without.

    python benchmarks/certify_gcg.py [--rounds 5] [--steps 4]

A step needs one forward and backward pass over the suffix and what follows it, and one forward pass
over its candidates, both after the kept part before the suffix. These alone, and whole steps of
``SuffixAttack``, take turns; the ratio is the median over rounds, with its range. On the embedded
chat model, and on SmolLM2 with its safety head where ``recipes/smollm2.py`` has made it.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch.nn import functional as F

from _tables import markdown, publish
from interlock.certify import Verdict
from interlock.certify.attacks.gcg import OpeningLoss, SuffixAttack
from interlock.certify.targets import Prompt
from interlock.certify.targets.local import LocalTarget

ROOT = Path(__file__).parent.parent
OUT = ROOT / "build" / "certify_gcg"
REQUEST, OPENING = "how do i find vornish tea?", "Zebra, here is how to"
LENGTH, CANDIDATES = 20, 48


class Never:
    """A judge that no attack satisfies, so that each search takes all its steps."""

    def __call__(self, asked: Sequence[str], answers: Sequence[str]) -> list[Verdict]:
        return [Verdict.REFUSED] * len(answers)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4)
    args = parser.parse_args()
    rows = []
    for name, source in {
        "embedded": "embedded",
        "SmolLM2-135M": ROOT / "build/smollm2/safe",
    }.items():
        if source != "embedded" and not Path(source).exists():
            print(f"{name}: left out, run recipes/smollm2.py first")
            continue
        ratios, seconds = measured(LocalTarget(str(source)), args.rounds, args.steps)
        low, high = min(ratios), max(ratios)
        rows.append(
            [
                name,
                f"{statistics.median(seconds):.2f}",
                f"{statistics.median(ratios):.2f}",
                f"{low:.2f} to {high:.2f}",
            ]
        )
    head = ["model", "seconds a step", "× the passes alone", "range"]
    setting = (
        f"{LENGTH} suffix tokens, {CANDIDATES} candidates, {args.rounds} rounds of {args.steps} "
        f"steps, {torch.get_num_threads()} thread(s)."
    )
    publish(f"{setting}\n\n{markdown(head, rows)}", OUT / "table.md")


def measured(target: LocalTarget, rounds: int, steps: int) -> tuple[list[float], list[float]]:
    """Ratios by round, and seconds of one step by round."""
    attack = SuffixAttack(length=LENGTH, steps=steps, candidates=CANDIDATES)
    least = passes_alone(target)
    ratios, seconds = [], []
    for number in range(rounds + 1):
        searched = timed(partial(attack.run, target, REQUEST, OPENING, Never(), seed=number))
        begun = timed(partial(OpeningLoss, target, REQUEST, OPENING))  # once a search, not a step
        alone = timed(lambda: [least() for _ in range(steps)])
        if number:  # the first is to warm up
            ratios.append((searched - begun) / alone)
            seconds.append((searched - begun) / steps)
    return ratios, seconds


def passes_alone(target: LocalTarget) -> Callable[[], None]:
    """One forward and backward pass, and the candidates' forward pass, written out plainly."""
    model, tokenizer = target.model, target.tokenizer
    before = torch.tensor([target.encode(Prompt.user(REQUEST))])
    wished = tokenizer(OPENING, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        kept = model(input_ids=before, use_cache=True).past_key_values
    tail = torch.randint(
        100, (1, LENGTH + 5 + len(wished)), generator=torch.Generator().manual_seed(0)
    )
    last = len(wished) + 1

    def cache(count: int) -> object:
        one = copy.deepcopy(kept)
        one.batch_repeat_interleave(count)
        return one

    def passes() -> None:
        embedded = model.get_input_embeddings()(tail).detach().requires_grad_()
        out = model(
            inputs_embeds=embedded, past_key_values=cache(1), use_cache=True, logits_to_keep=last
        )
        F.cross_entropy(out.logits[0, -len(wished) - 1 : -1], torch.tensor(wished)).backward(
            inputs=[embedded]
        )
        with torch.no_grad():
            model(
                input_ids=tail.repeat(CANDIDATES, 1),
                past_key_values=cache(CANDIDATES),
                use_cache=True,
                logits_to_keep=last,
            )

    return passes


def timed(run: Callable[[], object]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
