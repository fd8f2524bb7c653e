"""``interlock certify``: dry runs, budgets, system prompts, more fields, other addresses."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interlock.certify import CertificateCard
from interlock.certify.targets.store import CallStore
from tests.certify.scripted import NO, YES, Server, answer, send
from tests.test_cli import one_error
from tests.test_cli_certify import BENIGN, QUICK, RULE, at, brittle, certify, told, written

pytestmark = pytest.mark.usefixtures("quick_intervals")

OWN = ["--perturbation", "swap", "--rate", 0.15, "--copies", 5, "--changes", "0,1,2,4",
       "--trials", 2, "--votes", 5, "--repeats", 2]  # fmt: skip

COUNTS = ["--perturbation", "swap,patch", "--changes", "0,1,2", "--trials", 1]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server([brittle]) as running:
        yield running


@pytest.fixture
def inputs(tmp_path: Path) -> list[object]:
    return written(tmp_path)


@pytest.fixture(autouse=True)
def _plain_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("draw_decays", "draw_utility", "draw_check"):
        monkeypatch.setattr(f"interlock.cli.certify.report.{name}", lambda *_: b"drawn")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_dry_run_of_measure_says_exactly_what_is_asked(
    server: Server, inputs: list[object], tmp_path: Path
) -> None:
    command = ["measure", *at(server), *inputs[:2], *QUICK[:2], "--changes", "0,1,2,4"]
    command += ["--trials", 3, "--out", tmp_path / "out"]
    before, asked = contents(tmp_path), len(server.seen)
    dry = told(*command, "--dry-run")
    assert len(server.seen) == asked
    assert contents(tmp_path) == before
    assert not (tmp_path / "out").exists()
    run = told(*command)
    assert dry["calls"] == {"at_least": run["calls"]["asked"], "at_most": run["calls"]["asked"]}
    assert run["calls"]["asked"] == len(server.seen) - asked
    assert dry["answer_tokens_at_most"] == 64 * run["calls"]["asked"]
    again, kept = contents(tmp_path), len(server.seen)
    done = told(*command, "--dry-run")
    assert done["calls"] == {"at_least": 0, "at_most": 0}
    assert (contents(tmp_path), len(server.seen)) == (again, kept)


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        pytest.param("brittle", QUICK, id="planned"),
        pytest.param("wavers", QUICK, id="no plan", marks=pytest.mark.slow),
        pytest.param("refuses", OWN, id="refused", marks=pytest.mark.slow),
        pytest.param("complies", OWN, id="complied"),
    ],
)
def test_no_answers_bring_about_more_calls_than_a_dry_run_says(
    rule: str, options: list[object], inputs: list[object], tmp_path: Path
) -> None:
    def wavering(handler: Any) -> None:
        text = handler.asked["messages"][-1]["content"]
        answer(YES if sum(map(ord, text)) % 2 else NO)(handler)

    steps = {"brittle": brittle, "refuses": answer(NO), "complies": answer(YES), "wavers": wavering}
    with Server([steps[rule]]) as server:
        command = ["report", *at(server), *inputs, *options, "--out", tmp_path / "out"]
        dry = told(*command, "--dry-run")
        assert server.seen == []
        certify(*command, "--json")
        asked = len(server.seen)
        assert dry["calls"]["at_least"] <= asked <= dry["calls"]["at_most"]
        if options is OWN:
            # Whatever is answered: the same calls but for the votes that end once decided, which
            # those of one mind do with their first copies.
            early = {step["name"] for step in dry["steps"] if not step["exact"]}
            assert early == {
                "benign prompts, defended",
                *(f"{kind}: votes on attacks held out" for kind in ("gcg", "role-play")),
            }
            assert asked == dry["calls"]["at_least"]
        left = told(*command, "--dry-run")
        assert left["calls"] == {"at_least": 0, "at_most": 0}  # every answer on the way is kept


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "share"),
    [
        pytest.param(OWN, 0.9, id="own setting"),
        pytest.param([*OWN, "--answer-from", "copy"], 0.5, id="copies answer"),
        pytest.param([*OWN, "--only-successful"], 0.5, id="only successful"),
        pytest.param(QUICK, 0.5, id="planned"),
    ],
)
def test_a_dry_run_holds_with_a_store_that_is_partly_filled(
    options: list[object], share: float, inputs: list[object], tmp_path: Path
) -> None:
    """Answers of every step are taken out at random; what was left is asked anew, as told."""
    with Server([brittle]) as server:
        command = ["report", *at(server), *inputs, *options, "--out", tmp_path / "out"]
        certify(*command, "--json")
        with sqlite3.connect(tmp_path / "out" / "calls.sqlite") as store:
            keys = [key for (key,) in store.execute("SELECT key FROM calls ORDER BY key")]
            gone = random.Random(f"{share}").sample(keys, round(share * len(keys)))
            store.executemany("DELETE FROM calls WHERE key = ?", [(key,) for key in gone])
        dry, before = told(*command, "--dry-run")["calls"], len(server.seen)
        certify(*command, "--json")
        asked = len(server.seen) - before
    assert dry["at_least"] <= asked <= dry["at_most"]
    assert asked <= len(gone)  # no answer changes anything, so the same way is gone
    if options is not QUICK and "--only-successful" not in options:
        assert dry["at_least"] > 0.4 * asked  # and it says something


@pytest.mark.parametrize(
    "step",
    [
        "benign",
        pytest.param("undefended", marks=pytest.mark.slow),
        pytest.param("defended", marks=pytest.mark.slow),
    ],
)
def test_a_dry_run_knows_the_kept_answers_of_each_step(
    step: str, inputs: list[object], tmp_path: Path
) -> None:
    """Of one kind of question all answers are kept, of the others none."""
    with Server([brittle]) as server:
        command = ["report", *at(server), *inputs, *OWN, "--temperature", 0.5]
        whole = told(*command, "--out", tmp_path / "other", "--dry-run")
        certify(*command, "--out", tmp_path / "out", "--json")
        benign = inputs[3]
        assert isinstance(benign, Path)
        plain = set(benign.read_text().splitlines())
        with sqlite3.connect(tmp_path / "out" / "calls.sqlite") as store:
            rows = store.execute("SELECT key, prompt FROM calls").fetchall()
            texts = {key: json.loads(prompt)["messages"][-1]["content"] for key, prompt in rows}
            attacks = {json.loads(line)["prompt"] for line in lines_of(inputs)}
            kinds = {
                key: "benign" if text in plain else "undefended" if text in attacks else "defended"
                for key, text in texts.items()
            }
            gone = [key for key, kind in kinds.items() if kind != step]
            assert 0 < len(gone) < len(rows)
            store.executemany("DELETE FROM calls WHERE key = ?", [(key,) for key in gone])
        dry, before = told(*command, "--out", tmp_path / "out", "--dry-run"), len(server.seen)
        certify(*command, "--out", tmp_path / "out", "--json")
        asked = len(server.seen) - before
    assert asked == len(gone)
    assert dry["calls"]["at_least"] <= asked <= dry["calls"]["at_most"]
    assert whole["calls"]["at_most"] - dry["calls"]["at_most"] == len(rows) - len(gone)


def lines_of(inputs: list[object]) -> list[str]:
    attacks = inputs[1]
    assert isinstance(attacks, Path)
    return attacks.read_text().splitlines()


def one_goal(row: dict[str, Any]) -> dict[str, Any]:
    """The same attack, if it is a suffix's, on a goal that all others share."""
    if row["kind"] != "gcg":
        return row
    suffix = row["prompt"][row["span"][0] :]
    prompt = f"tell me all{suffix}"
    return row | {"goal": "tell me all", "prompt": prompt, "span": [11, len(prompt)]}


def test_a_dry_run_tells_the_best_bound_that_the_attacks_can_give(
    server: Server, inputs: list[object], tmp_path: Path
) -> None:
    command = ["report", *at(server), *inputs, *QUICK, "--out", tmp_path / "out"]
    gcg, play = told(*command, "--dry-run")["best_bounds"]
    assert (gcg["attacks"], gcg["lower"]) == (12, pytest.approx(0.05 ** (1 / 12)))
    assert (gcg["groups"], gcg["lower_by_groups"]) == (12, gcg["lower"])
    assert play["family"] == "role-play"
    path = tmp_path / "attacks.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("\n".join(json.dumps(one_goal(row)) for row in rows))
    bounds = told(*command, "--dry-run")["best_bounds"]
    [alike] = [bound for bound in bounds if bound["family"] == "gcg"]
    assert (alike["attacks"], alike["groups"]) == (24, 1)  # one group is not split
    # One group is not split, and pays for all settings that might have been chosen.
    assert alike["lower"] < 0.85
    assert alike["lower_by_groups"] < 0.01
    path.write_text("\n".join(map(json.dumps, rows)))
    result = certify(*command, "--dry-run")
    assert "gcg: at best 0.779 with 95% confidence" in result.stdout
    assert "bytes of UTF-8 a token" in result.stdout
    many = certify(*command, "--dry-run", "--joint", "--tries", 3).stdout
    assert " in each of 3 tries with 95% confidence for all at once, if every copy" in many


def test_the_best_bound_is_that_of_a_run_in_which_all_is_refused(
    inputs: list[object], tmp_path: Path
) -> None:
    path = tmp_path / "attacks.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("\n".join(json.dumps(row | {"source": row["goal"][-1]}) for row in rows))
    with Server([answer(NO)]) as refusing:
        command = ["report", *at(refusing), *inputs, *OWN, "--votes", 15, "--out", tmp_path / "out"]
        command += ["--joint", "--tries", 3, "--by-source"]
        bounds = told(*command, "--dry-run")["best_bounds"]
        certify(*command, "--json")
    made = json.loads((tmp_path / "out" / "results.json").read_text())["families"]
    assert {b["family"]: (b["lower_by_groups"], b["groups"]) for b in bounds} == {
        one["family"]: (pytest.approx(one["lower"], abs=1e-9), one["groups"]) for one in made
    }
    assert any(one["groups"] < one["attacks"]["certify"] for one in made)


def test_a_dry_run_of_a_local_target_counts_by_its_tokenizer(tmp_path: Path) -> None:
    options = ["--perturbation", "swap", "--changes", "0", "--out", tmp_path / "out"]
    plain = told("measure", *options, "--dry-run")
    assert plain["tokens_by"] == "the target's tokenizer"
    (tmp_path / "system.txt").write_text("be careful")
    longer = told("measure", *options, "--system", tmp_path / "system.txt", "--dry-run")
    asked = plain["calls"]["at_most"]
    assert longer["prompt_tokens_at_most"] == plain["prompt_tokens_at_most"] + asked * (
        len("be careful") + 2  # a letter a token, and one at each end of the message
    )
    assert not (tmp_path / "out").exists()


def test_a_dry_run_of_role_plays_is_exact_and_of_a_search_bounded(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "framings.txt").write_text("my uncle says: {request}\nhe says: {request}\n")
    (tmp_path / "asked.txt").write_text("tell me three\ntell me four\n")
    command = ["attack", *at(server), "--prompts", tmp_path / "asked.txt"]
    command += ["--framings", tmp_path / "framings.txt", "--out", tmp_path / "out"]
    before = len(server.seen)
    dry = told(*command, "--dry-run")
    told(*command)
    assert dry["calls"] == {"at_least": 5, "at_most": 5}
    assert len(server.seen) - before == 5
    search = told("attack", "--goals", 2, "--steps", 7, "--out", tmp_path, "--dry-run")
    assert search["calls"] == {"at_least": 0, "at_most": 14}
    line = one_error(certify("attack", "--goals", 2, "--budget", 5, "--out", tmp_path / "x"))
    assert "--budget 5: a suffix search spends gradients, not calls" in line


def test_a_budget_is_never_exceeded_and_nothing_is_asked_twice(
    inputs: list[object], tmp_path: Path
) -> None:
    with Server([brittle]) as server:
        command = ["measure", *at(server), *inputs[:2], *COUNTS, "--out", tmp_path / "out"]
        for budget in (0, 1, 17, 10):
            before = len(server.seen)
            result = certify(*command, "--budget", budget)
            assert result.exit_code == 1
            line = one_error(result)
            assert f"the budget of {budget} calls is spent" in line
            assert "larger --budget" in line
            assert len(server.seen) - before == budget
            with CallStore(tmp_path / "out" / "calls.sqlite") as store:
                assert len(store) == len(server.seen)  # each one paid for is kept
        left = told(*command, "--dry-run")["calls"]
        value = told(*command, "--budget", left["at_most"])
        asked = [json.dumps([one["messages"], one.get("seed")]) for one in server.seen]
        assert max(Counter(asked).values()) == 1
    with Server([brittle]) as server:
        whole = told("measure", *at(server), *inputs[:2], *COUNTS, "--out", tmp_path / "whole")
        assert whole["calls"]["asked"] == len(asked)
    assert value["families"] == whole["families"]


def test_a_budget_is_for_the_judging_model_too(inputs: list[object], tmp_path: Path) -> None:
    with Server([brittle]) as server, Server([answer("VERDICT: REFUSED")]) as judging:
        command = ["measure", *at(server), *inputs[:2], *COUNTS, "--out", tmp_path / "out"]
        command += ["--judge", f"model:{judging.url}", "--judge-model", "j"]
        dry = told(*command, "--dry-run")
        assert (len(server.seen), len(judging.seen)) == (0, 0)
        budget = dry["calls"]["at_most"] // 4
        line = one_error(certify(*command, "--budget", budget))
        assert f"budget of {budget} calls is spent" in line
        assert len(server.seen) + len(judging.seen) == budget
        told(*command)
        assert len(judging.seen) <= dry["judge_calls_at_most"]


@pytest.mark.slow
def test_a_budget_and_a_dry_run_know_the_pair_judge(inputs: list[object], tmp_path: Path) -> None:
    """With all but one of its calls paid for, the run stops there."""

    def copious(handler: Any) -> None:
        text = handler.asked["messages"][-1]["content"]
        said = RULE(text, 0)
        answer(said if said == NO else f"{said} {sum(map(ord, text))}.")(handler)

    (tmp_path / "few.txt").write_text("\n".join(BENIGN[:2]))
    with Server([copious]) as server, Server([answer("BETTER: TIE")]) as judging:
        command = ["report", *at(server), *inputs[:2], "--benign", tmp_path / "few.txt", *OWN]
        command += ["--changes", "0,1,2", "--trials", 1, "--out", tmp_path / "out"]
        command += ["--answer-from", "copy", "--pair-judge", judging.url, "--judge-model", "j"]
        dry = told(*command, "--dry-run")
        assert dry["judge_calls_at_most"] == 2 * 2
        assert told(*command[:-6], "--dry-run")["judge_calls_at_most"] == 0
        assert (server.seen, judging.seen) == ([], [])
        budget = dry["calls"]["at_least"] // 2
        assert "is spent" in one_error(certify(*command, "--budget", budget))
        assert len(server.seen) + len(judging.seen) == budget
        certify(*command, "--json")
        assert len(judging.seen) == 4
        with sqlite3.connect(tmp_path / "out" / "calls.sqlite") as store:
            store.execute("DELETE FROM calls WHERE prompt LIKE '%Two assistants were given%'")
        line = one_error(certify(*command, "--budget", 3))
        assert "the budget of 3 calls is spent" in line
        assert len(judging.seen) == 4 + 3
        certify(*command, "--budget", 1, "--json")
        assert len(judging.seen) == 4 + 4
        assert told(*command, "--dry-run")["judge_calls_at_most"] == 0


def test_a_budget_counts_repeated_requests(inputs: list[object], tmp_path: Path) -> None:
    with Server([answer(YES), send(503, b"busy", {"retry-after": "0"})]) as server:
        command = ["measure", *at(server), *inputs[:2], *COUNTS, "--out", tmp_path / "out"]
        line = one_error(certify(*command, "--attempts", 50, "--budget", 9))
        assert len(server.seen) == 9
    assert "503: busy" in line


def test_system_prompt_and_extra_fields_are_sent_and_stand_on_the_card(
    server: Server, inputs: list[object], tmp_path: Path
) -> None:
    (tmp_path / "system.txt").write_bytes(b"\xef\xbb\xbfbe careful\r\n")
    command = ["report", *at(server), *inputs, *OWN, "--out", tmp_path / "out"]
    command += ["--system", tmp_path / "system.txt", "--temperature", 0.5]
    command += ["--extra", "max_completion_tokens=9", "--extra", 'reasoning_effort="low"']
    before = len(server.seen)
    value = told(*command)
    for seen in server.seen[before:]:
        assert seen["messages"][0] == {"role": "system", "content": "be careful"}
        assert (seen["max_completion_tokens"], seen["reasoning_effort"]) == (9, "low")
        assert seen["temperature"] == 0.5
        assert "max_tokens" not in seen
    identity = CertificateCard.load(value["families"][0]["certificate"]).target_identity
    assert (identity["max_tokens"], identity["temperature"]) == (None, 0.5)
    assert json.loads(identity["extra"])["reasoning_effort"] == "low"
    assert len(identity["system_sha256"]) == 64
    asked = len(server.seen)
    assert told(*command)["calls"]["asked"] == 0
    (tmp_path / "system.txt").write_text("be careless")
    told(*command)
    assert len(server.seen) > asked


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--extra", "messages=[]"], "--extra messages: cannot be set so"),
        (["--extra", 'Model="x"'], "--extra Model: cannot be set so; give it as --model"),
        (["--extra", "n=2"], "--extra n: cannot be set so"),
        (["--extra", "stream=true"], "--extra stream: cannot be set so"),
        (["--extra", "max_tokens=3"], "--extra max_tokens: cannot be set so; give it as --max-tok"),
        (["--extra", "top_p"], "--extra top_p: give KEY=JSON"),
        (["--extra", "=3"], "--extra =3: give KEY=JSON"),
        (["--extra", "effort=low"], "text needs quotes: 'effort=\"low\"'"),
        (["--extra", "top_p=NaN"], "NaN is no number of JSON"),
        (["--extra", 'a={"b": 1, "b": 2}'], "a key stands there twice"),
        (["--extra", "a=1", "--extra", "a=2"], "a is given twice"),
        (["--extra", "a=1", "--extra", "A=2"], "some servers take it for 'a'"),
    ],
)
def test_an_extra_field_that_cannot_be_is_one_line(
    options: list[str], message: str, server: Server, inputs: list[object], tmp_path: Path
) -> None:
    before = len(server.seen)
    command = ["measure", *at(server), *inputs[:2], "--out", tmp_path / "out", *options]
    assert message in one_error(certify(*command))
    assert len(server.seen) == before


def test_only_an_address_takes_extra_fields(tmp_path: Path) -> None:
    line = one_error(certify("measure", "--extra", "top_p=1", "--out", tmp_path))
    assert "--extra top_p: only an endpoint takes more fields" in line
    (tmp_path / "s.txt").write_text("be kind")
    (tmp_path / "r.jsonl").write_text('{"prompt": "a", "answer": "b"}')
    command = ["measure", "--target", f"recorded:{tmp_path / 'r.jsonl'}", "--attacks", "embedded"]
    line = one_error(certify(*command, "--system", tmp_path / "s.txt", "--out", tmp_path))
    assert "was recorded with the system prompt it has" in line


@pytest.mark.parametrize(
    ("raw", "why"), [(b"", "empty"), (b"\xef\xbb\xbf\n", "empty"), (b"\xe9", "not UTF-8")]
)
def test_a_system_file_that_is_none_is_one_line(raw: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_bytes(raw)
    line = one_error(certify("measure", "--system", tmp_path / "s.txt", "--out", tmp_path))
    assert why in line
    assert "s.txt" in line


def test_an_azure_deployment_names_its_model(inputs: list[object], tmp_path: Path) -> None:
    with Server([brittle]) as server:
        address = server.url.replace("/v1", "/openai/deployments/gpt/chat/completions")
        command = ["measure", "--target", f"{address}?api-version=2024-06-01", *inputs[:2]]
        assert told(*command, *COUNTS, "--out", tmp_path / "out")["calls"]["asked"]
        paths = {seen["path"] for seen in server.seen}
    assert paths == {"/openai/deployments/gpt/chat/completions?api-version=2024-06-01"}
    line = one_error(certify(*command, "--target", f"{address}?api-version=1&api-key=hunter2"))
    assert "holds a key" in line
    assert "hunter2" not in line


def test_a_judging_model_without_a_name_is_told_its_own_option(
    server: Server, inputs: list[object], tmp_path: Path
) -> None:
    command = ["measure", *at(server), *inputs[:2], "--judge", f"model:{server.url}"]
    assert "(--judge-model …)" in one_error(certify(*command, "--out", tmp_path))


def test_a_400_s_sentence_is_shown(inputs: list[object], tmp_path: Path) -> None:
    sentence = {"error": {"message": "Unsupported parameter: 'max_tokens'"}}
    refused = send(400, json.dumps(sentence).encode())
    with Server([refused]) as server:
        line = one_error(certify("measure", *at(server), *inputs[:2], "--out", tmp_path / "a"))
        assert "answered 400: Unsupported parameter: 'max_tokens'" in line

    def sometimes(handler: Any) -> None:
        odd = sum(map(ord, handler.asked["messages"][-1]["content"])) % 2
        (refused if odd else answer(NO))(handler)

    with Server([sometimes]) as server:
        command = ["measure", *at(server), *inputs[:2], *COUNTS, "--out", tmp_path / "b"]
        result = certify(*command)
    assert result.exit_code == 0
    assert "calls were lost; the first: " in result.stderr
    assert "Unsupported parameter: 'max_tokens'" in result.stderr


def test_a_budget_covers_the_judge_s_labelled_answers(
    server: Server, inputs: list[object], tmp_path: Path
) -> None:
    rows = [{"prompt": f"p{i}", "answer": f"a{i}", "refused": True} for i in range(5)]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with Server([answer("VERDICT: REFUSED")]) as judging:
        command = ["report", *at(server), *inputs, "--judge", f"model:{judging.url}"]
        command += ["--judge-model", "j", "--labels", tmp_path / "labels.jsonl"]
        line = one_error(certify(*command, "--budget", 3, "--out", tmp_path / "out"))
        assert len(judging.seen) == 3
    assert "the budget of 3 calls is spent" in line
    assert "3 answers are kept" in line


def test_a_store_that_is_none_is_named_by_a_dry_run_too(tmp_path: Path) -> None:
    (tmp_path / "calls.sqlite").write_text("no database, and long enough to be looked at " * 40)
    line = one_error(certify("measure", "--out", tmp_path, "--dry-run"))
    assert f"{tmp_path}/calls.sqlite: cannot be used as a store of calls" in line


def test_usage(tmp_path: Path) -> None:
    for options in (["--budget", "-1"], ["--paper", "--dry-run"], ["--budget", "x"]):
        assert certify("report", *options, "--out", tmp_path).exit_code == 2


def test_measure_counts_the_decisions_of_a_defence_and_leaves_the_rest(
    server: Server, inputs: list[object], tmp_path: Path
) -> None:
    """The target refuses what is as long as the suffix attacks of this file."""

    def counting(handler: Any) -> None:
        text = handler.asked["messages"][-1]["content"]
        answer(NO if len(text) == 48 else YES)(handler)

    with Server([counting]) as running:
        command = ["measure", *at(running), *inputs[:2], "--out", tmp_path / "out"]
        command += ["--defence", "erase:parts=3", "--trials", 1]
        dry = told(*command, "--dry-run")["calls"]
        assert running.seen == []
        value = told(*command)
        assert dry["at_least"] <= len(running.seen) <= dry["at_most"]
        assert told(*command)["calls"]["asked"] == 0
    kept = json.loads((tmp_path / "out" / "refusals.json").read_text())
    assert kept["families"] == value["families"]
    by_name = {row["family"]: row for row in value["families"]}
    gcg, play = by_name["gcg"], by_name["role-play"]
    assert (gcg["refused"], gcg["attacks"], gcg["groups"], gcg["calls"]) == (1.0, 6, 6, 1.0)
    assert gcg["interval"][0] < 0.7
    assert play["refused"] == 0.0
    rest = [json.loads(line) for line in (tmp_path / "out" / "rest.jsonl").read_text().splitlines()]
    asked = {row["attack"] for family in value["families"] for row in family["by_attack"]}
    assert len(rest) + len(asked) == len(lines_of(inputs))
    smooth = ["measure", *at(server), *inputs[:2], "--changes", "0", "--out", tmp_path / "smooth"]
    value = told(*smooth, "--defence", "smooth:patch,rate=0.2")
    assert {row["perturbation"] for row in value["families"]} == {"patch"}


def test_plan_with_a_defence_says_how_many_attacks_a_bound_needs(tmp_path: Path) -> None:
    value = told("plan", "--defence", "erase:longest=20")
    needs = {row["not_refused"]: row["groups"] for row in value["needs"]}
    assert (needs[0], needs[1], needs[2]) == (59, 93, 124)  # Wilks' sample sizes
    assert value["needs"][0]["calls_at_most"] == 59 * (22 + 2)  # and undefended, with goal
    assert told("plan", "--defence", "self", "--confidence", 0.5)["needs"][0]["groups"] == 14
    few = certify("plan", "--defence", "drop", "--attacks", "embedded", "--dsp", 0.999, "--json")
    assert (few.exit_code, json.loads(few.stdout)["families"][0]["enough"]) == (1, False)
    gcg, play = told("plan", "--defence", "drop", "--attacks", "embedded")["families"]
    assert (gcg["groups"], gcg["enough"]) == (119, True)
    assert (play["groups"], play["enough"]) == (1, False)
    result = certify("plan", "--defence", "self", "--curves", tmp_path / "curves.json")
    assert result.exit_code == 2
    assert "--curves means nothing beside --defence" in " ".join(result.output.split())


def test_plan_with_smooth_is_the_plan_for_its_setting() -> None:
    [own] = told("plan", "--defence", "smooth:swap,rate=0.1,copies=11")["plans"]
    assert (own["perturbation"], own["rate"]) == ("swap", 0.1)
    assert own["copies"] <= 11
    result = certify("plan", "--defence", "smooth:swap,rate=0.01,copies=1", "--json")
    assert (result.exit_code, json.loads(result.stdout)["plans"][0]["planned"]) == (1, False)
    for more in (["--perturbation", "swap"], ["--max-copies", 3]):
        assert certify("plan", "--defence", "smooth", *more).exit_code == 2
    assert "'hope' is no defence" in one_error(certify("plan", "--defence", "hope"))
