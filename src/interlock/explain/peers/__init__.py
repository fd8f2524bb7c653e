"""H-Sets and what it is compared with, all behind one small interface.

>>> make_peer("integrated-hessians", model, steps=20).saliency(x, target)  # (C, H, W) -> (H, W)
"""

from interlock.explain.peers._registry import (
    PEERS,
    Explain,
    Kind,
    Peer,
    PeerFactory,
    explainer,
    make_peer,
)

__all__ = ["PEERS", "Explain", "Kind", "Peer", "PeerFactory", "explainer", "make_peer"]
