"""What a vote leaves to benign users of a real model: the original's answer against a copy's.

python recipes/smollm2.py
python benchmarks/certify_utility.py --target build/smollm2/safe --limit 20

Calls are kept under ``build/certify_utility``; an interrupted run goes on. Code is parsed unless
``--run-code`` is given.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

from _tables import markdown, publish
from interlock.certify import Perturbation, RefusalPhrases, SmoothLLM, load_target
from interlock.certify.measures.benign import read_benign
from interlock.certify.measures.outcome import Utility
from interlock.certify.measures.utility import ask_bare, measure_utility
from interlock.certify.targets.store import CallStore, StoredTarget
from interlock.names import AnswerFrom

OUT = Path(__file__).resolve().parents[1] / "build" / "certify_utility"
HEADER = ["answer of", "released", "as good as the bare one", "right", "bare right", "calls"]


def row(name: str, of: Utility) -> list[str]:
    """One way to answer."""
    low, high = of.change_interval()
    return [
        name,
        f"{of.released} of {of.asked}",
        f"{of.as_good} of {of.compared}, {of.unchecked} unchecked",
        f"{of.right} of {of.checked} (change {100 * low:+.0f} to {100 * high:+.0f} points)",
        str(of.bare_right),
        f"{of.mean_calls:.1f}",
    ]


def main(argv: list[str] | None = None) -> int:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="build/smollm2/safe")
    parser.add_argument("--limit", type=int, help="the first so many of the shipped prompts")
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--max-tokens", type=int, default=48)
    parser.add_argument("--run-code", action="store_true")
    options = parser.parse_args(argv)
    benign, judge = read_benign("shipped")[: options.limit], RefusalPhrases()
    OUT.mkdir(parents=True, exist_ok=True)
    with CallStore(OUT / "calls.sqlite") as store:
        target = StoredTarget(load_target(options.target, max_tokens=options.max_tokens), store)
        bare = ask_bare(target, judge, benign, run_code=options.run_code)
        print(f"bare: {sum(one.right for one in bare)} right", file=sys.stderr)
        measured = {
            kind: measure_utility(
                SmoothLLM(
                    target, Perturbation("swap", options.rate), options.copies, judge,
                    answer_from=kind,
                ),
                benign, bare, run_code=options.run_code,
            )
            for kind in get_args(AnswerFrom)
        }  # fmt: skip
    of = next(iter(measured.values()))
    lost = Counter(one.bare.verdict.value for one in of.outcomes if not one.bare.answered)
    head = (
        f"{of.asked} prompts, swap, q = {options.rate:.0%}, N = {options.copies}; the bare model "
        f"answers {of.bare_answered}{f' ({dict(lost)})' if lost else ''}, {of.bare_right} of "
        f"{of.checked} rightly."
    )
    kinds = {name: one.to_dict()["kinds"] for name, one in measured.items()}
    by_kind = [
        [kind, str(counts["asked"]), f"{counts['bare_right']} of {counts['checked']}"]
        + [f"{those[kind]['released']} / {those[kind]['right']}" for those in kinds.values()]
        for kind, counts in kinds["original"].items()
    ]
    tables = [
        markdown(HEADER, [row(name, one) for name, one in measured.items()]),
        markdown(["kind", "prompts", "bare right", "original: released / right",
                  "copy: released / right"], by_kind),
    ]  # fmt: skip
    publish("\n\n".join([head, *tables, *of.caveats]), OUT / "table.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
