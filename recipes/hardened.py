"""The classifiers of the certified studies, hardened for masks: ``build/hardened``.

    python recipes/hardened.py cifar10

CIFAR-10's ResNet-20 is trained on all 50,000 images of its training part, with their labels, in
three stages under ever worse masks (``STAGES``). What a stage makes is kept only where more
held-out images are certified than before it and none of a point of clean accuracy is lost; the
record beside the weights says what it was. An interrupted run goes on. About 100 minutes of a core.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from tqdm import tqdm  # noqa: E402

import _cifar  # noqa: E402
from interlock.defend import harden  # noqa: E402

OUT = ROOT / "build" / "hardened"
IMAGES = 50_000
STAGES: tuple[dict[str, Any], ...] = (
    {"steps": 3600, "batch_size": 64, "learning_rate": 0.05},
    {"steps": 800, "batch_size": 64, "learning_rate": 0.02, "squares": (0.22, 0.34), "draws": 6},
    {"steps": 400, "batch_size": 64, "learning_rate": 0.02, "squares": (0.25, 0.35), "draws": 9},
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("name", choices=["cifar10"])
    name = parser.parse_args().name
    OUT.mkdir(parents=True, exist_ok=True)
    pixels, labels = _cifar.images("train", IMAGES)
    mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (_cifar.MEAN, _cifar.STD))
    images = (pixels.float() / 255 - mean) / std
    model: nn.Module = _cifar.resnet20().model.to(memory_format=torch.channels_last)  # faster
    records = []
    for number, options in enumerate(STAGES, start=1):
        with tqdm(total=options["steps"], unit="step", desc=f"stage {number}") as bar:
            model = harden(
                model,
                images,
                labels=labels,
                masks=6,
                checkpoint=OUT / f"{name}.stage{number}.safetensors",
                told=lambda done, of: bar.update(done - bar.n) and None,
                **options,
            )
        records.append(options | asdict(model.hardening))  # type: ignore[call-overload]
    part = OUT / f"{name}.part"
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, part)
    part.replace(OUT / f"{name}.safetensors")
    record = json.dumps(records, indent=2)
    (OUT / f"{name}.json").write_text(record + "\n")
    print(record)


if __name__ == "__main__":
    main()
