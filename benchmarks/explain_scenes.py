"""What the studies of known parts need: two trained networks and the scenes they never saw.

    python -m benchmarks.explain_scenes                    # from the project's folder

Trains a small network for each rule of ``_parts``, or takes the one in ``build/``, prints its
accuracy, and draws the scenes of ``benchmarks/studies/explain_known.toml``.
"""

from __future__ import annotations

import argparse
import os
import sys

import torch
from rich.console import Console

from benchmarks import _known, _small_net
from benchmarks._parts import Rule, draw

SEED = 0
HELD_OUT = 500
RULES: tuple[Rule, ...] = ("xor", "and", "or")


def trained(rule: Rule, console: Console) -> torch.nn.Module:
    """The network for a rule, from ``build/`` or trained now."""
    file = _known.weights(rule)
    if file.exists():
        return _known.load(rule)
    with console.status(f"training for the rule {rule}") as status:
        model = _small_net.train(
            rule, SEED, lambda loss: status.update(f"training for {rule}: loss {loss:.3f}")
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    torch.save(model.state_dict(), part)
    os.replace(part, file)
    return model


def main(argv: list[str] | None = None) -> int:
    """Train, draw, say where."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="another number rounds otherwise")
    chosen = parser.parse_args(argv)
    torch.set_num_threads(chosen.threads)
    console = Console(stderr=True)
    for rule in RULES:
        held_out = draw(HELD_OUT, rule, held_out=True, seed=SEED)
        model = trained(rule, console)
        right = _small_net.accuracy(model, held_out.images, held_out.labels)
        print(f"rule {rule}: {right:.1%} of {HELD_OUT} scenes on a photo that it never saw")
    _known.write_scenes()
    print(f"scenes: {_known.FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
