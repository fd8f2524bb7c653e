from __future__ import annotations

import json

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from interlock.defend import ConceptShield
from interlock.defend.concepts.bank import ConceptBank
from interlock.defend.concepts.batches import as_batches, crops_of
from interlock.defend.concepts.features import Taps, find_layers, last_maps
from interlock.defend.concepts.importances import total_sobol
from interlock.errors import DataError, ModelError, OptionError

transformers = pytest.importorskip("transformers")

LABELS = {"id2label": {0: "a", 1: "b", 2: "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}


class Pooled(nn.Module):
    """ReLU maps, averaged, and a linear head; ``shift`` hides that the head is linear."""

    def __init__(self, shift: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.body = nn.Sequential(
                nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                nn.Conv2d(6, 5, 3, padding=1), nn.ReLU(),
            )  # fmt: skip
            self.head = nn.Linear(5, 3)
        self.shift, self.seen = shift, 0
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        logits = self.head(self.body(x).mean(dim=(2, 3)))
        return logits + self.shift if self.shift else logits


class Logits(nn.Module):
    """A transformers classifier as (N, C, H, W) -> (N, classes)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x).logits


def resnet() -> nn.Module:
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", **LABELS
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Logits(transformers.ResNetForImageClassification(config))


def vit() -> nn.Module:
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32,
        image_size=32, patch_size=8, **LABELS,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Logits(transformers.ViTForImageClassification(config))


def photos(count: int = 8, size: int = 32, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def identity_bank() -> ConceptBank:
    """One concept for each channel, so that codes are the activations."""
    return ConceptBank(torch.eye(5), "body.4", "")


# Sobol indices -----------------------------------------------------------------------------------


def test_sobol_of_a_linear_function() -> None:
    slopes = torch.tensor([1.0, -2.0, 0.0, 3.0])
    found = total_sobol(lambda x: x @ slopes + 7, 4, designs=4096)
    torch.testing.assert_close(found, slopes**2 / (slopes**2).sum(), atol=0.01, rtol=0)
    assert found[2] == 0, "an input that does nothing"


def test_sobol_of_the_g_function() -> None:
    a = torch.tensor([0.0, 0.5, 3.0, 9.0])
    found = total_sobol(
        lambda x: (((4 * x - 2).abs() + a) / (1 + a)).prod(dim=1), 4, designs=8192, seed=1
    )
    parts = 1 / (3 * (1 + a) ** 2)
    whole = (1 + parts).prod()
    torch.testing.assert_close(found, parts * whole / (1 + parts) / (whole - 1), atol=0.02, rtol=0)


def test_sobol_of_a_constant_and_of_one_input() -> None:
    assert total_sobol(lambda x: torch.full((len(x),), 3.0), 3).tolist() == [0, 0, 0]
    assert total_sobol(lambda x: x[:, 0] ** 2, 1, designs=1024).item() == pytest.approx(1, abs=0.02)


def test_sobol_points_are_scrambled_and_repeat_with_the_seed() -> None:
    seen: list[Tensor] = []

    def function(x: Tensor) -> Tensor:
        seen.append(x)
        return x.sum(dim=1)

    state = torch.get_rng_state()
    first, again, other = (total_sobol(function, 3, designs=8, seed=s) for s in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert seen[0].shape == (8 * (3 + 2), 3)
    assert (seen[0] > 0).all(), "an unscrambled sequence starts at zero"
    for wrong in (1, 12):
        with pytest.raises(OptionError, match="power of two"):
            total_sobol(function, 3, designs=wrong)


# Importances -------------------------------------------------------------------------------------


def test_exact_importances_sum_to_the_logit() -> None:
    model, image = Pooled(), photos(1)[0]
    logits = model(image[None])[0]
    for target in range(3):
        found = identity_bank().importances(model, image, target)
        assert found.exact
        assert found.passes == 0
        total = found.values.sum() + model.head.bias[target]
        torch.testing.assert_close(total, logits[target], atol=1e-4, rtol=1e-4)


def test_sobol_importances_of_a_linear_head_are_shares_of_the_squared_contributions() -> None:
    image, hidden = photos(1)[0], Pooled(shift=1.0)
    exact = identity_bank().importances(Pooled(), image, 1)
    hidden.seen = 0
    found = identity_bank().importances(hidden, image, 1, designs=1024)
    assert not found.exact
    assert found.passes == 1024 * (5 + 2)
    assert hidden.seen == found.passes + 1, "and one to take the activations"
    shares = exact.values**2 / (exact.values**2).sum()
    torch.testing.assert_close(found.values, shares, atol=0.02, rtol=0)


def test_importances_leave_no_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    model, image = Pooled(shift=1.0), photos(1)[0]
    identity_bank().importances(model, image, 0, designs=2)
    assert not any(m._forward_hooks for m in model.modules())
    monkeypatch.setattr(model.head, "forward", lambda x: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        identity_bank().importances(model, image, 0, designs=2)
    assert not any(m._forward_hooks for m in model.modules())


# Fitting and codes -------------------------------------------------------------------------------


def test_codes_rebuild_the_activations_of_a_full_bank() -> None:
    model = Pooled()
    bank = ConceptBank.fit(model, photos(40), concepts=5)
    assert bank.layer == "body", "the last maps"
    assert bank.factors.shape == (5, 5)
    _, (maps,) = Taps(model, [bank.layer])(photos(2, seed=1))
    codes = bank.codes(maps.detach())
    assert codes.shape == (2, 5, 16, 16)
    assert (codes >= 0).all()
    rebuilt = torch.einsum("nkhw,kc->nchw", codes, bank.directions)
    assert (rebuilt - maps).norm() < 0.35 * maps.norm()
    with pytest.raises(ModelError, match="4 channels for a bank of 5"):
        bank.codes(maps[:, :4])


def test_batches_and_tensors_give_the_same_bank() -> None:
    model, images, state = Pooled(), photos(50), torch.get_rng_state()
    whole = ConceptBank.fit(model, images, concepts=3)
    assert torch.equal(torch.get_rng_state(), state)
    parts = ConceptBank.fit(model, iter(images.split(7)), concepts=3)
    torch.testing.assert_close(whole.factors, parts.factors, atol=1e-4, rtol=1e-3)
    assert torch.equal(whole.factors, ConceptBank.fit(model, images, concepts=3).factors)
    assert not torch.equal(whole.factors, ConceptBank.fit(model, images, concepts=3, seed=1).factors)  # fmt: skip
    assert (whole.factors >= 0).all()
    torch.testing.assert_close(whole.factors.norm(dim=1), torch.ones(3))


def test_a_sample_of_crops_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []

    def note(rows: Tensor, rank: int, *, seed: int) -> Tensor:
        kept.append(rows)
        return rows[:rank]

    monkeypatch.setattr("interlock.defend.concepts.bank.ROWS", 20)
    monkeypatch.setattr("interlock.defend.concepts.bank.factorise", note)
    ConceptBank.fit(Pooled(), photos(30), concepts=3)
    (rows,) = kept
    assert rows.shape == (20, 5)
    assert len(torch.unique(rows, dim=0)) == 20, "no crop twice"


def test_one_class_only() -> None:
    model, images = Pooled(), photos(60)
    images[:30] *= 0.1
    labels = model(images).argmax(dim=1)
    common = int(labels.mode().values)
    bank = ConceptBank.fit(model, images, concepts=2, classes=common)
    alone = ConceptBank.fit(model, images[labels == common], concepts=2)
    torch.testing.assert_close(bank.factors, alone.factors, atol=1e-4, rtol=1e-3)
    absent = next(c for c in range(4) if c not in labels.tolist())
    with pytest.raises(DataError, match="0 crops of clean images for 2 concepts"):
        ConceptBank.fit(model, images, concepts=2, classes=absent)


def test_negative_activations() -> None:
    model, images = Pooled(), photos(4)
    with pytest.raises(ModelError, match=r"'body\.3' has negative activations"):
        ConceptBank.fit(model, images, concepts=2, layer="body.3")
    bank = ConceptBank.fit(model, images, concepts=10, layer="body.3", signed=True)
    assert bank.factors.shape == (10, 10)
    assert bank.directions.shape == (10, 5)
    assert (bank.factors >= 0).all()
    _, (maps,) = Taps(model, ["body.3"])(images)
    rebuilt = torch.einsum("nkhw,kc->nchw", bank.codes(maps.detach()), bank.directions)
    assert (rebuilt - maps).norm() < 0.6 * maps.norm()


def test_signs_are_split_however_late_a_negative_activation_comes() -> None:
    class Late(nn.Module):
        """Negative only where an image is dark."""

        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Conv2d(3, 3, 1, bias=False), nn.Linear(3, 2)
            self.body.weight.data = torch.eye(3).view(3, 3, 1, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.body(x - 0.5).mean(dim=(2, 3)))

    model = Late().eval()
    bright, dark = photos(8) / 2 + 0.5, photos(8) / 2
    bank = ConceptBank.fit(model, [bright, dark], concepts=2)
    assert bank.signed
    assert bank.factors.shape == (2, 6)
    assert bool((bank.factors[:, 3:] > 0).any())
    plain = ConceptBank.fit(model, [bright, bright], concepts=2)
    assert not plain.signed
    assert plain.factors.shape == (2, 3)


def test_bad_input() -> None:
    model = Pooled()
    with pytest.raises(DataError, match="9 crops of clean images for 10 concepts"):
        ConceptBank.fit(model, photos(1), concepts=10)
    with pytest.raises(DataError, match="0 crops"):
        ConceptBank.fit(model, iter(()), concepts=2)
    with pytest.raises(DataError, match="expected batches"):
        ConceptBank.fit(model, [photos(1)[0]], concepts=2)
    with pytest.raises(OptionError, match=r"layer 'body\.9' is not in Pooled"):
        ConceptBank.fit(model, photos(2), concepts=2, layer="body.9")
    with pytest.raises(ModelError, match="no map of positions"):
        ConceptBank.fit(model, photos(2), concepts=2, layer="head")
    with pytest.raises(OptionError, match="at least 1"):
        ConceptBank.fit(model, photos(2), concepts=0)
    for crop in (0.0, 1.5, 0.01):
        with pytest.raises(OptionError, match="crops of"):
            ConceptBank.fit(model, photos(2), concepts=2, crop=crop)


@given(height=st.integers(2, 40), width=st.integers(2, 40), share=st.floats(0.1, 1.0))
def test_crops_cover_every_pixel(height: int, width: int, share: float) -> None:
    assume(min(round(share * height), round(share * width)) >= 2)
    x = torch.ones(1, 1, height, width, requires_grad=True)
    crops = crops_of(x, share)
    assert crops.shape[1:] == (1, height, width)
    crops.sum().backward()
    assert (x.grad > 0).all()


def test_crops_of_a_known_image() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert torch.equal(crops_of(x, 1.0), x)
    corners = crops_of(x.repeat(2, 1, 1, 1), 0.5)
    assert corners.shape == (18, 1, 4, 4)
    # Bilinear enlargement keeps each crop's extremes: those of its 2x2 pixels.
    starts = [4 * t + u for t in (0, 1, 2) for u in (0, 1, 2)]
    assert corners.amin(dim=(1, 2, 3)).tolist() == [float(s) for s in starts] * 2
    assert corners.amax(dim=(1, 2, 3)).tolist() == [float(s + 5) for s in starts] * 2


def test_batches_are_small() -> None:
    assert [len(b) for b in as_batches([photos(70), photos(1)])] == [32, 32, 6, 1]


# On disk -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("signed", [False, True])
def test_a_bank_survives_the_disk(tmp_path, signed: bool) -> None:
    model, layer = Pooled(), "body.3" if signed else "body.4"
    bank = ConceptBank.fit(model, photos(), concepts=3, layer=layer, signed=signed)
    path = bank.save(tmp_path / "bank.safetensors")
    for again in (ConceptBank.load(path, model), ConceptBank.load(path, Pooled(), layer=layer)):
        assert torch.equal(again.factors, bank.factors)
        assert (again.layer, again.signed, again.model_id) == (layer, signed, bank.model_id)


def test_a_bank_of_another_model_layer_version_or_kind(tmp_path) -> None:
    model = Pooled()
    bank = ConceptBank.fit(model, photos(), concepts=3, layer="body.4")
    path = bank.save(tmp_path / "bank.safetensors")
    with pytest.raises(ModelError, match="fitted to another model"):
        ConceptBank.load(path, Pooled(seed=1))
    with pytest.raises(ModelError, match=r"of layer 'body\.4', not of 'body\.1'"):
        ConceptBank.load(path, model, layer="body.1")
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()["interlock"])
    for change, match in (({"version": 99}, "version 99"), ({"kind": "cake"}, "not a fitted")):
        other = tmp_path / "other.safetensors"
        save_file({"factors": bank.factors}, other, {"interlock": json.dumps({**header, **change})})
        with pytest.raises(DataError, match=match):
            ConceptBank.load(other, model)
    with pytest.raises(DataError, match="no such file"):
        ConceptBank.load(tmp_path / "none.safetensors", model)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match="not a fitted"):
        ConceptBank.load(path, model)


# Architectures that people have ------------------------------------------------------------------


def middle(model: nn.Module) -> str:
    """The second of a vision transformer's blocks, whatever this release calls it."""
    names = [n for n, _ in model.named_modules() if n.endswith(("layer.1", "layers.1"))]
    return names[0]


@pytest.mark.parametrize("make", [resnet, vit])
def test_transformers_models(make, tmp_path) -> None:
    model, images = make(), photos(4)
    bank = ConceptBank.fit(model, images, concepts=4)
    _, (maps,) = Taps(model, [bank.layer])(images)
    codes = bank.codes(maps.detach())
    assert codes.shape == (4, 4, *maps.shape[2:])
    assert (codes >= 0).all()
    assert codes.flatten(2).any(dim=2).any(dim=0).all(), "a concept that is nowhere"
    again = ConceptBank.load(bank.save(tmp_path / "bank.safetensors"), model)
    torch.testing.assert_close(again.codes(maps.detach()), codes, atol=1e-4, rtol=1e-4)


def test_the_resnets_head_is_linear() -> None:
    model, image = resnet(), photos(1)[0]
    bank = ConceptBank.fit(model, photos(), concepts=4)
    found = bank.importances(model, image, 0)
    assert found.exact
    assert found.values.any()


def test_a_vits_tokens_are_positions() -> None:
    model, images = vit(), photos(2)
    bank = ConceptBank.fit(model, images, concepts=4, layer=middle(model), signed=True)
    _, (maps,) = Taps(model, [bank.layer])(images)
    assert maps.shape == (2, 16, 4, 4)
    found = bank.importances(model, images[0], 1, designs=8)
    assert not found.exact
    assert found.values.any()


def test_a_vits_default_layer_decides_something() -> None:
    model, images = vit(), photos(2)
    bank = ConceptBank.fit(model, images, concepts=4)
    assert bank.importances(model, images[0], 1, designs=8).values.any()


class Shared(nn.Module):
    """One activation after stem and head, and convolutions that pad by layers of their own."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.act = nn.ReLU()
        self.stem = nn.Conv2d(3, 4, 3, 2, 1)
        self.pad = nn.ZeroPad2d((0, 1, 0, 1))
        self.head = nn.Conv2d(4, 8, 3, 2)
        self.linear = nn.Linear(8, 3)
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.stem(x))
        x = self.act(self.head(self.pad(x)))
        logits: Tensor = self.linear(x.mean(dim=(2, 3)))
        return logits


def test_layers_that_run_at_two_sizes_or_pad_are_no_place_in_a_network() -> None:
    model, x = Shared(), torch.rand(40, 3, 32, 32)
    assert find_layers(model, x[:1]) == ("stem", "head")
    assert last_maps(model, x[:1]) == "head"
    shield = ConceptShield.fit(model, x, concepts=2)
    assert shield(x[:2]).shape == (2, 3)
