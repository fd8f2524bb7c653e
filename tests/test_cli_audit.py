"""``interlock audit``: one page on a model, whose numbers lead to their tables."""

from __future__ import annotations

import json
import re
import shutil
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from interlock.certify import CertificateCard, read_attacks, write_attacks
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.targets.local import EMBEDDED, LocalTarget
from interlock.certify.targets.store import StoredTarget
from interlock.cli import app
from interlock.cli.audit import target as of_target
from interlock.cli.audit.asked import Asked
from interlock.cli.audit.photos import Photos, gather_photos
from interlock.cli.audit.plan import Pace, plan_audit
from interlock.cli.audit.refusal import refusal_finding
from interlock.cli.audit.study import AREAS
from interlock.cli.audit.target import Level, TargetPart
from interlock.cli.bench import Bench, Outcome, Setup
from interlock.cli.certify.question import Question, TargetChoice
from interlock.cli.terminal import Terminal
from interlock.data.sources import open_source
from interlock.defend import CertifiedShield, PatchAttack
from interlock.defend.defences import make_certified
from interlock.errors import DataError
from interlock.explain import HSets
from interlock.explain.drawing.layers import Layers
from interlock.report import Link, in_words
from tests import spotted
from tests.certify.scripted import Server
from tests.test_cli import one_error
from tests.test_cli_certify import BENIGN, brittle, written
from tests.test_docs_snippets import check, lessen
from tests.tiny import photo

pytestmark = pytest.mark.usefixtures("quick_intervals")

CLEAN, COUNT = 17, 4
GREY = {0: 0.495, 1: 0.49, 4: 0.53, 6: 0.51}
"""Seed -> brightness of grey photos. The shield saves some and loses some: it knows red spots."""
SPOT = CampaignOptions(
    kinds=("swap",), rates=(0.15,), copies=3, changes=(0, 1, 4), trials=1, votes=3, repeats=1
)
LEVELS = (Level(None, 3, SPOT), Level(None, 4, SPOT))


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """Few steps of all that takes many; how long a proof takes is not measured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("interlock.cli.explain.explainer.png_bytes", lambda figure: b"drawn")
        patch.setattr("interlock.cli.explain.explainer.draw", lambda explanation, title: None)
        patch.setattr("interlock.report.explanations.Layers", partial(Layers, side=24))
        patch.setattr("interlock.cli.audit.classifier.proof_seconds", lambda *given: (0.1, 1.0))
        patch.setattr(of_target, "LEVELS", LEVELS)
        patch.setattr("interlock.cli.audit.run.LEVELS", LEVELS)
        lessen(patch, HSets.__init__, {"prior": "grid", "steps": 2, "samples": 2})
        lessen(patch, CertifiedShield.__init__, {"masks": 3})
        lessen(patch, PatchAttack.__init__, {"steps": 4})
        lessen(patch, make_certified, {"masks": 3})
        yield


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


def outcome_of(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)
    return value


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of two photos each, and clean ones beside them."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(COUNT):
        photo(folder / "labelled" / ("cat", "dog")[seed % 2] / f"{seed}.png", seed)
    photo(folder / "flat" / "1.png", 50)
    photo(folder / "flat" / "2.png", 51)
    for seed in range(CLEAN):
        photo(folder / "clean" / f"{seed}.png", 100 + seed)
        spotted.photo(
            folder / "red" / f"{seed}.png", 0.25 + 0.5 * seed / (CLEAN - 1), 100 + seed, red=True
        )
    for seed, brightness in GREY.items():
        name = "cat" if brightness < 0.5 else "dog"
        spotted.photo(folder / "grey" / name / f"{seed}.png", brightness, seed)
    return folder


def of_model(photos: Path, given: str = "labelled") -> list[object]:
    clean = ["--clean", photos / "clean"]
    return [photos / given, "--model", "tests.tiny:tiny", *clean]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server([brittle]) as running:
        yield running


def of_target_at(server: Server, folder: Path) -> list[object]:
    return ["--target", server.url, "--target-model", "m", *written(folder)]


@dataclass(frozen=True)
class Whole:
    """An audit of all labelled photos."""

    given: list[object]
    out: Path
    outcome: dict[str, Any]


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    out = tmp_path_factory.mktemp("whole") / "out"
    model = ["--model", "tests.spotted:spotted", "--clean", photos / "red"]
    given = [photos / "grey", *model, "--budget", 5]
    return Whole(given, out, outcome_of(*given, "--out", out))


def numbers_lead_to_tables(folder: Path) -> dict[str, Any]:
    """Each number of the page is in ``audit.json``, and its link ends at something that is there.

    Digits stand in links alone.
    """
    page = (folder / "index.html").read_text("utf-8")
    numbers = json.loads((folder / "audit.json").read_text("utf-8"))["numbers"]
    anchors = set(re.findall(r'\bid="([^"]+)"', page))
    shown = re.findall(r'<a class="number" data-number="([^"]+)" href="([^"]+)">([^<]+)</a>', page)
    assert {name for name, _, _ in shown} == numbers.keys()
    for name, link, text in shown:
        assert text == numbers[name]["shown"], name
        assert numbers[name]["table"] == link
        assert link[1:] in anchors if link.startswith("#") else (folder / link).is_file(), link
        low, value, high = (numbers[name].get(key) for key in ("low", "value", "high"))
        assert low is None or low <= value <= high
    said = page.partition('<nav aria-label="Contents">')[0].partition("</header>")[2]
    words = re.sub(r"<a [^>]*>.*?</a>|<code>.*?</code>|<[^>]+>", "", said)
    assert len(shown) > 4
    assert re.findall(r"\d+ ?%|\d+ of \d+", words) == []
    value: dict[str, Any] = numbers
    return value


def test_a_labelled_folder(whole: Whole) -> None:
    outcome, numbers = whole.outcome, numbers_lead_to_tables(whole.out)
    assert outcome["plan"]["photos"]["measured"] == COUNT
    assert numbers["patch.clean.bare"]["shown"].startswith("4 of 4")
    assert numbers["patch.patched.5.bare"]["value"] < numbers["patch.clean.bare"]["value"]
    assert numbers["patch.patched.5.bare"]["value"] < numbers["patch.patched.5.shield"]["value"]
    assert numbers["patch.proven"]["value"] <= numbers["patch.clean.bare"]["value"]
    assert outcome["settings"]["what counts as right"] == "the label"
    assert outcome["settings"]["the shield was fitted to"].startswith(f"{CLEAN} photos")
    page = Path(outcome["report"]).read_text("utf-8")
    assert "dog in 2 photos" in page
    assert "Where a patch can do no harm" in page
    commands = [one["command"] for f in outcome["findings"] for one in f["next"] if one["command"]]
    assert len(commands) >= 3
    for command in commands:
        check(command)  # the parser takes it


def test_the_same_command_computes_nothing_again(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, method in (
        (PatchAttack, "__call__"),
        (HSets, "explain"),
        (CertifiedShield, "measured"),
        (CertifiedShield, "safe_places"),
    ):
        monkeypatch.setattr(kind, method, lambda *given, **more: pytest.fail("once more"))
    (whole.out / "index.html").unlink()
    again = outcome_of(*whole.given, "--out", whole.out)
    assert again["numbers"] == whole.outcome["numbers"]
    assert numbers_lead_to_tables(whole.out) == whole.outcome["numbers"]


def chapter_of(page: str, anchor: str) -> str:
    """What stands in the section that a link leads to, without tags."""
    _, found, after = page.partition(f'id="{anchor}"')
    assert found, anchor
    return " ".join(re.sub(r"<[^>]+>", " ", after.partition("</section>")[0]).split())


def test_shares_of_photos_have_their_count_and_interval_here_and_in_the_table(
    whole: Whole,
) -> None:
    """Bare, behind the shield, and proven: Wilson's interval, worked out anew."""
    page = (whole.out / "index.html").read_text("utf-8")
    finding = page.partition('id="patch"')[2].partition("</table>")[0]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', finding)
    names = ("patch.clean", "patch.patched.2", "patch.patched.5")
    methods = {"the model": "bare", "behind the fast shield": "shield"}
    shown = {name: re.findall(r'data-number="([^"]+)"', cells) for name, cells in rows}
    assert shown == {
        **{row: [f"{at}.{method}" for at in names] for row, method in methods.items()},
        "proven, whatever the patch shows": ["patch.clean.certified", "patch.proven"],
    }
    table = chapter_of(page, "accuracy")
    for number in (whole.outcome["numbers"][name] for row in shown.values() for name in row):
        said = re.fullmatch(r"(\d+) of (\d+) \(([\d.]+) % to ([\d.]+) %\)", number["shown"])
        assert said, number["shown"]
        hits, count = int(said[1]), int(said[2])
        assert count == COUNT
        assert float(said[3]) == pytest.approx(100 * number["low"], abs=0.5)
        assert float(said[4]) == pytest.approx(100 * number["high"], abs=0.5)
        assert number["value"] == hits / count
        assert (number["low"], number["high"]) == pytest.approx(wilson(hits, count), abs=1e-3)
        assert number["table"] == "#accuracy"
        low, high = 100 * number["low"], 100 * number["high"]
        assert f"{100 * number['value']:.1f} % {low:.1f}–{high:.1f}" in table
    assert f"certified answer, of {COUNT}" in table


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Wilson 1927: where the share's distance from p is 1.96 of its standard deviations."""
    z, share = 1.959964, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def test_there_are_pictures_of_what_the_shield_saved_and_of_what_it_lost(whole: Whole) -> None:
    page = (whole.out / "index.html").read_text("utf-8")
    strip = page.partition('<ol class="strip pairs">')[2].partition("</ol>")[0]
    figures = re.findall(
        r"<strong>(Saved|Lost): (\w+)</strong><span>with a patch on .*?>(\d) %</a> (\w+), "
        r'behind the shield (\w+)</span>.*?<a href="#([^"]+)"><img src="([^"]+)"',
        strip,
    )
    assert len(figures) == strip.count("<img") > 2
    assert {kind for kind, *_ in figures} == {"Saved", "Lost"}
    numbers = whole.outcome["numbers"]
    for kind, label, size, patched, shielded, anchor, uri in figures:
        assert patched != label or kind == "Lost"
        assert (shielded == label) is (kind == "Saved")
        assert anchor.startswith(f"{kind.lower()}-")
        assert f"An attacker who owns {size}% of the photo" in chapter_of(page, anchor)
        right = numbers[f"patch.patched.{size}.shield"]["value"]
        assert right < 1 if kind == "Lost" else right > 0
        head, _, data = uri.partition(",")
        assert head == "data:image/jpeg;base64"
        with Image.open(BytesIO(b64decode(data))) as picture:
            pair = np.asarray(picture.convert("RGB"), dtype=float)
        photo, hidden = np.split(pair, 2, axis=1)  # with the patch, and what the shield hides of it
        colour = np.ptp(photo, axis=2).max()
        assert colour > 100  # the patch: all the rest of these photos is grey
        assert np.abs(photo - hidden).max() > 30


def test_without_a_shield_there_are_pictures_of_what_is_taken_in(
    photos: Path, tmp_path: Path
) -> None:
    given = [photos / "grey", "--model", "tests.spotted:spotted", "--out", tmp_path]
    outcome = outcome_of(*given, "--budget", 5)
    numbers_lead_to_tables(tmp_path)
    page = Path(outcome["report"]).read_text("utf-8")
    fooled = re.findall(r"<strong>Fooled: (\w+)</strong><span>.*?</a> (\w+)</span>", page)
    assert fooled
    assert all({label, patched} == {"cat", "dog"} for label, patched in fooled)


@pytest.mark.slow
def test_what_is_cut_off_goes_on(
    whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack, calls = PatchAttack.__call__, list[int]()

    def cut_off(*given: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return attack(*given, **more)

    monkeypatch.setattr(PatchAttack, "__call__", cut_off)
    stopped = run(*whole.given, "--out", tmp_path / "out")
    assert stopped.exit_code == 130
    assert "the same command goes on" in stopped.stderr
    assert not (tmp_path / "out" / "index.html").exists()
    assert (
        outcome_of(*whole.given, "--out", tmp_path / "out")["numbers"] == whole.outcome["numbers"]
    )
    assert len(calls) == 1 + len(AREAS) * COUNT  # the fourth was begun anew, no other


def test_photos_without_labels_have_the_model_s_own_answers_for_reference(
    photos: Path, tmp_path: Path
) -> None:
    outcome = outcome_of(photos / "flat", *of_model(photos)[1:3], "--out", tmp_path, "--budget", 5)
    numbers = numbers_lead_to_tables(tmp_path)
    page = Path(outcome["report"]).read_text()
    assert outcome["settings"]["what counts as right"] == "the model's own answer"
    assert "patch.clean.bare" not in numbers
    assert "nothing here says how often these are right" in page
    assert "patch.patched.5.shield" not in numbers
    assert "No shield was measured" in page  # too few photos to fit one


def gathered(given: Path, **more: Any) -> tuple[Photos, Outcome]:
    terminal, outcome = Terminal(as_json=True), Outcome()
    bench = Bench(Setup("tests.tiny:tiny"), terminal, outcome)
    return gather_photos(bench, given, None, 0, outcome, terminal, **more), outcome


def test_folders_that_name_no_class_are_no_labels_and_some_that_do_not_are_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("holidays", "garden"):
        photo(tmp_path / name / "1.png", len(name))
    photos, _ = gathered(tmp_path)
    assert photos.labels == ()
    assert photos.unlabelled == "their labels are no classes of the model"
    assert "so its own answers are the reference" in capsys.readouterr().err
    photo(tmp_path / "dog" / "1.png", 3)
    with pytest.raises(DataError, match="name class folders as the model's labels or numbers"):
        gathered(tmp_path)


def test_copies_count_once(photos: Path, tmp_path: Path) -> None:
    for number in range(10):
        copy = tmp_path / ("dog", "cat")[number % 2] / f"{number}.png"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((photos / "labelled" / "dog" / "1.png").read_bytes())
    photo(tmp_path / "dog" / "other.png", 7)
    photos_once, _ = gathered(tmp_path)
    assert (photos_once.given, photos_once.copies, len(photos_once.measured)) == (11, 9, 2)


def test_a_table_ties_photos_of_one_scene(tmp_path: Path) -> None:
    rows = ["file,label,scene"]
    for number in range(6):
        photo(tmp_path / f"{number}.png", number)
        rows.append(f"{number}.png,dog,{number % 2}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    assert len(gathered(tmp_path / "list.csv")[0].measured) == 6
    tied, _ = gathered(tmp_path / "list.csv", groups="scene")
    assert tied.labels == ("dog", "dog")


def test_no_photo_is_measured_and_learnt_from(tmp_path: Path) -> None:
    for number in range(40):
        photo(tmp_path / f"{number}.png", number)
    photos, _ = gathered(tmp_path)
    assert len(photos.measured) == len(photos.clean) == 20
    assert not {one.path for one in photos.measured} & {one.path for one in photos.clean}
    part, clean = photos.parts(tmp_path, 5)
    assert clean is not None
    listed = [[one.id for one in open_source(p.kind, p.path, **p.options)] for p in (part, clean)]
    assert [Path(name).name for name in listed[0]] == [one.path.name for one in photos.measured]
    assert not set(listed[0]) & set(listed[1])


@pytest.mark.slow
def test_a_photo_that_cannot_be_read_is_named_once(photos: Path, tmp_path: Path) -> None:
    for number in range(3):
        photo(tmp_path / "photos" / "dog" / f"{number}.png", number)
    (tmp_path / "photos" / "dog" / "broken.png").write_bytes(b"no picture")
    given = [tmp_path / "photos", *of_model(photos)[1:], "--out", tmp_path / "out"]
    result = run(*given, "--budget", 5)
    assert result.exit_code == 1
    assert result.stderr.count("broken.png") == 1
    numbers = numbers_lead_to_tables(tmp_path / "out")
    assert "of 3" in numbers["patch.clean.bare"]["shown"]


def test_a_dry_run_says_what_it_takes_and_writes_nothing(photos: Path, tmp_path: Path) -> None:
    result = run(*of_model(photos), "--out", tmp_path / "out", "--budget", 5, "--dry-run")
    assert result.exit_code == 0, result.output
    assert re.search(r"4 photos: \d explained, \d patched, \d proven", result.stdout)
    assert re.search(r"about [\d.]+ (?:s|min) at most; nothing is written", result.stdout)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_larger_budget_goes_on_in_the_same_folder(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "interlock.cli.audit.classifier.ClassifierPart.pace",
        lambda self, pace: Pace(begin=10, explain=10, patch=10, proof=10),
    )
    given = [*of_model(photos), "--out", tmp_path / "out"]
    assert one_error(run(*given, "--budget", 0.4)) == (
        "error: --budget 0.4: the least that can be measured takes 0.5 minutes here; give that or "
        "more"
    )
    assert outcome_of(*given, "--budget", 0.4)["plan"]["photos"]["measured"] == 1  # it has begun
    attacked, attack = list[int](), PatchAttack.__call__

    def counted(*given: Any, **more: Any) -> Any:
        attacked.append(1)
        return attack(*given, **more)

    monkeypatch.setattr(PatchAttack, "__call__", counted)
    assert outcome_of(*given, "--budget", 5)["plan"]["photos"]["measured"] == COUNT
    assert len(attacked) == len(AREAS) * (COUNT - 1)


@pytest.mark.parametrize("minutes", [1.0, 3.0, 10.0, 60.0])
def test_a_plan_keeps_within_its_budget_and_uses_it(minutes: float) -> None:
    pace = Pace(begin=8, explain=5, patch=3, proof=9, call=0.01)
    levels = [1_000, 4_000, 40_000]
    photos, target = plan_audit(minutes, pace, 1_000, levels.__getitem__, len(levels))
    assert photos is not None
    assert target is not None
    assert photos.seconds + target.seconds <= 60 * minutes
    assert photos.proven <= photos.measured
    assert photos.explained <= photos.measured or photos.explained <= 24
    assert target.seconds == target.calls * pace.call
    alone, nothing = plan_audit(minutes, pace, 1_000, None, 0)
    assert nothing is None
    assert alone is not None
    assert alone.measured > photos.measured
    assert 60 * minutes - alone.seconds < pace.proof + pace.patch


def test_without_a_budget_some_is_measured_however_slow_it_is() -> None:
    pace = Pace(begin=500, explain=5, patch=3, proof=9, call=1)
    photos, target = plan_audit(None, pace, 10, [1_000, 2_000].__getitem__, 2)
    assert photos is not None
    assert (photos.measured, photos.explained, photos.proven) == (3, 3, 1)
    assert target is not None
    assert target.level == 0


def refusals_are_said(results: dict[str, Any], folder: Path) -> None:
    """Where the campaign gives no certificate, or no setting, its reason leads to its table."""
    question = Question(TargetChoice("m"), out=folder)
    main, *others = results["families"]
    refused = main | {"certified": False, "refusal": "3 prompts are too few.", "certificate": None}
    finding = refusal_finding(results | {"families": [refused, *others]}, question)
    assert in_words(finding.verdict).startswith("No certificate for gcg attacks")
    assert Link("3 prompts are too few.", "#certificate") in [
        p for s in finding.sentences for p in s
    ]
    assert not [one for one in finding.advice if "guard" in one.command]
    none: dict[str, Any] = {"families": [], "setting": None, "no_setting": "0.2 is too much."}
    offers = [one | {"setting": False} for one in results["offers"]]
    finding = refusal_finding(results | none | {"offers": offers}, question)
    assert finding.verdict[-1] == Link("0.2 is too much.", "#plan")


def test_both_on_one_page_and_a_language_model_is_asked_once(
    photos: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [photos / "flat", *of_model(photos)[1:3], *of_target_at(server, tmp_path)]
    given += ["--out", tmp_path / "out", "--budget", 30]
    outcome = outcome_of(*given)
    numbers = numbers_lead_to_tables(tmp_path / "out")
    assert {name.partition(".")[0] for name in numbers} == {"look", "patch", "target"}
    titles = [finding["title"] for finding in outcome["findings"]]
    assert titles == [
        "What does it look at?", "What does a patch do to it?", "How sure is its refusal?"
    ]  # fmt: skip
    results = json.loads((tmp_path / "out" / "target" / "results.json").read_text())
    assert numbers["target.gcg.lower"]["value"] == results["families"][0]["lower"]
    assert outcome["plan"]["target"]["level"] == 1
    assert "./target/results.json" in Path(outcome["report"]).read_text()
    for advice in outcome["findings"][2]["next"]:
        check(advice["command"])
    page = (tmp_path / "out" / "index.html").read_text()
    assert '<a href="#certificate">no certificate</a>' in page  # for the other family
    refusals_are_said(results, tmp_path)
    monkeypatch.setattr(StoredTarget, "ask", lambda *given, **more: pytest.fail("asked again"))
    assert outcome_of(*given)["numbers"] == numbers


def test_a_folder_with_a_language_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(EMBEDDED, tmp_path / "my-chat")
    gcg = [one for one in read_attacks() if one.kind == "gcg"]
    write_attacks(gcg[::6], tmp_path / "few.jsonl")
    for name in ("draw_decays", "draw_utility", "draw_check"):
        monkeypatch.setattr(f"interlock.cli.certify.report.{name}", lambda *_: b"drawn")
    (tmp_path / "benign.txt").write_text("\n".join(BENIGN[:4]))
    given = ["--target", "my-chat", "--attacks", "few.jsonl", "--benign", "benign.txt"]
    given += ["--max-tokens", "8", "--budget", "600", "--out", "out"]
    outcome = outcome_of(*given)
    numbers = numbers_lead_to_tables(tmp_path / "out")
    assert {name.partition(".")[0] for name in numbers} == {"target"}
    assert [finding["title"] for finding in outcome["findings"]] == ["How sure is its refusal?"]
    assert outcome["audit"]["target"] == "my-chat"
    card = CertificateCard.load(tmp_path / "out" / "target" / "certificate-gcg.json")
    assert card.target_identity["sha256"] == LocalTarget("my-chat").identity["sha256"]
    assert card.lower == numbers["target.gcg.lower"]["value"] > 0
    said = " ".join(re.sub(r"<[^>]+>", " ", Path(outcome["report"]).read_text("utf-8")).split())
    assert "my-chat" in said
    assert numbers["target.gcg.lower"]["shown"] in said
    for advice in outcome["findings"][0]["next"]:
        check(advice["command"])


def test_the_attacks_of_a_small_level_are_drawn_by_the_seed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_target, "LEVELS", (Level(12, 2, SPOT), *LEVELS))
    written(tmp_path)
    benign, name = tmp_path / "benign.txt", str(tmp_path / "attacks.jsonl")
    choice = TargetChoice(server.url, model="m")
    question = Question(choice, attacks=name, benign=benign, out=tmp_path / "out")
    part = TargetPart(question, 0, Terminal(as_json=True))
    assert part.calls(0) < part.calls(1)
    rows = (tmp_path / "out" / "attacks.jsonl").read_text().splitlines()
    assert len(rows) == 12
    assert set(rows) < set(Path(name).read_text().splitlines())


def test_bad_input_is_one_line_each(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    out = ["--out", tmp_path / "out"]
    lines = {
        "no image files": [tmp_path / "empty", "--model", "tests.tiny:tiny"],
        "no such folder": [tmp_path / "nowhere" / "x", "--model", "tests.tiny:tiny"],
        "give the photos to audit it with": ["--model", "tests.tiny:tiny"],
        "no-such-model": [photos / "labelled", "--model", "./no-such-model"],
        "give at least 16": [*of_model(photos)[:3], "--clean", photos / "labelled"],
        "give --attacks": ["--target", "http://127.0.0.1:9/v1", "--target-model", "m"],
        "answers nothing usable": [
            "--target", "http://127.0.0.1:9/v1", "--target-model", "m", *written(tmp_path)
        ],
    }  # fmt: skip
    for line, given in lines.items():
        assert line in one_error(run(*given, *out)), line
    assert not (tmp_path / "out" / "index.html").exists()


def test_an_option_without_its_part_is_refused(photos: Path) -> None:
    for given, said in (
        ([*of_model(photos), "--attacks", "a.jsonl"], "--attacks is about a --target: give one"),
        (["--target", "embedded", "--whole"], "--whole is about PHOTOS or a --model: give one"),
    ):
        result = run(*given)
        assert result.exit_code == 2
        assert said in " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.stderr).split())


def test_a_damaged_plan_is_one_line(whole: Whole, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text((whole.out / "plan.json").read_text()[:-20])
    line = one_error(run(*whole.given, "--out", tmp_path))
    assert line.endswith("plan.json: cannot be read; remove it, or give another --out")


def test_a_folder_with_another_audit_is_left_alone(
    photos: Path, whole: Whole, tmp_path: Path
) -> None:
    before = (whole.out / "audit.json").read_bytes()
    other = [photos / "labelled", "--model", "tests.tiny:other", "--clean", photos / "clean"]
    line = one_error(run(*other, "--out", whole.out))
    assert "holds another audit (model tests.spotted:spotted, not tests.tiny:other" in line
    assert (whole.out / "audit.json").read_bytes() == before


@pytest.mark.slow
def test_by_force_it_begins_anew(photos: Path, whole: Whole, tmp_path: Path) -> None:
    shutil.copytree(whole.out, tmp_path / "out")
    other = [photos / "labelled", "--model", "tests.tiny:other", "--clean", photos / "clean"]
    assert outcome_of(*other, "--out", tmp_path / "out", "--force")["audit"]["model"].endswith(
        "other"
    )
    numbers_lead_to_tables(tmp_path / "out")


def test_the_demo_is_the_audit_of_the_embedded_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Asked] = []

    def record(one: Asked, terminal: Terminal) -> Outcome:
        asked.append(one)
        return Outcome()

    monkeypatch.setattr("interlock.cli.audit.run.audit", record)
    for command in ("demo", "audit"):
        for more in ([], ["--dry-run"]):
            result = CliRunner().invoke(app, [command, "--out", str(tmp_path), *more])
            assert result.exit_code == 0, result.output
    demo, tried, *audit = asked
    assert [demo, tried] == audit
    assert [one.dry_run for one in asked] == [False, True] * 2
    assert demo.identity == {
        "model": "embedded", "photos": "embedded", "clean": "none", "groups": "none",
        "whole": "none", "target": "embedded", "named": "none", "attacks": "none",
        "benign": "none", "seed": "0",
    }  # fmt: skip


@pytest.mark.slow
def test_the_embedded_models_tell_of_photos_patches_and_jailbreaks(
    tmp_path: Path,
) -> None:
    few = write_attacks(read_attacks()[::4], tmp_path / "few.jsonl")
    given = ["--model", "embedded", "--target", "embedded", "--attacks", str(few)]
    result = run(*given, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.stderr
    outcome = json.loads(result.stdout)
    numbers = numbers_lead_to_tables(tmp_path / "out")
    assert {name.partition(".")[0] for name in numbers} == {"look", "patch", "target"}
    assert outcome["settings"]["what counts as right"] == "the label"
    page = Path(outcome["report"]).read_text("utf-8")
    for said in ("motorcycle_left.png", "Concepts of the bank", "Where a patch can do no harm"):
        assert said in page
    cards = [path.name for path in (tmp_path / "out" / "target").glob("certificate-*.json")]
    assert all(name in page for name in cards)
