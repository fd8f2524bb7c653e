"""``certify`` studies: the votes of ``interlock.certify``, prompt by prompt."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from interlock.certify import (
    Certificate,
    DecayCurve,
    Perturbation,
    PopulationCertificate,
    RefusalPhrases,
    SmoothLLM,
    load_target,
    read_attacks,
)
from interlock.certify.attacks.attack import embedded_prompts
from interlock.certify.bounds.halves import split_in_halves
from interlock.certify.defences import parse_defence
from interlock.certify.measures.benign import read_benign
from interlock.certify.measures.measure import measure_votes
from interlock.certify.vote.graphemes import graphemes
from interlock.lab.engines.inline import InlineEngine
from interlock.lab.plan import Totals
from interlock.lab.results.summary import summarise
from interlock.lab.results.tables import halves_tables, promise_tables
from interlock.lab.results.votes import claims
from interlock.lab.run import run_study
from interlock.lab.store import Store
from interlock.lab.study import StudyError, read_study
from interlock.lab.task import Setting
from interlock.lab.tasks.certify.prompts import read_prompts
from tests.lab.running import here, table, values

pytestmark = pytest.mark.usefixtures("quick_intervals")

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


def test_attacks_said_twice_and_failed_ones_are_no_items(tmp_path: Path) -> None:
    """Neither in one file, nor in two parts of a study; the halves are of what remains."""
    rows = [asdict(attack) for attack in read_attacks()[:4]]
    failed = {"goal": "g", "prompt": "g !!", "jailbroken": False}
    artifact = {"parameters": {"method": "gcg"}, "jailbreaks": [*rows * 3, failed]}
    (tmp_path / "a.json").write_text(json.dumps(artifact))
    study = write(tmp_path)
    text = study.read_text().replace('path = "embedded"\nlimit = 3', 'path = "a.json"', 1)
    study.write_text(text)
    out, notes = tmp_path / "out", list[str]()
    setting = Setting(read_study(study), study.name, tmp_path)
    totals = run_study(setting, out, InlineEngine(), note=notes.append)
    assert (totals.items, totals.failed) == (12, 0)
    assert totals.to_dict().items() >= {"duplicates": 8, "failed_attacks": 1}.items()
    assert notes == [
        f"{tmp_path / 'a.json'}: left out 8 with the prompt of an earlier row, 1 marked as not "
        "jailbroken; 4 attacks are left"
    ]
    assert {r["data"] for r in table(out) if r["condition"] != "benign"} == {
        f"attacks/{k}" for k in range(4)
    }
    again = '[[data]]\nname = "again"\nkind = "attacks"\npath = "a.json"\n{}\n[[methods]]'
    study.write_text(text.replace("[[methods]]", again.format("offset = 1"), 1))
    prompts = read_prompts(read_study(study).data, tmp_path, "s")
    assert [len(part) for part in prompts.parts] == [4, 2, 0]
    assert prompts.notes[1:] == ("again: left out 3 that an earlier part of the study has",)
    assert prompts.left_out == {"duplicates": 11, "failed_attacks": 1}
    for option, words in (("keep_failed = true", ""), ('keep_failed = "no"', "true or false")):
        study.write_text(text.replace("[[methods]]", again.format(f"options={{{option}}}"), 1))
        if words:
            with pytest.raises(
                StudyError, match=r"data\[2\]: keep_failed='no': give true or false"
            ):
                read_prompts(read_study(study).data, tmp_path, "s")
        else:
            kept = read_prompts(read_study(study).data, tmp_path, "s").parts[2]
            assert [prompt.text for prompt in kept] == ["g !!"]


def test_shipped_prompts_by_their_name(tmp_path: Path) -> None:
    """The set for real models; a name is no path, and takes no options."""
    text = write(tmp_path, benign="shipped").read_text()
    (tmp_path / "shipped").write_text("another prompt")
    (tmp_path / "s.toml").write_text(text.replace("limit = 2", "offset = 3\nlimit = 2"))
    good = read_prompts(read_study(tmp_path / "s.toml").data, tmp_path, "s").parts[1]
    assert [one.text for one in good] == [one.prompt for one in read_benign("shipped")[3:5]]
    assert [one.id for one in good] == ["good/3", "good/4"]
    (tmp_path / "s.toml").write_text(text.replace("limit = 2", "options = { column = 'x' }"))
    with pytest.raises(StudyError, match=r"data\[1\]: options=.*'shipped' takes none"):
        read_prompts(read_study(tmp_path / "s.toml").data, tmp_path, "s")


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


def test_the_published_certificate_beside_what_was_measured(tmp_path: Path) -> None:
    out = tmp_path / "out"
    study = write(tmp_path, copies=5)
    given = "unstable = { epsilon = 0.05, a = 0.9, b = 0.7, c = 0.02 } }"
    text = study.read_text()
    study.write_text(text.replace("copies = 5 }", f"copies = 5, {given}"))
    here(study, out)
    attacks = read_attacks()[:3]
    curve = DecayCurve(0.9, 0.7, 0.02)
    made = [
        Certificate(
            k=curve.threshold(0.05), epsilon=0.05, length=len(a.prompt),
            suffix_length=len(a.suffix), rate=0.1, copies=5, curve=curve,
        )
        for a in attacks
    ]  # fmt: skip
    assert all(len(graphemes(a.prompt)) == len(a.prompt) for a in attacks)
    rows = {(r["data"], r["metric"]): r["value"] for r in table(out) if r["method"] == "swap"}
    for k, certificate in enumerate(made):
        assert rows[f"attacks/{k}", "promised-1"] == certificate.dsp_conservative
        assert rows[f"attacks/{k}", "promised-2"] == certificate.dsp
    claims = {c["claim"]: c for c in summarise(out).claims}
    second = claims["(k, epsilon)-unstable, Proposition 2"]
    assert second["certified"] == pytest.approx(np.mean([c.dsp for c in made]))
    assert second["confidence"] is None
    assert second["measured"] == claims["homogeneous"]["measured"]
    (shown,) = promise_tables(summarise(out))
    assert shown.header[-4:] == (
        "average alpha", "population, 95 %", "(k, ε), Proposition 1", "(k, ε), Proposition 2"
    )  # fmt: skip
    (row,) = shown.rows  # one for each vote and family
    assert row[:4] == ("swap", "gcg", "3", "5")
    assert row[-1] == f"{second['certified']:.3f}"
    assert row[-3] == f"{claims['population']['certified']:.3f}"
    # The votes themselves do not depend on what is believed of the attacks.
    study.write_text(text)
    assert here(study, out).computed == 0


def test_a_curve_that_never_comes_down_to_epsilon(tmp_path: Path) -> None:
    study = write(tmp_path)
    given = "unstable = { epsilon = 0.01, a = 0.9, b = 0.7, c = 0.02 } }"
    study.write_text(study.read_text().replace("copies = 3 }", f"copies = 3, {given}"))
    with pytest.raises(StudyError, match=r"methods\[1\].options: epsilon"):
        here(study, tmp_path / "out")


def test_halves_of_the_votes(tmp_path: Path) -> None:
    """Two seeds are two votes on each attack; what is split are the attacks."""
    study = write(tmp_path)
    text = study.read_text().replace("limit = 3", "limit = 4")
    keys = 'task = "certify"\nsplits = 20\nseeds = [0, 1]'
    study.write_text(text.replace('task = "certify"', keys))
    here(study, tmp_path / "out")
    (found,) = summarise(tmp_path / "out").halves
    refused = {
        (r["data"], r["seed"]): int(r["value"])
        for r in table(tmp_path / "out")
        if (r["method"], r["metric"]) == ("swap", "refused") and r["data"].startswith("attacks")
    }
    votes = np.array(
        [[k < refused[f"attacks/{a}", s] for s in (0, 1) for k in range(3)] for a in range(4)]
    )
    assert (
        found
        == {"model": "embedded", "method": "swap", "family": "gcg"}
        | split_in_halves(votes, 3, splits=20).to_dict()
    )
    (shown,) = halves_tables(summarise(tmp_path / "out"))
    assert shown.rows[0][:4] == ("swap", "gcg", "4", "6")


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


DEFENCES = """
task = "certify"
batch = 2
seeds = [0]
[[models]]
model = "embedded"
[[data]]
name = "attacks"
kind = "attacks"
path = "embedded"
limit = 2
[[methods]]
method = "drop"
options = { rate = 0.3, copies = 3 }
[[methods]]
method = "erase"
options = { parts = 3 }
[[methods]]
method = "cascade"
options = { stages = "self+erase:longest=2" }
"""


def test_defences_are_methods_and_whole_decisions_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(DEFENCES)
    here(path, tmp_path / "out")
    rows = table(tmp_path / "out")
    target, judge = load_target("embedded"), RefusalPhrases()
    for text, method in (("drop:rate=0.3,copies=3", "drop"), ("erase:parts=3", "erase")):
        smooth = SmoothLLM(target, parse_defence(text), judge=judge, answer_from="original")
        for seed in (0,):
            prompts = [attack.prompt for attack in read_attacks()][:2]
            asks = [smooth.perturbed(prompt, seed=seed) for prompt in prompts]
            decisions = smooth.decide_many(asks, [seed] * 2)
            measured = [
                r["value"]
                for r in rows
                if (r["method"], r["metric"], r["seed"]) == (method, "defended", seed)
            ]
            assert measured == [decision.defended for decision in decisions]
    made = claims(Store(tmp_path / "out").table())
    promised = {one["claimant"]: one for one in made if one["claim"] == "population"}
    assert set(promised) == {"drop", "erase", "cascade"}


def test_a_defence_with_an_unknown_option_is_told(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(DEFENCES.replace("parts = 3", "part = 3").replace("self+erase", "self+rase"))
    with pytest.raises(StudyError) as error:
        here(path, tmp_path / "out")
    assert "methods[1].options.part" in str(error.value)
    assert "did you mean 'erase'" in str(error.value)
