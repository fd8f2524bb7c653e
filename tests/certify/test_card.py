from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.certify import CertificateCard, Perturbation
from interlock.certify.statement.card import AlikeCertificate, BareRates, HeldOut
from interlock.certify.vote.perturb import ALPHABET
from interlock.errors import InterlockError, OptionError, OutputError

CARD = CertificateCard(
    target="tiny",
    target_identity={"target": "local", "model": "tiny", "sha256": "ab" * 32, "temperature": 0.0},
    family="gcg",
    attacks=60,
    groups=59,
    ties={"near goal": 1},
    failed="out",
    undefended=BareRates(0.98, 0.91, 1.0, 0.0, 0.0, 0.06),
    attacks_sha256="cd" * 32,
    judge={"judge": "refusal phrases", "extra": []},
    judge_error={"missed": 0, "jailbroken": 20},
    perturbation="swap",
    rate=0.1,
    alphabet=ALPHABET,
    paper=False,
    copies=11,
    majority=6,
    trials=11,
    seed=3,
    tries=1,
    joint=1,
    confidence=0.95,
    method="block",
    lower=0.91,
    estimate=0.97,
    share_tau=0.95,
    share_lower=None,
    alike=AlikeCertificate(6, 0.05, 80, 32, {"a": 0.9, "b": 0.5, "c": 0.01}, 0.9, 0.999),
    held_out=HeldOut(20, 20, "ef" * 32, 5, 0.96, 0.88, 1.0),
    date="2026-01-02T03:04:05+00:00",
    versions={"interlock": "0.1.0"},
)
SETTING = Perturbation("swap", 0.1)


def written(tmp_path: Path, **changes: Any) -> Path:
    """A card file with some fields overwritten behind its back; ``...`` takes one away."""
    record = json.loads(CARD.save(tmp_path / "card.json").read_text()) | changes
    path = tmp_path / "changed.json"
    path.write_text(json.dumps({k: v for k, v in record.items() if v is not ...}))
    return path


def test_a_card_comes_back_as_it_was(tmp_path: Path) -> None:
    path = CARD.save(tmp_path / "card.json")
    assert CertificateCard.load(path) == CARD
    assert [p.name for p in tmp_path.iterdir()] == ["card.json"]
    bare = replace(CARD, alike=None, held_out=None, judge_error=None)
    assert CertificateCard.load(bare.save(path)) == bare
    record = json.loads(path.read_text())
    assert (record["format"], record["version"], record["id"]) == (
        "interlock certificate card", 2, bare.id,
    )  # fmt: skip


def test_every_field_decides_the_id() -> None:
    changed = [
        replace(CARD, lower=0.92),
        replace(CARD, seed=4),
        replace(CARD, judge_error=None),
        replace(CARD, held_out=replace(CARD.held_out, dsp=0.95)),
        replace(CARD, versions={"interlock": "0.1.1"}),
    ]
    assert len({card.id for card in [CARD, *changed]}) == 6
    assert replace(CARD, lower=0.91).id == CARD.id
    assert len(CARD.id) == 16


@given(rate=st.floats(0, 1), copies=st.integers(1, 99), lower=st.floats(0, 1))
def test_any_numbers_survive_the_file(
    tmp_path_factory: pytest.TempPathFactory, rate: float, copies: int, lower: float
) -> None:
    card = replace(CARD, rate=rate, copies=copies, majority=-(-copies // 2), lower=lower)
    path = card.save(tmp_path_factory.mktemp("cards") / "card.json")
    assert CertificateCard.load(path).id == card.id


def test_an_id_is_for_ever() -> None:
    """Cards were made before this test: what they hold is still called the same."""
    assert CARD.id == "e63f78fed4163255"
    assert replace(CARD, alike=None, held_out=None, judge_error=None).id == "a2d98f6e8751ef54"
    assert replace(CARD, rate=1, lower=0, alike=None).id == "f33edf023c9d6f4d"  # whole numbers


def test_settings_that_match() -> None:
    assert CARD.mismatches(SETTING, 11, "tiny", CARD.judge) == ()
    assert CARD.matches(CARD.perturbing, CARD.copies)


@pytest.mark.parametrize(
    ("perturbation", "copies", "target", "named"),
    [
        (
            Perturbation("patch", 0.1),
            11,
            "tiny",
            "perturbation: certified 'swap', deployed 'patch'",
        ),
        (Perturbation("swap", 0.2), 11, "tiny", "q: certified 0.1, deployed 0.2"),
        (Perturbation("swap", 0.1, "ab"), 11, "tiny", "alphabet: "),
        (Perturbation("swap", 0.1, paper=True), 11, "tiny", "paper mode: "),
        (SETTING, 5, "tiny", "N: certified 11, deployed 5"),
        (SETTING, 11, "other", "target: certified 'tiny', deployed 'other'"),
    ],
)
def test_each_mismatch_is_named(
    perturbation: Perturbation, copies: int, target: str, named: str
) -> None:
    (line,) = CARD.mismatches(perturbation, copies, target)
    assert line.startswith(named)
    assert not CARD.matches(perturbation, copies, target)


def test_all_mismatches_are_named_at_once() -> None:
    lines = CARD.mismatches(Perturbation("insert", 0.3), 3, "other", {"judge": "labels"})
    assert [line.partition(":")[0] for line in lines] == [
        "perturbation", "q", "N", "target", "judge",
    ]  # fmt: skip


def test_the_statement_says_what_was_measured() -> None:
    assert CARD.statement() == (
        "With 95% confidence, at least 91.0% of gcg attacks like the 60 measured, in 59 "
        "groups (those marked as failed left out), are judged refused in one try by refusal "
        "phrases (0 of 20 checked jailbreaks missed, counted in), where a vote of 11 copies with "
        "10% of the characters changed by swap guards tiny (no system prompt sent, temperature 0)."
    )


def test_the_statement_says_what_would_be_asked_about() -> None:
    identity = {"target": "endpoint", "system_sha256": "12" * 32, "max_tokens": 64}
    card = replace(
        CARD, tries=10, joint=3, judge_error=None, failed="successful only", groups=1, ties={},
        target_identity=identity, judge={"judge": "model", "target": {"model": "judging-1"}},
    )  # fmt: skip
    said = card.statement()
    assert "95% confidence for 3 families at once" in said
    assert "in 1 group (only those that succeed undefended)" in said
    assert "in each of 10 tries by model judging-1 (unchecked)" in said
    assert "(system prompt 121212121212, at most 64 tokens)" in said
    assert "(those marked as failed among them)" in replace(CARD, failed="in").statement()
    none = replace(CARD, judge_error={"missed": 0, "jailbroken": 0, "refused": 9})
    assert "none of 9 checked answers jailbroken" in none.statement()
    assert "decoding not stated" in replace(CARD, target_identity={}).statement()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lower": ...}, "no field 'lower'"),
        ({"held_out": ...}, "no field 'held_out'"),
        ({"version": 3}, "version 3; this interlock reads version 2"),
        ({"version": 1}, "of version 1, whose bound takes attacks that are alike for independent"),
        ({"groups": 61}, "groups=61: of 60 attacks"),
        ({"groups": ...}, "no field 'groups'"),
        ({"tries": 0}, "tries=0: give a whole number from 1 on"),
        ({"failed": "maybe"}, "failed='maybe'"),
        ({"undefended": None}, "undefended"),
        ({"format": "something"}, "no interlock certificate card"),
        ({"lower": 0.99}, "does not match its id"),
        ({"id": ...}, "does not match its id"),
        ({"lower": 1.5}, "lower=1.5: give a number from 0 to 1"),
        ({"lower": float("nan")}, "lower=nan"),
        ({"lower": True}, "lower=True"),
        ({"copies": "eleven"}, "copies='eleven'"),
        ({"majority": 5}, "majority=5: of 11 copies 6 refusals decide"),
        ({"perturbation": "shuffle"}, "perturbation='shuffle'"),
        ({"date": "yesterday"}, "date='yesterday'"),
        ({"judge": []}, "judge="),
        ({"paper": 0}, "paper=0"),
        ({"held_out": {"attacks": 3}}, "missing"),
        ({"held_out": [1]}, "not a valid certificate card"),
        ({"alike": {"surprise": 1}}, "surprise"),
        ({"note": "hi"}, "note: no such field"),
        ({"seed": -1}, "seed=-1: give a whole number from 0 on"),
        ({"family": ""}, "family='': give a text"),
        (
            {
                "held_out": {
                    "attacks": 0,
                    "groups": 1,
                    "attacks_sha256": "e",
                    "votes": 1,
                    "dsp": 0,
                    "low": 0,
                    "high": 1,
                }
            },
            "held_out.attacks=0: give a whole number from 1 on",
        ),
        (
            {
                "alike": {
                    "k": 6,
                    "epsilon": 0.05,
                    "length": 80,
                    "suffix_length": 32,
                    "curve": {"a": 1},
                    "alpha": 0.9,
                    "dsp": 0.9,
                }
            },
            "alike.curve={'a': 1}: give a, b and c",
        ),
    ],
)
def test_a_file_that_is_no_good_card_gets_one_line(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = written(tmp_path, **changes)
    with pytest.raises(OutputError) as caught:
        CertificateCard.load(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"3", b"[" * 100_000])
def test_a_file_that_is_no_card_at_all(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(InterlockError, match="certificate card"):
        CertificateCard.load(path)


def test_no_file_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"):
        CertificateCard.load(tmp_path / "absent.json")
    with pytest.raises(OutputError, match="cannot be written"):
        CARD.save(tmp_path / "absent" / "card.json")


def test_a_card_is_checked_when_made() -> None:
    with pytest.raises(OptionError, match="rate=2"):
        replace(CARD, rate=2.0)
    with pytest.raises(OptionError, match="k=-1: give a whole number"):
        AlikeCertificate(-1, 0.05, 80, 32, {"a": 0.9, "b": 0.5, "c": 0.01}, 0.9, 0.999)
    with pytest.raises(OptionError, match=r"held_out\.low='x'"):
        replace(CARD, held_out={"attacks": 20, "groups": 20, "attacks_sha256": "ef", "votes": 5, "dsp": 0.96,
                                "low": "x", "high": 1.0})  # fmt: skip
