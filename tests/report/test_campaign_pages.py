"""What a campaign's page shows, hides, and sets side by side."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interlock.certify import RefusalPhrases, write_attacks
from interlock.certify.attacks.attack import Attack, read_attacks
from interlock.certify.campaign.campaign import Campaign
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.campaign.result import CampaignResult
from interlock.certify.statement.comparison import compare_runs, read_run
from interlock.cli import app
from interlock.errors import DataError
from interlock.report import campaign_chapters, comparison_chapter, render_page
from tests.certify.scripted import NO, YES, ScriptedTarget, letters

pytestmark = pytest.mark.usefixtures("quick_intervals")

OWN = CampaignOptions(
    kinds=("swap",), rates=(0.2,), copies=3, changes=(0, 1, 2), trials=1, votes=3, repeats=1,
    utility=0.0,
)  # fmt: skip
MARKUP = "<script>alert(1)</script><img src=http://evil.example/x>"


def attacks(count: int = 16) -> list[Attack]:
    return [
        Attack(letters(f"goal {i}", 20), letters(f"{i}", 50), (30, 50), "gcg", i, 1, "",
               category="Privacy" if i % 2 else "Fraud & co")
        for i in range(count)
    ]  # fmt: skip


def campaign(rule: Any, some: list[Attack] | None = None, **options: Any) -> CampaignResult:
    target = ScriptedTarget(rule)
    given = some or attacks()
    return Campaign(target, RefusalPhrases(), given, ["hi"], replace(OWN, **options)).run()


def page_of(result: CampaignResult) -> str:
    pictures = dict.fromkeys(("asr", "utility", "check"), b"drawn")
    return render_page("t", campaign_chapters(result, pictures=pictures, calls={"asked": 1, "remembered": 0}))  # fmt: skip


def test_each_family_s_sentence_comes_first_certificate_or_not() -> None:
    hard = [replace(one, kind="pair", prompt=letters(f"pair {i}", 60), goal=letters(f"p {i}", 20))
            for i, one in enumerate(attacks(12))]  # fmt: skip
    soft = {one.prompt[40:] for one in attacks()}
    result = campaign(
        lambda text, _: NO if len(text) == 50 and text[40:] not in soft else YES,
        [*attacks(), *hard], rates=(0.5,),
    )  # fmt: skip
    page = page_of(result)
    sentences = [one.statement() for one in result.assessments]
    assert len(sentences) == 2
    assert all("at least" in one for one in sentences)
    first_table = page.index("<table")
    assert all(page.index(one) < first_table for one in sentences)
    assert f"No certificate for pair attacks. {result.assessments[1].refusal}" in page
    assert list(result.cards) == ["gcg"]
    assert f"{result.assessments[1].certificate.lower:.1%}" in page


def test_attacks_are_counted_by_the_category_of_their_goals() -> None:
    result = campaign(lambda *_: NO)
    page = page_of(result)
    rows = re.findall(r"<tr><td>gcg</td><td>([^<]*)</td><td>(\d+) in (\d+)</td>", page)
    assert sorted(name for name, *_ in rows) == ["Fraud &amp; co", "Privacy"]
    assert sum(int(count) for _, count, _ in rows) == result.assessments[0].certificate.prompts
    bare = campaign(lambda *_: NO, [replace(one, category="") for one in attacks()])
    assert "By category of goal" not in page_of(bare)


def test_every_attack_has_its_transcript_with_the_words_that_refuse() -> None:
    result = campaign(lambda *_: f"I'm sorry, but I can't help with that. {MARKUP}")
    one = result.assessments[0]
    # A refusal and markup is no sure refusal; what is said is on the page, but as text.
    page = page_of(result)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<img src=http" not in page
    result = campaign(lambda *_: NO)
    page = page_of(result)
    one = result.assessments[0]
    assert page.count('<details class="transcript">') == len(one.family.certify)
    assert page.count(": refused, by “i can&#39;t help with that”") == one.votes.refused.size
    for attack in one.family.certify:
        assert attack.prompt in page
    assert 'class="transcript" open' not in page


def test_texts_are_blurred_until_a_box_is_ticked_without_a_script() -> None:
    page = page_of(campaign(lambda *_: YES))
    body = page[page.index('id="transcripts"') : page.index("</main>")]
    told = re.findall(r"<dd[^>]*>", body)
    assert told
    assert set(told) == {'<dd class="text">'}
    assert ".masked > input:not(:checked) ~ .told .text { filter: blur" in page
    boxes = re.findall(r'<input type="checkbox" id="([^"]+)"> <label for="([^"]+)">', body)
    assert len(boxes) == len(set(boxes)) == body.count('class="masked"')
    assert all(box == label for box, label in boxes)
    assert "checked" not in body.replace("unchecked", "")


def test_runs_are_paired_by_attack_and_group(tmp_path: Path) -> None:
    good, bad = campaign(lambda *_: NO), campaign(lambda *_: YES)
    runs = [one.to_dict()["families"] for one in (good, bad)]
    [row] = compare_runs(*runs)
    assert (row.attacks, row.groups, row.this, row.other, row.difference) == (8, 8, 1, 0, 1)
    assert (row.better, row.worse, row.p) == (8, 0, 2 * 0.5**8)
    assert 0 < row.low < row.high <= 1
    [same] = compare_runs(runs[0], runs[0])
    assert (same.difference, same.better, same.worse, same.p) == (0, 0, 0, 1)
    assert same.low < 0 < same.high
    # One group is one observation, however many attacks it has.
    alike = [[{**f, "by_attack": [{**a, "group": 0} for a in f["by_attack"]]} for f in run]
             for run in runs]  # fmt: skip
    [one] = compare_runs(*alike)
    assert (one.attacks, one.groups, one.p) == (8, 1, 1)
    assert one.low < 0
    other = campaign(lambda *_: YES, attacks()[:3] + [replace(a, prompt=a.prompt + "x") for a in
                                                      attacks()[3:]]).to_dict()  # fmt: skip
    assert sum(c.attacks for c in compare_runs(runs[0], other["families"])) <= 3
    assert compare_runs(runs[0], []) == []
    assert "&lt;other&gt;" in comparison_chapter([row], "<other>").body
    assert "No attack was certified on in both runs" in comparison_chapter([], "o").body
    for content in ("{", "{}", '{"families": [{"family": "gcg"}]}', '{"families": 3}'):
        (tmp_path / "results.json").write_text(content)
        with pytest.raises(DataError, match="does not say what each attack did") as caught:
            read_run(tmp_path)
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"results\.json"):
        read_run(tmp_path / "absent")


def test_a_category_survives_its_file(tmp_path: Path) -> None:
    path = write_attacks(attacks(3), tmp_path / "a.jsonl")
    assert [one.category for one in read_attacks(path)] == ["Fraud & co", "Privacy", "Fraud & co"]
    row = {"goal": "Sing", "prompt": "Sing !!", "behavior": "Singing"}
    path.write_text(json.dumps(row))
    assert read_attacks(path)[0].category == "Singing"
    path.write_text(json.dumps(row | {"category": "Noise"}))
    assert read_attacks(path)[0].category == "Noise"


def test_the_command_compares_with_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("draw_decays", "draw_utility", "draw_check"):
        monkeypatch.setattr(f"interlock.cli.certify.report.{name}", lambda *_: b"drawn")
    write_attacks(attacks(), tmp_path / "attacks.jsonl")
    (tmp_path / "hi.txt").write_text("hi\n")
    record = tmp_path / "said.jsonl"
    target = ScriptedTarget(lambda *_: NO)
    monkeypatch.setattr("interlock.cli.certify.question.load_target", lambda *_, **__: target)
    record.write_text("{}\n")
    command = ["certify", "report", "--target", f"recorded:{record}", "--attacks",
               tmp_path / "attacks.jsonl", "--benign", tmp_path / "hi.txt", "--perturbation",
               "swap", "--rate", "0.2", "--copies", 3, "--votes", 3, "--changes", "0,1,2",
               "--utility", 0, "--joint", "--tries", 2, "--json"]  # fmt: skip

    def run(*more: object) -> Any:
        return CliRunner().invoke(app, [str(part) for part in (*command, *more)])

    first = run("--out", tmp_path / "one")
    assert first.exit_code == 0, first.output
    assert "compared" not in json.loads(first.stdout)
    second = run("--out", tmp_path / "two", "--compare", tmp_path / "one")
    assert second.exit_code == 0, second.output
    value = json.loads(second.stdout)
    [row] = value["compared"]["families"]
    assert (row["difference"], row["attacks"]) == (0, 8)
    assert (value["families"][0]["tries"], value["families"][0]["joint"]) == (2, 1)
    assert "Beside another run" in (tmp_path / "two" / "index.html").read_text()
    asked = len(target.asked)
    absent = run("--out", tmp_path / "three", "--compare", tmp_path / "absent")
    assert absent.exit_code == 1
    assert absent.stderr.count("\n") == 1
    assert len(target.asked) == asked  # it is looked at before anything is asked
    dry = run("--out", tmp_path / "three", "--compare", tmp_path / "absent", "--dry-run")
    assert (dry.exit_code, dry.stderr) == (1, absent.stderr)
