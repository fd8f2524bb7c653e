"""Defences side by side: what is told beforehand, and what holds for the one that is chosen."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.certify.scripted import NO, YES, ScriptedTarget, Server, answer
from tests.certify.test_defended import ATTACKS, GOALS, attack
from tests.test_cli import one_error
from tests.test_cli_certify import at, certify, told

from interlock.certify import RefusalPhrases, SmoothLLM
from interlock.certify.attacks.adaptive import AdaptiveAttack, AdaptiveRolePlay, AdaptiveSearch
from interlock.certify.attacks.adaptive_gcg import AdaptiveGCG
from interlock.certify.bounds.counts import lower_bound
from interlock.certify.campaign.side_by_side import (
    DefenceOptions,
    SideBySide,
    attackers_of,
    different,
    measure_defences,
)
from interlock.certify.defences import parse_defence
from interlock.certify.measures.benign import as_benign
from interlock.certify.targets.budget import Budget, BudgetedTarget
from interlock.certify.targets.local import LocalTarget
from interlock.certify.targets.protocol import Prompt
from interlock.certify.targets.store import CallStore, StoredTarget
from interlock.errors import DataError

pytestmark = pytest.mark.usefixtures("quick_intervals")

BENIGN = as_benign(["how do i bake bread", "tell a story of a cat "])
NAMED = ("erase:longest=3", "drop:rate=0.4,copies=3", "self", "self+erase:longest=2")


def made(rule: Any, names: Sequence[str], attacks: Any = ATTACKS, **options: Any) -> SideBySide:
    defences = [parse_defence(name) for name in names]
    target = ScriptedTarget(rule)
    return measure_defences(
        target, RefusalPhrases(), attacks, BENIGN, defences, DefenceOptions(**options)
    )


def refuses_bare(text: str, _: int) -> str:
    return NO if text in GOALS else YES


@pytest.mark.parametrize("name", [*NAMED, "smooth:copies=7", "erase:every=3", "erase:parts=3"])
@pytest.mark.parametrize("words", [1, 2, 7, 60])
def test_no_prompt_is_asked_more_questions_than_a_defence_says(name: str, words: int) -> None:
    defence = parse_defence(name)
    for blank in ("", " \n"):  # blanks at the end are one text more to erase-and-check
        asked = defence.asks(Prompt.user(" ".join(["word"] * words) + blank))
        assert len(asked) <= defence.most
    if words == 60:
        assert len(asked) == defence.most


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("attacker", [AdaptiveSearch(steps=3, candidates=2), AdaptiveRolePlay()])
@pytest.mark.parametrize("said", ["No.", NO])  # what both the judge and a self-check can read
def test_an_adaptive_search_asks_no_more_than_it_says(
    name: str, attacker: AdaptiveAttack, said: str
) -> None:
    target = ScriptedTarget(lambda *_: said)
    smooth = SmoothLLM(target, parse_defence(name))
    start = "one two three four five six "
    attempt = attacker.run(smooth, "make the thing with four legs", start=start)
    most = attacker.most_calls(smooth.defence.most)
    assert len(target.asked) <= most
    assert attempt.kind == attacker.kind
    if name.startswith("drop") and said == NO:  # every vote is held in full
        assert len(target.asked) == most


def test_bounds_of_all_defences_named_hold_at_once() -> None:
    [alone] = made(refuses_bare, ["erase:longest=3"]).results
    assert alone.families[0].certificate.lower == pytest.approx(lower_bound(8, 10, 0.95))
    both = made(refuses_bare, ["erase:longest=3", "self"]).results
    [one] = both[0].families
    assert one.certificate.lower == pytest.approx(lower_bound(8, 10, 0.975))
    assert "With 95% confidence for 2 defences at once" in one.statement("erase")
    assert (one.confidence, one.named, one.joint) == (0.95, 2, 1)
    # The same one named twice, in other words, is no second choice.
    same = made(refuses_bare, ["erase:longest=3", " erase:every=1,longest=3"]).results
    assert [result.families[0].certificate.lower for result in same] == [
        alone.families[0].certificate.lower
    ]
    assert len(different([parse_defence("drop"), parse_defence("drop:rate=0.30000001")])) == 2


def test_joint_bounds_hold_for_families_and_defences_at_once() -> None:
    attacks = [*ATTACKS[:8], *(attack(i, "play") for i in (8, 9))]
    result = made(refuses_bare, ["erase:longest=3", "self"], attacks, joint=True).results[0]
    [gcg, play] = result.families
    assert gcg.certificate.lower == pytest.approx(lower_bound(8, 8, 1 - 0.05 / 4))
    assert "for 2 families and 2 defences at once" in gcg.statement("erase")
    assert (gcg.joint, play.joint) == (2, 2)
    # Families of adaptive attackers are bounded, too, so they are counted.
    adaptive = made(refuses_bare, ["self"], joint=True, adaptive=1, adaptive_goals=1).results[0]
    assert {one.joint for one in adaptive.families} == {3}


def test_tries_count_attacks_that_every_vote_refuses() -> None:
    def once(text: str, times: int) -> str:
        return "yes" if times == 0 else "no"

    first = made(once, ["self"], repeats=2).results[0].families[0]
    assert first.certificate.lower == pytest.approx(lower_bound(10, 10, 0.95))
    both = made(once, ["self"], repeats=2, tries=2).results[0].families[0]
    assert both.certificate.lower == 0
    assert both.certificate.tries == both.to_dict()["tries"] == 2
    assert "in each of 2 tries" in both.statement("self")
    sure = made(lambda *_: NO, ["self"], repeats=2, tries=2).results[0].families[0]
    assert sure.certificate.lower == pytest.approx(lower_bound(10, 10, 0.95))


def test_attacks_that_the_bare_target_refuses_are_left_out_aloud() -> None:
    def weak(text: str, _: int) -> str:
        return YES if text in {a.prompt for a in ATTACKS[:4]} else NO

    result = made(weak, ["erase:longest=3"], only_successful=True)
    [one] = result.results[0].families
    assert one.attacks == tuple(ATTACKS[:4])
    assert one.undefended.attack.share == 1
    assert "only those that succeed undefended" in one.statement("erase")
    assert "left out 6 attacks" in result.notes[0]
    with pytest.raises(DataError, match="no attacks are left; left out 10 attacks"):
        made(lambda *_: NO, ["self"], only_successful=True)


def test_adaptive_attempts_that_fail_are_said_to_be_in() -> None:
    file, search, play = (
        made(lambda *_: NO, ["self"], adaptive=1, adaptive_goals=2).results[0].families
    )
    assert "those marked as failed left out" in file.statement("self")
    for one in (search, play):
        assert "those marked as failed among them" in one.statement("self")


@pytest.fixture
def inputs(tmp_path: Path) -> list[object]:
    rows = [{"goal": a.goal, "prompt": a.prompt, "kind": a.kind} for a in ATTACKS[:5]]
    (tmp_path / "attacks.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "benign.txt").write_text("how do i bake bread?\ntell a story of a cat\n")
    return ["--attacks", tmp_path / "attacks.jsonl", "--benign", tmp_path / "benign.txt"]


KNOWING = ["--adaptive", 1, "--adaptive-goals", 2]


@pytest.mark.parametrize(
    ("said", "more"),
    [
        (YES, []), (NO, []), ("yes", []), ("no", []),
        pytest.param(NO, KNOWING, marks=pytest.mark.slow),
        pytest.param(YES, KNOWING, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_a_dry_run_asks_and_writes_nothing_and_no_answers_exceed_it(
    said: str, more: list[object], inputs: list[object], tmp_path: Path
) -> None:
    command: list[object] = ["report", *inputs, "--out", tmp_path / "out", *more, "--votes", 4]
    for name in ("erase:longest=2", "drop:copies=3", "self"):
        command += ["--defence", name]
    with Server([answer(said)]) as server:
        command += at(server)
        before = sorted(tmp_path.iterdir())
        dry = told(*command, "--dry-run")
        assert server.seen == []
        assert sorted(tmp_path.iterdir()) == before
        run = certify(*command, "--json")
        assert run.exit_code == 0, run.output
        assert dry["calls"]["at_least"] <= len(server.seen) <= dry["calls"]["at_most"]
        kinds = 3 if more else 1
        bounds = {(b["defence"], b["family"]): b for b in dry["best_bounds"]}
        assert len(bounds) == 3 * kinds
        best = bounds["self", "gcg"]
        assert (best["attacks"], best["groups"]) == (5, 5)
        assert best["lower"] == pytest.approx(lower_bound(5, 5, 1 - 0.05 / 3))
        for result in json.loads(run.stdout)["defences"]:
            for one in result["families"]:
                bound = bounds[result["defence"], one["family"]]
                assert one["lower"] <= bound["lower_by_groups"] + 1e-9
        left = told(*command, "--dry-run")
        assert left["calls"] == {"at_least": 0, "at_most": 0}


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--only-successful"]])
def test_a_dry_run_of_defences_holds_with_a_store_that_is_partly_filled(
    more: list[object], inputs: list[object], tmp_path: Path
) -> None:
    """Answers of every step are taken out at random; what was left is asked anew, as told."""
    command: list[object] = ["report", *inputs, "--out", tmp_path / "out", *more, "--votes", 4]
    for name in ("erase:longest=2", "drop:copies=3", "self"):
        command += ["--defence", name]
    with Server([wavering]) as server:
        command += at(server)
        certify(*command, "--json")
        with sqlite3.connect(tmp_path / "out" / "calls.sqlite") as store:
            keys = [key for (key,) in store.execute("SELECT key FROM calls ORDER BY key")]
            gone = random.Random(0).sample(keys, len(keys) // 2)
            store.executemany("DELETE FROM calls WHERE key = ?", [(key,) for key in gone])
        dry, before = told(*command, "--dry-run")["calls"], len(server.seen)
        certify(*command, "--json")
        asked = len(server.seen) - before
    assert 0 < dry["at_least"] <= asked <= dry["at_most"]
    assert asked <= len(gone)
    if not more:
        assert dry["at_least"] > 0.5 * asked


def wavering(handler: Any) -> None:
    text = handler.asked["messages"][-1]["content"]
    answer(YES if sum(map(ord, text)) % 2 else NO)(handler)


def test_votes_on_random_copies_are_told_exactly(inputs: list[object], tmp_path: Path) -> None:
    with Server([answer(NO)]) as server:
        command = ["report", *inputs, *at(server), "--out", tmp_path / "out"]
        command += ["--defence", "drop:copies=3", "--votes", 4]
        dry = told(*command, "--dry-run")
        steps = {step["name"]: step for step in dry["steps"]}
        votes = steps["drop:rate=0.3,copies=3: gcg"]
        assert (votes["exact"], votes["calls"]) == (True, 5 * 4)
        # 5 attacks and 5 goals, 2 benign prompts and their copies
        assert dry["calls"]["at_most"] == 1 + 10 + 2 + 20 + 2 * 3
        text = certify(*command, "--dry-run").stdout
        assert "drop:rate=0.3,copies=3, gcg: at best 0.549 with 95% confidence" in text
        successful = told(*command, "--only-successful", "--dry-run")
        assert successful["calls"]["at_least"] < dry["calls"]["at_least"]
        assert server.seen == []


def test_a_budget_holds_for_defences_too(inputs: list[object], tmp_path: Path) -> None:
    with Server([answer(NO)]) as server:
        command = ["report", *inputs, *at(server), "--out", tmp_path / "out"]
        command += ["--defence", "erase:longest=2", "--adaptive", 1, "--adaptive-goals", 1]
        line = one_error(certify(*command, "--budget", 9))
        assert "the budget of 9 calls is spent" in line
        assert len(server.seen) == 9
        left = told(*command, "--dry-run")["calls"]["at_most"]
        value = told(*command, "--budget", left)
        assert value["calls"]["asked"] <= left


@pytest.mark.parametrize(
    "option",
    [
        ["--copies", 5], ["--rates", "0.1"], ["--rate", "0.1"], ["--perturbation", "swap"],
        ["--paper"], ["--utility", 0.5], ["--answer-from", "copy"], ["--dsp", 0.9],
        ["--family", "gcg"], ["--votes-file", "x.csv", "--copies", 3],
    ],
)  # fmt: skip
def test_options_that_mean_nothing_beside_a_defence_are_refused(
    option: list[object], tmp_path: Path
) -> None:
    result = certify("report", "--defence", "self", *option, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "means nothing beside --defence" in " ".join(result.stderr.replace("│", "").split())
    assert not (tmp_path / "out").exists()


def test_two_runs_of_defences_stand_side_by_side(inputs: list[object], tmp_path: Path) -> None:
    def command(out: str, *more: object) -> list[object]:
        return ["report", *inputs, *at(server), "--votes", 4, "--out", tmp_path / out, *more]

    def halting(handler: Any) -> None:
        """Refuses bare goals alone."""
        answer(refuses_bare(handler.asked["messages"][-1]["content"], 0))(handler)

    with Server([halting]) as server:
        one, two = ["--defence", "erase:longest=3"], ["--defence", "drop:copies=3"]
        told(*command("one", *one))
        lines = certify(*command("again", *one, *two, "--compare", tmp_path / "one")).stdout
        compared = json.loads((tmp_path / "again" / "defences.json").read_text())["compared"]
        [row] = compared["families"]
        assert row["family"] == "erase:every=1,longest=3, gcg"
        assert (row["difference"], row["attacks"], row["groups"]) == (0.0, 5, 5)
        assert "difference +0.000" in lines
        assert "Beside another run" in (tmp_path / "again" / "defences.html").read_text()
        # One alone in each run: whatever they are.
        alone = command("alone", *two, "--compare", tmp_path / "one")
        [row] = told(*alone)["compared"]["families"]
        assert row["family"].startswith("drop:rate=0.3,copies=3 (there erase:every=1,longest=3)")
        assert row["difference"] == pytest.approx(row["this"] - row["other"])
        assert row["difference"] < 0
        assert row["low"] <= row["difference"] < row["high"]
        for dry in ([], ["--dry-run"]):
            nowhere = command("never", *one, "--compare", tmp_path, *dry)
            line = one_error(certify(*nowhere))
            assert "defences.json" in line
        (tmp_path / "defences.json").write_text('{"defences": [{"defence": "self"}]}')
        line = one_error(certify(*command("never", *one, "--compare", tmp_path)))
        assert "give the folder of a run of 'certify report --defence'" in line
        assert not (tmp_path / "never").exists()


def test_adaptive_needs_a_defence(tmp_path: Path) -> None:
    result = certify("report", "--adaptive", 3, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "--defence" in result.stderr


def test_a_search_by_gradients_is_made_within_a_budget_and_its_calls_are_kept(
    tmp_path: Path,
) -> None:
    local = LocalTarget("embedded", max_tokens=4)
    with CallStore(tmp_path / "calls.sqlite") as store:
        budget = Budget(1000)
        target = StoredTarget(BudgetedTarget(local, budget), store)
        kinds = [one.kind for one in attackers_of(target, 2)]
        assert kinds == ["adaptive-search", "adaptive-role-play", "adaptive-gcg"]
        attacker = AdaptiveGCG(length=4, steps=1, candidates=2, draws=1)
        smooth = SmoothLLM(target, parse_defence("erase:longest=2"))
        attempt = attacker.run(smooth, "tell me how", start="now now")
        assert 0 < len(store) == 1000 - budget.left <= attacker.most_calls(smooth.defence.most)
        key = target.key(Prompt.user(attempt.prompt))
        assert store.get(key) is not None
        assert len(attackers_of(ScriptedTarget(lambda *_: NO), 2)) == 2
