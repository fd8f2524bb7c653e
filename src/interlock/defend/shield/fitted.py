"""What a shield keeps of its fit, in memory and in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from interlock.defend._files import complete, model_id, restore, store
from interlock.defend.concepts.bank import ConceptBank
from interlock.defend.shield.foreign import Foreignness

VERSION = 4


@dataclass(frozen=True)
class Settings:
    """Thresholds, and how they were asked for."""

    trigger: float
    """Foreignness at which an image is masked."""
    edge: float
    """Foreignness that belongs to a mask once it is there."""
    false_mask_rate: float
    """Share of the calibration photos above the trigger, as asked for."""
    share: float
    """A mask also leaves out what is below this share of its image's peak."""
    evidence: float = 2.0
    """What a new label needs under a window, at most 2; at 2 none is accepted."""
    mirror: bool = True
    """Whether the second view is the mirror image; otherwise more is hidden in it."""


def write(
    path: str | Path,
    model: nn.Module,
    foreignness: Foreignness,
    bank: ConceptBank,
    settings: Settings,
) -> Path:
    """All that was fitted, not the model, in one ``.safetensors`` file."""
    header = {
        "kind": "shield",
        "version": VERSION,
        "model": model_id(model),
        "layers": foreignness.layers,
        "settings": vars(settings),
        "bank": {"layer": bank.layer, "signed": bank.signed},
    }
    tensors = dict(foreignness.state_dict()) | {"factors": bank.factors}
    return store(path, tensors, header)


def read(path: str | Path, model: nn.Module) -> tuple[Foreignness, ConceptBank, Settings]:
    """What ``write`` wrote, on the model's device.

    Raises:
        DataError: missing, damaged, or of another version.
        ModelError: fitted to another model.
    """
    tensors, header = restore(path, "shield", VERSION, model)
    with complete(path, "shield"):
        layers = header["layers"]
        foreignness = Foreignness(
            layers,
            [tensors[f"mean{k}"] for k in range(len(layers))],
            [tensors[f"whitening{k}"] for k in range(len(layers))],
            tensors["medians"].tolist(),
        ).to(tensors["medians"].device)
        bank = ConceptBank(tensors["factors"], model_id=header["model"], **header["bank"])
        settings = Settings(**header["settings"])
    return foreignness, bank, settings
