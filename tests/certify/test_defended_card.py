"""Cards of defences that are no vote over perturbed copies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.certify.scripted import NO, ScriptedTarget, Server, answer
from tests.certify.test_card import CARD
from tests.certify.test_defended import ATTACKS, refuses_bare
from tests.test_cli_certify import at, told

from interlock.certify import CertificateCard, Perturbation, RefusalPhrases
from interlock.certify.bounds.counts import lower_bound
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.campaign.defended import bound_family
from interlock.certify.campaign.defended_card import defended_card
from interlock.certify.defences import defence_text, parse_defence
from interlock.errors import OptionError, OutputError
from interlock.serve.config import ConfigError
from interlock.serve.deployment import deploy
from interlock.serve.settings import GuardConfig, VoteSettings

pytestmark = pytest.mark.usefixtures("quick_intervals")

SETTING = ("perturbation", "rate", "alphabet", "paper", "copies", "majority")
OTHERS = [
    "erase:longest=3",
    "erase:parts=3",
    "self",
    "drop:rate=0.4,copies=3",
    "self+drop:copies=1",
]


def card_of(
    name: str, *, attacks: Sequence[Any] = ATTACKS, **options: Any
) -> CertificateCard | None:
    defence = parse_defence(name)
    target = ScriptedTarget(refuses_bare)
    one = bound_family(target, RefusalPhrases(), attacks, defence, **options)
    return defended_card(one, defence, 0.9)


@pytest.mark.parametrize("name", OTHERS)
def test_a_card_of_another_defence_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    card = card_of(name, named=3)
    assert card is not None
    path = card.save(tmp_path / "card.json")
    again = CertificateCard.load(path)
    assert (again, again.id) == (card, card.id)
    assert again.deployed == parse_defence(name)
    assert [getattr(again, field) for field in SETTING] == [None] * 6
    assert f"where {defence_text(parse_defence(name))} guards" in again.statement()
    assert "for 3 defences at once" in again.statement()
    assert (again.attacks, again.groups, again.named) == (10, 10, 3)
    with pytest.raises(OptionError, match="perturbs no copies"):
        _ = again.perturbing
    # The id covers the defence, and how many were named.
    record = json.loads(path.read_text())
    for change in ({"named": 1}, {"named": ...}, {"defence": {"name": "erase", "parts": 9}}):
        changed = {k: v for k, v in (record | change).items() if v is not ...}
        (tmp_path / "changed.json").write_text(json.dumps(changed))
        with pytest.raises(OutputError, match="does not match its id"):
            CertificateCard.load(tmp_path / "changed.json")


def test_the_bound_of_a_card_is_the_one_measured() -> None:
    card = card_of("erase:longest=3", tries=2, joint=2, named=2, repeats=2)
    assert card is not None
    assert card.lower == pytest.approx(lower_bound(8, 10, 1 - 0.05 / 4))
    assert (card.tries, card.joint, card.named, card.confidence) == (2, 2, 2, 0.95)
    assert (card.trials, card.judge_error) == (2, None)
    sample = JudgeSample(1, 100, 1, 100)
    assert card_of("erase:longest=3", judge_error=sample).judge_error is None  # type: ignore[union-attr]
    counted = card_of("drop:copies=3", judge_error=sample)
    assert counted is not None
    assert counted.judge_error is not None
    assert counted.judge_error["jailbroken"] == 100


def test_a_vote_over_perturbed_copies_is_described_as_a_campaign_does() -> None:
    card = card_of("smooth:patch,rate=0.2,copies=5")
    assert card is not None
    assert card.defence is None
    assert card.matches(Perturbation("patch", 0.2), 5)
    assert card.majority == 3
    assert card.deployed == parse_defence("smooth:patch,rate=0.2,copies=5")


def test_whether_there_is_a_card_is_decided_by_the_attacks_and_not_by_their_votes() -> None:
    assert card_of("self", attacks=ATTACKS[:2]) is None
    nothing = card_of("self", attacks=ATTACKS[:3])
    assert nothing is not None
    assert nothing.lower == 0  # and it says so
    assert "at least 0.0% of gcg attacks" in nothing.statement()


def test_a_card_describes_one_defence_in_one_way() -> None:
    bare = dict.fromkeys(SETTING)
    for changes in (
        {"defence": {"name": "self"}},  # beside a perturbation
        {"copies": None},
        bare,  # neither
        {**bare, "defence": {"name": "eraze"}},
        {**bare, "defence": {"name": "erase", "every": 1}},  # defaults left out
        {**bare, "defence": {"name": "self", "question": "an older one"}},
        {**bare, "defence": dict(parse_defence("smooth").identity)},
    ):
        with pytest.raises(OptionError):
            replace(CARD, **changes)


IDENTITY = {"target": "endpoint", "model": "m", "url": "http://127.0.0.1:9/v1"}


@pytest.mark.parametrize("name", [*OTHERS, "smooth:swap,rate=0.2,copies=5"])
def test_a_guard_serves_what_its_card_is_of(name: str, tmp_path: Path) -> None:
    card = card_of(name)
    assert card is not None
    card = replace(card, target="m", target_identity=IDENTITY)
    path = card.save(tmp_path / "card.json")
    config = GuardConfig(upstream="http://127.0.0.1:9/v1", model="m", certificate=path)
    served = deploy(config)
    assert (served.certificate, served.rules.defence) == (card.id, card.deployed)
    again = deploy(config.model_copy(update={"vote": VoteSettings(defence=name)}))
    assert again.certificate == card.id


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"copies": 11}, "deployed 'smooth:swap,rate=0.1,copies=11'"),
        ({"defence": "erase:longest=2"}, "deployed 'erase:every=1,longest=2'"),
        ({"defence": "self+erase:longest=3"}, "deployed 'self+erase:every=1,longest=3'"),
        ({"judge": "keywords"}, "judge: certified"),
    ],
)
def test_a_guard_does_not_take_the_card_of_another_defence_for_its_own(
    given: Any, said: str, tmp_path: Path
) -> None:
    card = card_of("erase:longest=3")
    assert card is not None
    path = replace(card, target="m", target_identity=IDENTITY).save(tmp_path / "card.json")
    config = GuardConfig(
        upstream="http://127.0.0.1:9/v1", model="m", certificate=path, vote=VoteSettings(**given)
    )
    with pytest.raises(ConfigError) as caught:
        deploy(config)
    [line] = caught.value.lines
    assert said in line
    assert ("defence: certified 'erase:every=1,longest=3'" in line) is ("judge" not in given)
    served = deploy(config.model_copy(update={"uncertified": True}))
    assert served.certificate is None


def test_the_command_writes_a_card_of_each_defence_and_family(tmp_path: Path) -> None:
    def rows(groups: int) -> None:
        attacks = [
            {"goal": a.goal, "prompt": a.prompt, "kind": kind}
            for kind, some in (("gcg", ATTACKS[:groups]), ("play", ATTACKS[8:10]))
            for a in some
        ]
        (tmp_path / "attacks.jsonl").write_text("\n".join(map(json.dumps, attacks)))

    (tmp_path / "benign.txt").write_text("how do i bake bread?\n")
    rows(4)
    with Server([answer(NO)]) as server:
        command = ["report", *at(server), "--attacks", tmp_path / "attacks.jsonl", "--benign"]
        command += [tmp_path / "benign.txt", "--out", tmp_path / "out"]
        command += ["--defence", "erase:longest=1", "--defence", "self", "--votes", 1]
        value = told(*command)
        for result in value["defences"]:
            gcg, play = result["families"]
            card = CertificateCard.load(gcg["certificate"])
            assert (card.family, card.lower, card.named) == ("gcg", gcg["lower"], 2)
            assert card.target == "scripted"
            assert defence_text(card.deployed) == result["defence"]
            assert play["certificate"] is None
            assert "3 groups or more" in play["refusal"]
        paths = {one["families"][0]["certificate"] for one in value["defences"]}
        assert {str(path) for path in (tmp_path / "out").glob("certificate-*")} == paths
        assert f"{tmp_path}/out/certificate-gcg-self.json" in paths
        before = [Path(path).read_bytes() for path in sorted(paths)]
        told(*command)
        assert [Path(path).read_bytes() for path in sorted(paths)] == before  # with their dates
        rows(2)  # a card does not outlive the next run's refusal
        told(*command)
        assert list((tmp_path / "out").glob("certificate-*")) == []
