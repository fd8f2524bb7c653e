"""The table of a finished ``interlock certify report``, a row for each kind of attack.

interlock certify report --benign-limit 40 --rates 0.10,0.15,0.20 --trials 1 --out build/certify
python benchmarks/certify_report.py build/certify/results.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _tables import markdown, publish

OUT = Path(__file__).resolve().parents[1] / "build" / "certify_report"
HEADER = ["attacks", "to certify", "groups", "undefended", "refused, at least", "certificate"]
HEADER += ["formula, average α", "held out", "measured DSP", "95 % interval"]


def row(family: Mapping[str, Any]) -> list[str]:
    """One kind of attack."""
    held_out, checked = family["held_out"], ["none", "", ""]
    if held_out is not None:  # too few groups for three parts
        interval = f"{held_out['low']:.3f} to {held_out['high']:.3f}"
        checked = [str(held_out["attacks"]), f"{held_out['dsp']:.3f}", interval]
    return [
        family["family"],
        str(family["attacks"]["certify"]),
        str(family["groups"]),
        f"{family['undefended']['attack']['share']:.3f}",
        f"{family['lower']:.3f}",
        "yes" if family["certified"] else "none",
        f"{family['formula']:.3f}",
        *checked,
    ]


def main(argv: list[str] | None = None) -> int:
    """Print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="results.json of the report")
    told = json.loads(parser.parse_args(argv).results.read_text(encoding="utf-8"))
    if told["setting"] is None:
        print(f"error: the report found no setting: {told['no_setting']}", file=sys.stderr)
        return 1
    setting = told["setting"]
    offer = next(
        one
        for one in told["offers"]
        if (one["perturbation"], one["rate"]) == (setting["perturbation"], setting["rate"])
    )
    title = (
        f"{setting['perturbation']}, q = {setting['rate']:.0%}, N = {setting['copies']}; "
        f"{offer['answered']} of {offer['asked']} benign prompts answered."
    )
    table = markdown(HEADER, [row(family) for family in told["families"]])
    publish(f"{title}\n\n{table}", OUT / "table.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
