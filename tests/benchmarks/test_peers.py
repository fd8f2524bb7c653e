import pytest
import torch
from tests.conftest import SmallCNN

import _peers
import explain_quality
from interlock.explain.peers import make_peer


@pytest.mark.parametrize("name", explain_quality.METHODS)
def test_every_row_of_the_table_is_a_peer(name: str) -> None:
    x = torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1
    peer, options = explain_quality.METHODS[name]
    saliency = make_peer(peer, SmallCNN(), **options).saliency(x, 1)
    assert saliency.shape == (24, 24)
    if "positive" in name or "absolute" in name:
        assert bool((saliency >= 0).all())
    assert ("absolute" in name) <= (options.get("evidence") != "for")


def test_no_peer_stands_twice() -> None:
    rows = [(peer, sorted(options.items())) for peer, options in _peers.PEERS.values()]
    assert all(rows.count(row) == 1 for row in rows)
