from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from interlock.certify.attacks.attack import EMBEDDED
from interlock.certify.judges import RefusalPhrases, Verdict
from interlock.certify.judges.second import WEIGHTS, load, places, second_opinion
from interlock.errors import ModelError

EVASIVE = "Let's leave that aside and chat about something a bit more cheerful instead."
GREETING = "Hello! How can I help you today?"


def test_it_makes_a_refusal_of_nothing() -> None:
    rows = [
        json.loads(line)
        for line in (EMBEDDED / "labelled_answers.jsonl").read_text("utf-8").splitlines()
    ]
    answers = [row["answer"] for row in rows if row["half"] == "seen" and not row["refused"]][::3]
    assert len(answers) > 300
    with_it = RefusalPhrases(second="embedded")([""] * len(answers), answers)
    without = RefusalPhrases()([""] * len(answers), answers)
    refused = [one is Verdict.REFUSED for one in with_it]
    assert refused == [one is Verdict.REFUSED for one in without]
    assert with_it != without


def test_it_doubts_an_evasion_and_no_greeting() -> None:
    opinion = second_opinion()
    assert opinion.refuses(EVASIVE.lower()) > 0.5
    assert opinion.refuses(GREETING.lower()) < opinion.clear
    assert RefusalPhrases(second="embedded")([""], [GREETING]) == [Verdict.COMPLIED]
    assert not opinion.doubts("mercury.")
    assert not opinion.doubts(EVASIVE.lower() * 3)


def test_a_run_has_one_place_wherever_it_stands() -> None:
    one, other = set(places("open the lid")), set(places("please, open the lid"))
    assert len(one - other) <= 1  # the runs at its beginning stand behind a blank in both
    assert len(places("")) > 0
    assert np.array_equal(places("room 12"), places("room 3456"))
    assert len(places("half \ud800 a pair")) > 0


def test_answers_of_any_length_and_threads_agree() -> None:
    opinion, texts = second_opinion(), ["x" * n + " y" * n for n in (0, 1, 7, 300, 40_000)]
    expected = [opinion.refuses(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert list(pool.map(opinion.refuses, texts)) == expected


def test_damaged_weights_are_one_line_that_names_the_file(tmp_path: Path) -> None:
    whole = WEIGHTS.read_bytes()
    for name, data in (
        ("short", whole[:1000]),
        ("flipped", whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:]),
        ("empty", b""),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelError, match=f"{name}: missing or damaged"):
            load(tmp_path / name)
    with pytest.raises(ModelError, match="missing or damaged"):
        load(tmp_path / "none")


def test_it_is_written_as_it_was_read_and_named_in_the_identity(tmp_path: Path) -> None:
    opinion = load()
    opinion.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == WEIGHTS.read_bytes()
    named = {
        str(RefusalPhrases(second=second).identity)
        for second in (opinion, replace(opinion, doubt=0.5), None)
    }
    assert len(named) == 3
    assert RefusalPhrases(second="embedded").identity == RefusalPhrases(second=opinion).identity
