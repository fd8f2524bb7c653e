"""Taking images through attacks, against a model whose answers are known."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from interlock.defend import ConceptShield, LocalGradientsSmoothing, PatchAttack
from interlock.defend.attacks.named import TOLD, NamedAttacks
from interlock.defend.evaluation import CLEAN, Rate, Trial
from interlock.defend.evaluator import Evaluator
from interlock.defend.peers.patch_cleanser import PatchCleanser
from interlock.defend.shield.answer import Answer
from interlock.errors import DataError, OptionError
from interlock.names import ATTACKS, ON_SHIELD
from tests.conftest import SmallCNN


class Redness(nn.Module):
    """Class 1 where red outweighs green over the image; the attacker wins by a bright patch."""

    def forward(self, x: Tensor) -> Tensor:
        difference = (x[:, 0] - x[:, 1]).mean(dim=(1, 2))
        return torch.stack([-difference, difference], dim=1)


class Level(nn.Module):
    """Class 1 where the image is brighter than zero on average."""

    def forward(self, x: Tensor) -> Tensor:
        level = x.mean(dim=(1, 2, 3))
        return torch.stack([-level, level], dim=1)


class Blind(nn.Module):
    """A shield that answers class 0 to everything and hides the top half of what it dislikes."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.settings = SimpleNamespace(trigger=0.5)

    def answer(self, x: Tensor) -> Answer:
        masks = torch.zeros(len(x), 1, *x.shape[-2:], dtype=torch.bool)
        masks[x.amax(dim=(1, 2, 3)) > 0.9, :, : x.shape[-2] // 2] = True
        first = torch.tensor([[1.0, 0.0]]).expand(len(x), 2)
        passes = 1 + masks.flatten(1).any(dim=1).long()
        votes = torch.zeros(len(x), 1, dtype=torch.long)
        return Answer(first, self.model(x), masks.float(), masks, votes, passes)


def greenish(count: int) -> Tensor:
    """Class 0 by a margin that a patch of a tenth of the image overcomes."""
    x = torch.full((count, 3, 20, 20), 0.5)
    x[:, 1] += 0.02
    return x


def quick(**more: object) -> NamedAttacks:
    return NamedAttacks(steps=5, bounds=(0.0, 1.0), **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shield() -> ConceptShield:
    x = torch.rand(32, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return ConceptShield.fit(SmallCNN(), x, concepts=2)


def test_who_is_right_is_counted() -> None:
    evaluator = Evaluator(Blind(Redness().eval()), [0.1], options=quick())
    x = greenish(5)
    truth = torch.tensor([0, 0, 0, 0, 1])  # the last is wrong whatever happens
    evaluator.add(x[:3], truth[:3])
    evaluator.add(x[3:], truth[3:])
    found = evaluator.result()
    assert found.images == 5
    assert found.clean.rate("undefended") == found.clean.rate("shield") == Rate(4, 5)
    assert not found.clean.masked.any()
    assert found.clean.mean_passes("shield") == 1
    (patched,) = found.patched
    assert patched.trial == Trial("patch", 0.1)
    assert patched.rate("undefended") == Rate(0, 5)  # every patch wins; the last is wrong already
    assert patched.rate("shield") == patched.rate("ceiling") == Rate(4, 5)
    assert patched.masked.all()  # every patch is bright
    assert patched.mean_passes("shield") == 2
    cases = found.cases(2)
    assert [case.kind for case in cases] == ["saved", "saved"]
    assert all(case.undefended == 1 and case.label == case.truth == 0 for case in cases)
    assert [case.index for case in found.cases(9)] == [0, 1, 2, 3]


def test_batches_do_not_share_their_patches_and_a_seed_repeats_them() -> None:
    def patches(seed: int) -> list[Tensor]:
        evaluator = Evaluator(Blind(Redness().eval()), [0.1], options=quick(seed=seed))
        for _ in range(2):
            evaluator.add(greenish(2), torch.zeros(2, dtype=torch.long))
        return [case.image for case in evaluator.result().cases(4)]

    first = patches(0)
    assert len(first) == 4
    assert not torch.equal(first[0], first[2])
    assert all(torch.equal(a, b) for a, b in zip(first, patches(0), strict=True))


def test_patches_are_rounded_as_in_a_file_and_the_rest_is_left_alone() -> None:
    low, high = torch.tensor([-2.0, -1.0, 0.0]), torch.tensor([2.0, 3.0, 1.0])
    x = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    options = NamedAttacks(steps=3, bounds=(low, high))
    shield = Blind(Redness().eval())
    patched = options.craft("l2", 0.2, shield.model, shield, x, torch.zeros(2, dtype=torch.long))
    inside = patched.masks.expand_as(x)
    assert torch.equal(patched.images[~inside], x[~inside])
    levels = (patched.images - low.view(1, 3, 1, 1)) / (high - low).view(1, 3, 1, 1) * 255
    assert (levels - levels.round())[inside].abs().max() < 1e-3
    assert not torch.equal(patched.images, x)


def test_every_attack_runs_by_name_within_its_region(shield: ConceptShield) -> None:
    x = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    labels = shield.predict(x)
    options = NamedAttacks(steps=2, restarts=1, queries=4, bounds=(0.0, 1.0))
    options = replace(options, patches={0.1: options.train(shield.model, 0.1, x, labels)})
    evaluator = Evaluator(
        shield, [0.1], ATTACKS, options, peers=("paper", "patchcleanser", "lgs"), assumed=0.2
    )
    evaluator.add(x, labels)
    found = evaluator.result()
    assert [t.trial.attack for t in found.patched] == list(ATTACKS) == list(TOLD)
    assert set(ON_SHIELD) < set(ATTACKS)
    rows = {
        "undefended", "shield", "paper", "patchcleanser", "patchcleanser for 20 %", "lgs", "ceiling"
    }  # fmt: skip
    for name in ATTACKS:
        assert set(found[Trial(name, 0.1)].right) == rows
        patched = options.craft(name, 0.1, shield.model, shield, x, labels)
        outside = ~patched.masks.expand_as(x)
        assert torch.equal(patched.images[outside], x[outside])
        assert patched.images.min() >= 0
        assert patched.images.max() <= 1
    assert found.clean.rate("shield") == Rate(3, 3)
    assert all(p.requires_grad for p in shield.model.parameters())


def test_patch_cleanser_is_told_the_true_size_and_the_guess(shield: ConceptShield) -> None:
    x = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(3))
    labels = shield.predict(x)
    options = quick(shape="rectangle")
    evaluator = Evaluator(shield, [0.1], options=options, peers=("patchcleanser",), assumed=0.25)
    evaluator.add(x, labels)
    found = evaluator.result()
    (place,) = options.craft("patch", 0.1, shield.model, shield, x, labels).places[0]
    assert (place.height, place.width) == (4, 7)  # a rectangle of 26 pixels, twice as wide as high
    for tally, row, side in (
        (found[Trial("clean", 0.1)], "patchcleanser", 7),
        (found.clean, "patchcleanser for 25 %", 8),
    ):
        expected = PatchCleanser(shield.model, side).classify(x)
        assert torch.equal(tally.right[row], expected.labels == labels)
        assert torch.equal(tally.passes[row], expected.passes)


def test_peers_know_what_black_is() -> None:
    """Smoothing pulls towards black, which the pixels at hand do not tell."""
    bounds = (-8.0, 8.0)
    x = torch.rand(6, 3, 20, 20, generator=torch.Generator().manual_seed(4))
    found = {}
    for black in (bounds, (0.0, 1.0)):
        smoothing = LocalGradientsSmoothing(Level().eval(), bounds=black)
        found[black] = smoothing.predict(x)
        options = NamedAttacks(steps=1, bounds=black)
        evaluator = Evaluator(Blind(Level().eval()), [0.1], options=options, peers=("lgs",))
        evaluator.add(x, torch.ones(6, dtype=torch.long))
        assert torch.equal(evaluator.result().clean.right["lgs"], found[black] == 1)
    assert not torch.equal(found[bounds], found[0.0, 1.0])


def test_tallies_of_single_trials_are_those_of_whole_batches() -> None:
    whole, pieces = (
        Evaluator(Blind(Redness().eval()), [0.1, 0.05], ["patch", "two-patches"], quick())
        for _ in range(2)
    )
    x, labels = greenish(3), torch.zeros(3, dtype=torch.long)
    for turn in (0, 3):
        whole.add(x, labels)
        clean = pieces.tally(CLEAN, x, labels, turn)
        others = [
            pieces.tally(trial, x, labels, turn, clean) for trial in reversed(pieces.trials[1:])
        ]
        pieces.take([clean, *others])
    assert whole.result().to_dict() == pieces.result().to_dict()
    with pytest.raises(OptionError, match="counted whole"):
        pieces.take([clean])


def test_a_model_without_gradients_of_its_own_stays_so() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 400, 2)).eval()
    Evaluator(Blind(model), [0.1], options=NamedAttacks(steps=1)).add(
        greenish(1), torch.zeros(1, dtype=torch.long)
    )
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_options_go_to_the_attacks_that_have_them() -> None:
    options = NamedAttacks(steps=7, restarts=2, shape="disc", location=(1, 2), queries=9, seed=3)
    assert options.made("patch", 0.1, turn=4) == PatchAttack(
        area=0.1, steps=7, restarts=2, shape="disc", location=(1, 2), seed=7
    )
    assert options.options("searched", 0.1)["location"] == "search"
    assert options.options("two-patches", 0.1)["patches"] == 2
    assert options.options("black-box", 0.1)["queries"] == 9
    assert options.options("universal", 0.1)["steps"] == 7
    assert options.options("adaptive", 0.1)["restarts"] == 2
    assert NamedAttacks().options("adaptive", 0.1)["steps"] == 200


def test_what_cannot_be_evaluated_is_refused() -> None:
    shield = Blind(Redness())
    with pytest.raises(OptionError, match="areas is empty"):
        Evaluator(shield, [])
    with pytest.raises(OptionError, match="attacks is empty"):
        Evaluator(shield, [0.1], [])
    with pytest.raises(OptionError, match="'glued' is unknown"):
        Evaluator(shield, [0.1], ["glued"])
    with pytest.raises(OptionError, match="peer 'crystal ball' is unknown"):
        Evaluator(shield, [0.1], peers=["crystal ball"])
    with pytest.raises(OptionError, match="add the peer patchcleanser"):
        Evaluator(shield, [0.1], assumed=0.1)
    with pytest.raises(OptionError, match="train it first"):
        Evaluator(shield, [0.1], ["universal"]).add(greenish(1), torch.zeros(1, dtype=torch.long))
    with pytest.raises(DataError, match="no labelled images"):
        Evaluator(shield, [0.1]).result()
