"""A seed that no generator takes is refused in one line, wherever one is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from interlock.defend import (
    ConceptBank,
    ConceptShield,
    PatchAttack,
    UniversalPatchAttack,
    harden,
)
from interlock.errors import OptionError
from interlock.explain import HSets, deletion, insertion
from interlock.explain.peers import make_peer
from tests.networks import SmallCNN

MODEL = SmallCNN(channels=3).eval()
IMAGES = torch.rand(24, 3, 16, 16, generator=torch.Generator().manual_seed(0))
LABELS = MODEL(IMAGES).argmax(dim=1)
MAP = torch.rand(16, 16)

TAKERS: dict[str, Callable[[Any], object]] = {
    "PatchAttack": lambda seed: PatchAttack(seed=seed),
    "UniversalPatchAttack": lambda seed: UniversalPatchAttack(seed=seed),
    "ConceptShield.fit": lambda seed: ConceptShield.fit(MODEL, [IMAGES], seed=seed),
    "ConceptBank.fit": lambda seed: ConceptBank.fit(MODEL, [IMAGES], seed=seed),
    "harden": lambda seed: harden(MODEL, IMAGES, steps=1, seed=seed),
    "HSets": lambda seed: HSets(MODEL, seed=seed),
    "a peer": lambda seed: make_peer("moxi", MODEL, seed=seed),
    "insertion": lambda seed: insertion(MODEL, IMAGES[0], MAP, 0, seed=seed),
    "deletion": lambda seed: deletion(MODEL, IMAGES[0], MAP, 0, seed=seed),
}


@pytest.mark.parametrize("name", TAKERS)
@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "7", True, None], ids=repr)
def test_one_line_names_the_seed(name: str, seed: object) -> None:
    with pytest.raises(OptionError) as error:
        TAKERS[name](seed)
    assert str(error.value).endswith(f"seed={seed!r}; use a whole number from 0 to 2**63 - 1")


@pytest.mark.parametrize("name", ["PatchAttack", "HSets", "insertion"])
def test_the_largest_is_taken(name: str) -> None:
    TAKERS[name](2**63 - 1)
