"""Loading a classifier by name, directory, factory or module."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from interlock.errors import ModelError
from interlock.models.classifier import Classifier
from interlock.models.derived import FILE, put_weights, read_derived
from interlock.models.hub import from_cache_only
from interlock.models.labels import label_list
from interlock.models.photonet import PhotoNet
from interlock.models.steady import first_line

EMBEDDED = Path(__file__).parent / "embedded"


def load_classifier(
    model: str | Path | nn.Module | Classifier,
    *,
    preprocess: Callable[[Image.Image], Tensor] | None = None,
    labels: Sequence[str] | None = None,
    whole: bool = False,
    device: str | torch.device | None = None,
) -> Classifier:
    """Load an image classifier.

    Args:
        model: ``"embedded"``; a local ``transformers`` directory or a hub id, with its image
            processor; a folder of ``interlock defend harden``; ``"package.module:factory"``, called
            without arguments, for anything that this function takes; or an ``nn.Module``.
        preprocess: PIL image -> (C, H, W) float32. Needed with an ``nn.Module``, unless it has an
            attribute of that name; it replaces a loaded model's own otherwise.
        labels: one name per class, likewise.
        whole: squeeze the whole photo to the model's input size, in place of the image
            processor's resize and crop. Only for ``transformers`` models.
        device: where the model is put; None leaves a module where it is. Modules are put into
            eval mode.

    Raises:
        ModelError: it cannot be found or loaded, its weights do not fit, or a part is missing.
    """
    if isinstance(model, str | Path):
        loaded = _by_name(str(model), whole)
    elif isinstance(model, Classifier):
        loaded = model
    elif isinstance(model, nn.Module):
        loaded = _from_module(model, preprocess, labels)
    else:
        raise ModelError(
            f"cannot load a classifier from a {type(model).__name__}; give a name, a directory "
            "or an nn.Module"
        )
    return Classifier(
        model=loaded.model.eval() if device is None else loaded.model.eval().to(device),
        preprocess=preprocess or loaded.preprocess,
        labels=label_list(labels) if labels is not None else loaded.labels,
        name=loaded.name,
        mean=None if preprocess else loaded.mean,
        std=None if preprocess else loaded.std,
    )


def _by_name(name: str, whole: bool) -> Classifier:
    if name == "embedded":
        return _embedded()
    if ":" in name and not Path(name).exists():
        return _from_factory(name)
    if (Path(name) / FILE).is_file():
        return _derived(Path(name), whole)
    return _from_transformers(name, whole)


def _embedded() -> Classifier:
    from safetensors.torch import load_file

    config = json.loads((EMBEDDED / "photo_classifier.json").read_text())
    model = PhotoNet(len(config["labels"]))
    weights = load_file(EMBEDDED / "photo_classifier.safetensors")
    model.load_state_dict(
        {k: w.float() if w.is_floating_point() else w for k, w in weights.items()}
    )
    side, mean, std = config["pixels"], tuple(config["mean"]), tuple(config["std"])

    def preprocess(image: Image.Image) -> Tensor:
        square = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1).float() / 255
        return (pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)

    return Classifier(model, preprocess, config["labels"], "embedded", mean, std)


def _derived(folder: Path, whole: bool) -> Classifier:
    """Another classifier with the folder's weights."""
    base = load_classifier(read_derived(folder)["base"], whole=whole)
    put_weights(folder, base.model)
    return replace(base, name=folder.name)


def _from_factory(name: str) -> Classifier:
    module, _, attribute = name.partition(":")
    sys.path.insert(0, "")  # as `python -m` does, so that a module beside the user is found
    try:
        made = getattr(importlib.import_module(module), attribute)()
    except ModuleNotFoundError as error:
        raise ModelError(f"{name}: {error}; give package.module:factory") from None
    except Exception as error:  # the factory is the user's code and may raise anything
        raise ModelError(f"{name}: {type(error).__name__}: {first_line(error)}") from None
    finally:
        sys.path.remove("")
    if isinstance(made, str) and made == name:
        raise ModelError(f"{name}: the factory returned its own name")
    if isinstance(made, nn.Module) and (missing := _missing(made)):
        parts = " and ".join(missing)
        raise ModelError(
            f"{name}: the {type(made).__name__} that it returns has no {parts}; in the factory set "
            "model.preprocess (image -> tensor) and model.labels (a name for each class)"
        )
    return load_classifier(made)


def _missing(model: nn.Module) -> list[str]:
    return [part for part in ("preprocess", "labels") if getattr(model, part, None) is None]


def _from_module(
    model: nn.Module,
    preprocess: Callable[[Image.Image], Tensor] | None,
    labels: Sequence[str] | None,
) -> Classifier:
    preprocess = preprocess or getattr(model, "preprocess", None)
    labels = labels if labels is not None else getattr(model, "labels", None)
    if preprocess is None or labels is None:
        part = "preprocess" if preprocess is None else "labels"
        raise ModelError(
            f"{type(model).__name__} has no {part}; pass {part}= or set it as an attribute"
        )
    return Classifier(model, preprocess, label_list(labels), type(model).__name__)


class LogitsOnly(nn.Module):
    """A ``transformers`` image classifier that returns a plain tensor."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixel_values: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, classes) logits."""
        output = self.network(pixel_values=pixel_values)
        logits: Tensor = getattr(output, "logits", output)  # whoever asks says what it is, if none
        return logits


def _from_transformers(name: str, whole: bool) -> Classifier:
    path = Path(name)
    if path.exists() and not (path / "config.json").is_file():
        raise ModelError(f"{name}: no config.json there; give a transformers model directory")
    local = from_cache_only(name, "classifier")
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    try:
        network, report = AutoModelForImageClassification.from_pretrained(
            name, output_loading_info=True, dtype=torch.float32, local_files_only=local
        )
    except Exception as error:  # the library raises many kinds, down to bare Exception
        raise ModelError(
            f"{name}: not loaded as an image classifier: {first_line(error)}"
        ) from None
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"{name}: the weights do not fit: {len(missing)} are missing, such as {missing[0]}; "
            "use a checkpoint trained for image classification"
        )
    try:
        processor = AutoImageProcessor.from_pretrained(name, local_files_only=local)
    except Exception as error:
        raise ModelError(
            f"{name}: no image processor ({first_line(error)}); add preprocessor_config.json, "
            "or load the module yourself and pass preprocess="
        ) from None
    mode = "L" if getattr(network.config, "num_channels", 3) == 1 else "RGB"
    preprocess = _Processed(processor, mode, whole)
    try:
        mean, std = _normalisation(processor, preprocess)
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from None
    return Classifier(
        model=LogitsOnly(network),
        preprocess=preprocess,
        labels=_labels(network.config),
        name=path.name,
        mean=mean,
        std=std,
    )


def _labels(config: Any) -> list[str]:
    """One name for each class; one without a name is called by its number."""
    return label_list(config.id2label, getattr(config, "num_labels", 0) or 0)


def _normalisation(
    processor: Any, preprocess: Callable[[Image.Image], Tensor]
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Mean and deviation by what the processor makes of black and of white, whatever it states.

    (value in [0, 1] - mean) / std is what the model takes; None where that is no such map.

    Raises:
        ModelError: the processor fails, or makes something else than (C, H, W) of a photo.
    """
    black, white = (
        preprocess(Image.new("RGB", (64, 64), (level, level, level))).flatten(1).double()
        for level in (0, 255)
    )
    photo = (black != white).any(dim=0)  # and not what the processor puts around it
    if black.shape != white.shape or not bool(photo.any()):
        return None, None
    low, high = (planes[:, photo].median(dim=1).values for planes in (black, white))
    if not bool((low < high).all()) or not bool((high - low).isfinite().all()):
        return None, None
    std = 1 / (high - low)
    mean = -low * std
    stated = [getattr(processor, name, None) for name in ("image_mean", "image_std")]
    if all(isinstance(s, list | tuple) and len(s) == len(mean) for s in stated):
        exact = torch.tensor(stated, dtype=torch.float64)
        if torch.allclose(exact, torch.stack([mean, std]), atol=1e-4):
            return tuple(stated[0]), tuple(stated[1])  # type: ignore[arg-type]
    return tuple(mean.tolist()), tuple(std.tolist())


class _Processed:
    """An image processor as a function of one image, in the mode that the model's channels want."""

    def __init__(self, processor: Any, mode: str, whole: bool) -> None:
        self._processor, self._mode, self._whole = processor, mode, whole

    def __call__(self, image: Image.Image) -> Tensor:
        """PIL image -> (C, H, W) float32.

        Raises:
            ModelError: the processor does not take it, or makes something else of it.
        """
        options: dict[str, Any] = {}
        size = f"{image.width}x{image.height}"
        image = image.convert(self._mode)
        if self._whole:
            height, width = self._input_size()
            image = image.resize((width, height), Image.Resampling.BILINEAR)
            options = {"do_resize": False, "do_center_crop": False}
        given: Any = image
        if self._mode == "L":
            given = np.asarray(image)[..., None]
            options["input_data_format"] = "channels_last"
        kind = type(self._processor).__name__
        try:
            made = self._processor(given, return_tensors="pt", **options)
            first: Tensor = made["pixel_values"][0].float()
        except Exception as error:  # the processor is the user's code and may raise anything
            raise ModelError(
                f"{kind} fails on a photo of {size} pixels ({first_line(error)}); "
                "check preprocessor_config.json, or crop the photo if others work"
            ) from error
        if first.ndim != 3:
            raise ModelError(
                f"{kind} makes {tuple(first.shape)} of a photo, and (C, H, W) is needed; "
                "load the module yourself and pass preprocess="
            )
        return first

    def _input_size(self) -> tuple[int, int]:
        for name in ("crop_size", "size"):
            size = getattr(self._processor, name, None)
            if size and "height" in size:
                return size["height"], size["width"]
            if size and "shortest_edge" in size:
                return size["shortest_edge"], size["shortest_edge"]
        raise ModelError("the image processor states no input size; whole=True needs one")
