from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from interlock.explain._kinks import SmoothKinks, smooth_step
from tests.networks import SmallCNN

OPERATIONS = {
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU in place": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu in place": lambda z: F.relu(z, inplace=True),
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "Tensor.relu": lambda z: z.relu(),
    "Tensor.relu_": lambda z: z.relu_(),
    "nn.ReLU6": nn.ReLU6(),
    "nn.ReLU6 in place": nn.ReLU6(inplace=True),
    "nn.Hardtanh": nn.Hardtanh(-1.0, 2.0),
    "F.hardtanh_": lambda z: F.hardtanh_(z, -1.0, 2.0),
    "nn.Hardswish": nn.Hardswish(),
    "nn.Hardswish in place": nn.Hardswish(inplace=True),
    "nn.Hardsigmoid": nn.Hardsigmoid(),
    "nn.LeakyReLU": nn.LeakyReLU(0.1),
    "nn.LeakyReLU in place": nn.LeakyReLU(0.1, inplace=True),
    "nn.PReLU": nn.PReLU(4),
    "nn.Threshold": nn.Threshold(0.0, 0.0),
    "clamp min": lambda z: z.clamp(min=0),
    "clamp both": lambda z: torch.clamp(z, -1.0, 2.0),
    "clamp_min": lambda z: z.clamp_min(0),
    "clamp_max": lambda z: z.clamp_max(2.0),
    "clamp_max_": lambda z: z.clamp_max_(2.0),
    "clip_": lambda z: z.clip_(-1.0, 2.0),
    "torch.threshold": lambda z: torch.threshold(z, 0.0, 0.0),
    "clamp_": lambda z: z.clamp_(min=0),
}


def points() -> torch.Tensor:
    """(N, 4) values on both sides of every kink, none of them on one."""
    return (torch.arange(-4, 7, 0.125) + 0.0625).view(-1, 4)


@pytest.mark.parametrize("name", OPERATIONS)
def test_values_are_bit_identical_and_the_slope_has_a_derivative(name):
    operation = OPERATIONS[name]
    x = points().double().requires_grad_()
    if isinstance(operation, nn.Module):
        operation = operation.double()
    plain = operation(x.detach() * 1.0)
    tau = 1e-2
    with SmoothKinks(tau):
        value = operation(x * 1.0)
    assert torch.equal(value, plain)
    (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), x)
    assert curvature.abs().max() > 0.1, "no second derivative: the operation was not caught"

    def slope_at(z):
        z = z.detach().requires_grad_()
        with SmoothKinks(tau):
            return torch.autograd.grad(operation(z * 1.0).sum(), z)[0]

    if "Hardswish" in name:  # its slope mixes the exact gate with the smooth one: see below
        return
    h = 1e-6
    numeric = (slope_at(x + h) - slope_at(x - h)) / (2 * h)
    assert torch.allclose(curvature, numeric, atol=1e-5)


def test_hardswish_is_its_argument_times_a_smoothed_gate():
    tau = 1e-2

    def smooth_relu(z):
        root = (z * z + tau).sqrt()
        return torch.where(z < 0, z + root, root)

    def by_definition(z):
        gate = (smooth_relu(z + 3) - smooth_relu(z - 3)) / 6
        return z * (F.hardsigmoid(z).detach() + gate - gate.detach())

    x = points().double().requires_grad_()
    found = []
    for run in (by_definition, F.hardswish):
        with SmoothKinks(tau):
            value = run(x)
        (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        found.append((slope, torch.autograd.grad(slope.sum(), x)[0]))
    assert torch.allclose(found[0][0], found[1][0])
    assert torch.allclose(found[0][1], found[1][1])


@pytest.mark.parametrize("name", OPERATIONS)
def test_slope_tends_to_the_true_one_as_tau_shrinks(name):
    operation = OPERATIONS[name]
    if isinstance(operation, nn.Module):
        operation = operation.double()
    x = points().double().requires_grad_()
    (true,) = torch.autograd.grad(operation(x * 1.0).sum(), x)
    with SmoothKinks(1e-9):
        (smooth,) = torch.autograd.grad(operation(x * 1.0).sum(), x)
    assert torch.allclose(smooth, true, atol=1e-5)


def test_slope_is_the_published_one():
    z = torch.tensor([-2.0, -0.01, 0.0, 0.01, 2.0], dtype=torch.float64)
    slope, _ = smooth_step(z, 1e-3)
    root = (z * z + 1e-3).sqrt()
    expected = torch.where(z < 0, 1 + z / root, z / root)
    assert torch.allclose(slope, expected, atol=1e-14)


def test_inactive_outside_the_context_and_after_an_exception(small_cnn, photo):
    depth = torch._C._len_torch_function_stack()
    with pytest.raises(RuntimeError, match="stop"), SmoothKinks():
        raise RuntimeError("stop")
    assert torch._C._len_torch_function_stack() == depth
    x = torch.tensor([0.01], requires_grad=True)
    (slope,) = torch.autograd.grad(F.relu(x), x)
    assert slope == 1  # the smoothed slope is 0.30 here


def test_model_parameters_and_hooks_are_untouched(photo):
    model = SmallCNN()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with SmoothKinks():
        x = photo[None].clone().requires_grad_()
        model(x)[:, 0].sum().backward()
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks or m._backward_hooks for m in model.modules())
