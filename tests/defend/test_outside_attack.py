"""An attack that others wrote: masked PGD of the adversarial-robustness-toolbox."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interlock.defend.attacks.regions import cover, footprint, random_places
from interlock.defend.shield.shield import ConceptShield
from tests.defend.test_shield import SIDE, Net, pictures


@pytest.mark.slow
def test_the_shield_withstands_masked_pgd_of_another_library() -> None:
    pytest.importorskip("art", reason="adversarial-robustness-toolbox is not installed")
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    model = Net()
    shield = ConceptShield.fit(model, pictures(96, seed=1), concepts=4)
    clean = pictures(48, seed=21)
    truth = model(clean).argmax(1)
    outline = footprint("square", 0.035, SIDE, SIDE)
    rng = np.random.default_rng(0)
    masks = cover(outline, [random_places(outline, SIDE, SIDE, 1, rng) for _ in clean], SIDE, SIDE)

    def patched(victim: torch.nn.Module) -> torch.Tensor:
        estimator = PyTorchClassifier(
            victim, torch.nn.CrossEntropyLoss(), (3, SIDE, SIDE), 4, clip_values=(0.0, 1.0)
        )
        attack = ProjectedGradientDescentPyTorch(
            estimator, eps=1.0, eps_step=0.1, max_iter=20, batch_size=48, verbose=False
        )
        mask = masks.expand_as(clean).numpy().astype(np.float32)
        return torch.from_numpy(attack.generate(clean.numpy(), truth.numpy(), mask=mask))

    on_model = patched(model)
    bare = (model(on_model).argmax(1) == truth).float().mean()
    assert bare < 0.7  # the attack works
    assert (shield.predict(on_model) == truth).float().mean() > bare + 0.2
    on_shield = patched(shield)
    assert (shield.predict(on_shield) == truth).float().mean() >= bare
