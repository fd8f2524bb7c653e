"""One fingerprint of a model: what it tells apart, and what it must go on saying."""

from __future__ import annotations

from hashlib import sha256

import torch
from torch import Tensor, nn

from interlock._weights import fingerprint
from interlock.certify.targets.local import LocalTarget


def holding(**tensors: Tensor) -> nn.Module:
    module = nn.Module()
    for name, tensor in tensors.items():
        module.register_buffer(name, tensor)
    return module


def test_names_shapes_types_and_bytes_count_and_the_order_does_not() -> None:
    zeros = torch.zeros(2, 6)
    models = [
        holding(a=zeros, b=torch.tensor(1)),
        holding(a=zeros, c=torch.tensor(1)),
        holding(a=zeros.reshape(3, 4), b=torch.tensor(1)),
        holding(a=zeros.int(), b=torch.tensor(1)),
        holding(a=zeros.half(), b=torch.tensor(1)),
        holding(a=zeros.bfloat16(), b=torch.tensor(1)),
        holding(a=zeros.double(), b=torch.tensor(1)),
        holding(a=zeros.long(), b=torch.tensor(1)),
        holding(a=-zeros, b=torch.tensor(1)),
        holding(a=zeros),
    ]
    assert len({fingerprint(model) for model in models}) == len(models)
    turned = holding(b=torch.tensor(1), a=zeros.t().contiguous().t())
    assert fingerprint(turned) == fingerprint(models[0])


def test_shields_of_float32_models_keep_the_name_of_their_model() -> None:
    """As files written before types counted have it: names, shapes and bytes alone."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    digest = sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode() + tensor.numpy().tobytes())
    assert fingerprint(model) == digest.hexdigest()


def test_a_chat_model_is_named_by_its_weights_and_its_template() -> None:
    target = LocalTarget("embedded")
    first = target.identity["sha256"]
    again = LocalTarget(target.model, target.tokenizer)
    assert again.identity["sha256"] == first
    target.tokenizer.chat_template += " "
    assert LocalTarget(target.model, target.tokenizer).identity["sha256"] != first
