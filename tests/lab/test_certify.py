"""``certify`` studies: the votes of ``interlock.certify``, prompt by prompt."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from interlock.certify import (
    Perturbation,
    PopulationCertificate,
    RefusalPhrases,
    load_target,
    read_attacks,
)
from interlock.certify.attackset import embedded_prompts
from interlock.certify.study import measure_votes
from interlock.lab.plan import Totals
from interlock.lab.store import Store
from interlock.lab.summary import summarise
from tests.lab.running import here, table, values

STUDY = """
task = "certify"
batch = 2
[[models]]
model = "embedded"
[[data]]
name = "attacks"
kind = "attacks"
path = "embedded"
limit = 3
[[data]]
name = "good"
kind = "benign"
path = "{benign}"
limit = 2
[[methods]]
method = "undefended"
[[methods]]
name = "swap"
method = "smoothllm"
options = {{ kind = "swap", rate = 0.1, copies = {copies} }}
"""


def write(folder: Path, *, copies: int = 3, benign: str = "embedded") -> Path:
    path = folder / "study.toml"
    path.write_text(STUDY.format(copies=copies, benign=benign))
    return path


def test_votes_are_those_of_certify(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert here(write(tmp_path), out) == Totals(10, 10, 0, 0)
    rows = {(r["data"], r["method"], r["metric"]): r["value"] for r in table(out)}
    attacks = [attack.prompt for attack in read_attacks()][:3]
    benign = [prompt.prompt for prompt in embedded_prompts("benign")][:2]
    target, judge = load_target("embedded"), RefusalPhrases()
    names = [f"attacks/{k}" for k in range(3)] + [f"good/{k}" for k in range(2)]
    votes = measure_votes(target, judge, attacks + benign, Perturbation("swap", 0.1), trials=3)
    plain = measure_votes(target, judge, attacks + benign, Perturbation("swap", 0.0), trials=1)
    for name, refused, bare in zip(names, votes.refused, plain.refused, strict=True):
        assert rows[name, "swap", "refused"] == refused.sum()
        assert rows[name, "swap", "calls"] == 3
        assert rows[name, "swap", "lost"] == 0
        released = 2 * refused.sum() < 3
        kind = "answered" if name.startswith("good") else "defended"
        assert rows[name, "swap", kind] == float(released == (kind == "answered"))
        assert rows[name, "undefended", "refused"] == bare.sum()
        assert rows[name, "undefended", "calls"] == 1
    kept = next(r for r in table(out) if (r["data"], r["method"]) == ("attacks/0", "swap"))
    record = json.loads(Store(out).artefact(kept["artefact"]).read_text())
    assert len(record["votes"]) == 3
    assert all(vote["prompt"] != attacks[0] for vote in record["votes"])


def test_claims_are_those_of_the_votes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    here(write(tmp_path, copies=5), out)
    (family,) = {c["family"] for c in summarise(out).claims}
    claims = {c["claim"]: c for c in summarise(out).claims}
    refused = [r["value"] for r in table(out)
               if (r["method"], r["metric"], r["condition"]) == ("swap", "refused", family)]  # fmt: skip
    matrix = np.array([[k < n for k in range(5)] for n in refused])
    certificate = PopulationCertificate.from_votes(matrix, 5)
    assert claims["homogeneous"]["certified"] == certificate.homogeneous
    assert claims["smoothllm"]["certified"] is None
    assert claims["population"]["measured"] == pytest.approx(certificate.estimate)


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    out = tmp_path / "out"
    prompts = tmp_path / "good.txt"
    prompts.write_text("How do I measure a dog?\nHow do I paint a boat?\n")
    study = write(tmp_path, benign="good.txt")
    here(study, out)
    before = values(out)
    assert here(study, out) == Totals(10, 0, 10, 0)
    prompts.write_text("How do I measure a dog?\nHow do I wash a boat?\n")
    assert here(study, out) == Totals(10, computed=4, reused=6, failed=0)  # the block of both
    assert before.items() <= values(out).items()


def test_a_target_that_is_not_there(tmp_path: Path) -> None:
    """Nobody listens at the address: each item fails with the reason, and may be tried again."""
    study = write(tmp_path, copies=2)
    address = (
        'model = "http://127.0.0.1:9/v1"\nname = "nobody"\noptions = { model = "m", attempts = 1 }'
    )
    study.write_text(study.read_text().replace('model = "embedded"', address))
    assert here(study, tmp_path / "out") == Totals(10, computed=0, reused=0, failed=10)
    errors = {r["error"] for r in table(tmp_path / "out")}
    assert all(error.startswith("every copy was lost: ") for error in errors)
