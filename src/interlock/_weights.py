"""What names a model's weights."""

from __future__ import annotations

from hashlib import sha256

import torch


def fingerprint(model: torch.nn.Module) -> str:
    """Hash of all weights and buffers."""
    digest = sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        if isinstance(value, torch.Tensor):
            flat = value.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
