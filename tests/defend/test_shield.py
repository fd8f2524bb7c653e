from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from interlock.defend.attacks.adaptive import AdaptiveAttack
from interlock.defend.attacks.patch_attack import PatchAttack, margin
from interlock.defend.certified.certified_shield import CertifiedShield
from interlock.defend.concepts.bank import ConceptBank
from interlock.defend.concepts.batches import Reservoir
from interlock.defend.concepts.features import Taps, find_layers, last_maps
from interlock.defend.fill import pull_push
from interlock.defend.peers.paper import PaperMasking
from interlock.defend.shield.foreign import Moments
from interlock.defend.shield.masks import grown, two_windows, windows
from interlock.defend.shield.shield import ConceptShield
from interlock.errors import DataError, InterlockError, ModelError, OptionError
from tests.networks import SmallCNN

SIDE = 32


class Net(nn.Module):
    """Three resolutions, all non-negative; (N, 3, 32, 32) -> (N, 4) logits."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
            self.second = nn.Sequential(nn.Conv2d(8, 12, 3, 2, 1), nn.ReLU())
            self.third = nn.Sequential(nn.Conv2d(12, 16, 3, 2, 1), nn.ReLU())
            self.head = nn.Linear(16, 4)
        self.eval().requires_grad_(False)
        # Centred and scaled, so that every class is somebody's.
        z = self(pictures(200, seed=0))
        self.head.weight.mul_(1 / z.std(dim=0)[:, None])
        self.head.bias.sub_(z.mean(dim=0)).mul_(1 / z.std(dim=0))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.third(self.second(self.first(x))).mean(dim=(2, 3)))


class Dropping(Net):
    """The same answers, as long as it is in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.first.append(nn.Dropout(0.5))


def pictures(count: int, seed: int) -> Tensor:
    """Smooth colours in [0, 1]."""
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, (SIDE, SIDE), mode="bicubic").clamp(0, 1)


def with_noise(x: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A 6 x 6 square of noise in each picture, and where it is."""
    rng = np.random.default_rng(seed)
    patched, masks = x.clone(), torch.zeros(len(x), 1, SIDE, SIDE, dtype=torch.bool)
    for k in range(len(x)):
        top, left = rng.integers(2, SIDE - 8, 2)
        noise = torch.from_numpy(rng.integers(0, 2, (3, 6, 6)).astype(np.float32))
        patched[k, :, top : top + 6, left : left + 6] = noise
        masks[k, :, top : top + 6, left : left + 6] = True
    return patched, masks


@pytest.fixture(scope="module")
def model() -> Net:
    return Net()


@pytest.fixture(scope="module")
def shield(model: Net) -> ConceptShield:
    # A rate that finds noise on a net that was never trained.
    return ConceptShield.fit(model, pictures(96, seed=1), concepts=4, false_mask_rate=0.1)


def test_finds_the_last_layer_of_each_resolution(model: Net) -> None:
    assert find_layers(model, pictures(1, 0)) == ("first", "second", "third")
    assert last_maps(model, pictures(1, 0)) == "third"


def test_masks_what_is_foreign_and_little_else(shield: ConceptShield) -> None:
    patched, where = with_noise(pictures(40, seed=2))
    masks = shield.masks(patched)
    covered = (masks & where).flatten(1).sum(1) / where.flatten(1).sum(1)
    assert (covered > 0).all()
    assert covered.mean() > 0.5
    assert masks.float().mean() < 3 * where.float().mean()


def test_leaves_clean_pictures_alone(shield: ConceptShield, model: Net) -> None:
    clean = pictures(200, seed=3)
    hidden = shield.masks(clean).flatten(1).any(dim=1)
    assert hidden.float().mean() < 0.2
    own, answers = model(clean), shield(clean)
    assert torch.equal(own[~hidden], answers[~hidden])


def test_takes_back_most_changed_labels(shield: ConceptShield, model: Net) -> None:
    clean = pictures(64, seed=4)
    truth = model(clean).argmax(1)
    made = PatchAttack(area=0.035, steps=20, bounds=(0.0, 1.0))(model, clean, truth)
    changed = model(made.images).argmax(1) != truth
    assert changed.sum() > 10
    ceiling = (model(pull_push(made.images, made.masks)).argmax(1) == truth)[changed]
    kept = (shield.predict(made.images) == truth)[changed]
    # A net with weights at random reacts to rims that a tight mask leaves; trained ones hardly do.
    assert kept.float().mean() > 0.5 * ceiling.float().mean()


def test_without_masks_it_is_the_model_bit_for_bit(shield: ConceptShield, model: Net) -> None:
    calm = ConceptShield(
        model,
        shield.foreignness,
        shield.bank,
        replace(shield.settings, trigger=float("inf"), evidence=2.0),
    )
    patched, _ = with_noise(pictures(8, seed=5))
    assert torch.equal(calm(patched), model(patched))
    assert calm.passes(patched).tolist() == [1] * 8
    assert not calm.masks(patched).any()


@settings(max_examples=12)
@given(st.lists(st.integers(0, 15), min_size=1, max_size=6), st.booleans())
def test_no_neighbour_of_the_batch_changes_an_answer(index: list[int], noisy: bool) -> None:
    if not _kept:
        fitted = ConceptShield.fit(Net(), pictures(64, seed=1), concepts=4)
        _kept.append(fitted.double())  # so that rounding, which batches change, stays far below
    fitted = _kept[0]
    batch = pictures(16, seed=6)
    batch = with_noise(batch)[0] if noisy else batch
    batch = batch.double()
    alone = torch.cat([fitted.masks(batch[k : k + 1]) for k in index])
    assert torch.equal(fitted.masks(batch)[index], alone)
    together = torch.stack([fitted(batch[k : k + 1])[0] for k in index])
    torch.testing.assert_close(fitted(batch)[index], together, rtol=1e-9, atol=1e-9)
    assert torch.equal(fitted.predict(batch)[index], together.argmax(1))


_kept: list[ConceptShield] = []


def test_passes_count_the_models_calls(shield: ConceptShield, model: Net) -> None:
    x = with_noise(pictures(6, seed=7))[0]
    for k in range(6):
        calls = []
        hook = model.register_forward_hook(lambda *_: calls.append(1))  # noqa: B023
        shield(x[k : k + 1])
        hook.remove()
        assert shield.passes(x[k : k + 1]).tolist() == [len(calls)]


class Sided(Net):
    """Also weighs how bright the left half is: a mirror image has other labels."""

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.mean(dim=1).split(SIDE // 2, dim=2)
        side = 20 * (left.mean(dim=(1, 2)) - right.mean(dim=(1, 2)))
        return super().forward(x) + torch.stack([side, -side, side, -side], dim=1)


class Even(Net):
    """Says of a mirror image what it says of the image."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + super().forward(x.flip(-1))


def test_a_mirror_is_asked_only_where_clean_labels_survive_it() -> None:
    clean = pictures(96, seed=1)
    assert ConceptShield.fit(Even(), clean, concepts=4).settings.mirror
    assert not ConceptShield.fit(Sided(), clean, concepts=4).settings.mirror
    assert not ConceptShield.fit(Even(), clean, concepts=4, mirror=False).settings.mirror


@pytest.mark.parametrize("mirror", [True, False])
def test_masked_pictures_get_the_mean_of_two_views(
    shield: ConceptShield, model: Net, mirror: bool
) -> None:
    fitted = ConceptShield(
        model, shield.foreignness, shield.bank, replace(shield.settings, mirror=mirror)
    )
    patched = with_noise(pictures(40, seed=2))[0]
    _, foreign = fitted.look(patched)
    masks = fitted.hidden(foreign)
    filled = pull_push(patched, masks)
    other = filled.flip(-1) if mirror else pull_push(patched, grown(masks, 0.01))
    views = [model(x).softmax(dim=1) for x in (filled, other)]
    mean = (views[0] + views[1]) / 2
    own = model(patched).argmax(1)
    lead = mean.amax(1) - mean.gather(1, own[:, None])[:, 0]
    score = fitted.score(patched)
    loud, faint = score > 1, score < 1.2
    accepted = loud & (lead > 0) & (~faint | (lead > 0.3))
    assert accepted.sum() > 5
    refused = loud & faint & (lead > 0) & ~accepted
    assert refused.any()
    answer = fitted.answer(patched)
    assert torch.equal(answer.labels[loud], torch.where(accepted, mean.argmax(1), own)[loud])
    assert torch.equal(answer.votes[loud], torch.stack([v.argmax(1) for v in views], 1)[loud])
    assert answer.passes[loud].tolist() == [3] * int(loud.sum())
    kept = loud & ~accepted
    assert torch.equal(answer.logits[kept], answer.own[kept])
    torch.testing.assert_close(answer.logits[accepted].exp(), mean[accepted])


def test_windows_change_no_more_clean_labels_than_asked(model: Net) -> None:
    clean = pictures(128, seed=1)
    fitted = ConceptShield.fit(model, clean, concepts=4, false_change_rate=1e-9)
    quiet = fitted.score(clean) <= 1
    kept = fitted.predict(clean) == model(clean).argmax(dim=1)
    calibration = torch.arange(128) % 2 == 1
    assert kept[quiet & calibration].all()
    free = replace(fitted.settings, evidence=0.0)
    loose = ConceptShield(model, fitted.foreignness, fitted.bank, free)
    assert not (loose.predict(clean) == model(clean).argmax(dim=1))[quiet & calibration].all()


def test_no_window_is_tried_where_no_label_may_change(model: Net) -> None:
    clean = pictures(64, seed=1)
    fitted = ConceptShield.fit(model, clean, concepts=4, false_change_rate=0)
    quiet = fitted.score(clean) <= 1
    assert (fitted.passes(clean)[quiet] == 1).all()


def test_inspect_agrees_with_predict(shield: ConceptShield, model: Net) -> None:
    patched = with_noise(pictures(5, seed=8))[0]
    for image in patched:
        seen = shield.inspect(image)
        assert seen.label == int(shield.predict(image[None]))
        assert seen.undefended == int(model(image[None]).argmax())
        assert torch.equal(seen.mask, shield.masks(image[None])[0, 0])
        assert seen.tampered == bool(seen.mask.any())
        assert seen.score == pytest.approx(float(shield.score(image[None])))
        assert seen.passes == int(shield.passes(image[None]))
        assert seen.importances.shape == (4,)
        assert seen.concepts.shape[0] == 4


@dataclass(frozen=True)
class TwoSets:
    """An explanation of two sets of one channel."""

    masks: torch.Tensor
    attribution: torch.Tensor
    regions: torch.Tensor
    shares: torch.Tensor
    drops: torch.Tensor
    without: torch.Tensor


def test_inspect_tells_what_the_undefended_answer_rests_on(
    shield: ConceptShield, model: Net
) -> None:
    asked = []
    (patched,) = with_noise(pictures(1, seed=8))[0]
    mask = shield.inspect(patched).mask
    assert mask.any()
    inside, outside = mask.nonzero()[0], (~mask).nonzero()[0]
    masks = torch.zeros(2, 3, SIDE, SIDE, dtype=torch.bool)
    masks[0, 2, 0, 0] = True
    masks[1, 0, inside[0], inside[1]] = masks[1, 1, outside[0], outside[1]] = True
    evidence = torch.ones(3, SIDE, SIDE)
    evidence[0, inside[0], inside[1]] = 3.0
    regions = masks.any(dim=1)

    def explained(drops: list[float]) -> Callable[[torch.Tensor, int], TwoSets]:
        def explain(x: torch.Tensor, target: int) -> TwoSets:
            asked.append((x, target))
            numbers = torch.tensor([[0.1, 0.7], drops, [0.9, 0.25]])
            return TwoSets(masks, evidence, regions, *numbers)

        return explain

    seen = shield.inspect(patched, explained([0.2, 1.5]))
    ((x, target),) = asked
    assert torch.equal(x, patched)
    assert target == seen.undefended
    assert seen.strongest is not None
    assert torch.equal(seen.strongest.region, regions[1])  # costs more than the first
    assert seen.strongest.share == pytest.approx(0.7)
    assert seen.strongest.without == 0.25
    assert seen.strongest.under_mask == pytest.approx(0.75)
    other = shield.inspect(patched, explained([1.5, 0.2])).strongest
    assert other is not None
    assert torch.equal(other.region, regions[0])
    unmeasured = shield.inspect(patched, explained([torch.nan, torch.nan])).strongest
    assert unmeasured is not None
    assert unmeasured.share == pytest.approx(0.7)
    none = TwoSets(masks[:0], evidence, regions[:0], *torch.zeros(3, 0))
    assert shield.inspect(patched, lambda *_: none).strongest is None


def test_saved_and_loaded_it_answers_alike(
    shield: ConceptShield, model: Net, tmp_path: object
) -> None:
    path = shield.save(f"{tmp_path}/shield.safetensors")
    again = ConceptShield.load(path, model)
    x = with_noise(pictures(8, seed=9))[0]
    assert torch.equal(again(x), shield(x))
    with pytest.raises(ModelError, match="another model"):
        ConceptShield.load(path, Net(seed=1))
    with pytest.raises(DataError, match="no such file"):
        ConceptShield.load(f"{tmp_path}/none", model)


def test_same_seed_same_bytes_from_a_stream(model: Net, tmp_path: object) -> None:
    x = pictures(96, seed=1)
    whole = ConceptShield.fit(model, x, concepts=4).save(f"{tmp_path}/a")
    stream = ConceptShield.fit(model, iter(x.split(32)), concepts=4).save(f"{tmp_path}/b")
    assert whole.read_bytes() == stream.read_bytes()


def test_fit_leaves_model_and_generators_alone(model: Net) -> None:
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.random.get_rng_state()
    ConceptShield.fit(model, pictures(64, seed=1), concepts=3)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert torch.equal(state, torch.random.get_rng_state())
    assert not any(m._forward_hooks for m in model.modules())


def test_fits_a_model_without_relu_modules() -> None:
    model = SmallCNN().requires_grad_(False)
    fitted = ConceptShield.fit(model, pictures(64, seed=1), concepts=4)
    assert fitted.bank.signed
    assert fitted(pictures(3, seed=2)).shape == (3, 4)


@pytest.mark.parametrize(
    ("images", "options", "error", "words"),
    [
        (8, {}, DataError, "8 clean images; give at least 16"),
        (64, {"layers": ("nowhere",)}, OptionError, "layer 'nowhere'"),
        (64, {"layers": ("head",)}, ModelError, "no map of positions"),
        (64, {"false_mask_rate": 1.5}, OptionError, "false_mask_rate"),
        (64, {"false_change_rate": -1}, OptionError, "false_change_rate"),
        (64, {"share": 1.0}, OptionError, "share"),
    ],
)
def test_bad_input_is_one_clear_line(
    model: Net, images: int, options: dict[str, object], error: type, words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        ConceptShield.fit(model, pictures(images, seed=1), **options)
    assert "\n" not in str(caught.value)


def test_refuses_what_is_no_batch_and_what_is_not_finite(shield: ConceptShield, model: Net) -> None:
    with pytest.raises(OptionError, match="expected \\(N, C, H, W\\)"):
        shield(pictures(1, 0)[0])
    nothing = torch.full((1, 3, SIDE, SIDE), float("nan"))
    for defence in (shield, PaperMasking(model, shield.bank)):
        with pytest.raises(ModelError, match="not finite"):
            defence(nothing)
    with pytest.raises(ModelError, match="training mode"):
        ConceptShield.fit(Dropping().train(), pictures(32, 0))
    with pytest.raises(InterlockError, match="one image"):
        shield.inspect(pictures(2, 0))


class Autocast(nn.Module):
    """A model that computes in half precision by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.net(x)


PRECISIONS = ("float64", "bfloat16", "float16", "autocast", "caller's autocast")


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("linear", [True, False])
def test_in_any_precision_it_sees_what_it_sees_in_single(precision: str, linear: bool) -> None:
    clean, (patched, _) = pictures(64, seed=1), with_noise(pictures(8, seed=8))

    def seen(model: nn.Module, kind: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        if not linear:
            net = model.net if isinstance(model, Autocast) else model
            net.head = nn.Sequential(net.head, nn.Tanh()).to(net.head.weight.dtype)
        shield = ConceptShield.fit(model, clean.to(kind), concepts=4)
        x = patched.to(kind)
        assert shield(x).shape == (8, 4)
        inspection = shield.inspect(x[0])
        assert inspection.exact == linear
        return shield.predict(x), shield.score(x).float(), inspection.importances.float()

    expected = seen(Net(), torch.float32)
    if precision == "autocast":
        found = seen(Autocast(), torch.float32)
    elif precision in PRECISIONS[:3]:
        kind = getattr(torch, precision)
        found = seen(Net().to(kind), kind)
    else:
        model = Net()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = seen(model, torch.float32)
    assert (found[0] == expected[0]).sum() >= 7
    torch.testing.assert_close(found[1], expected[1], rtol=0.03, atol=0.03)
    if linear:
        torch.testing.assert_close(found[2], expected[2], rtol=0.2, atol=0.1)


def test_images_in_another_precision_than_the_model_s_are_one_line() -> None:
    model = Net().to(torch.bfloat16)
    with pytest.raises(ModelError, match=r"images in torch.float32 for a model in torch.bfloat16"):
        ConceptShield.fit(model, pictures(32, seed=1))
    with pytest.raises(ModelError, match=r"give images.to\(torch.bfloat16\)"):
        CertifiedShield(model, area=0.02, masks=2).predict(pictures(1, seed=1))


def test_training_mode_is_refused_however_it_came(shield: ConceptShield) -> None:
    assert not shield.training
    model = Dropping().train()
    other = ConceptShield(model, shield.foreignness, shield.bank, shield.settings)
    assert model.training
    with pytest.raises(ModelError, match="training mode"):
        other(pictures(1, 0))
    with pytest.raises(ModelError, match="training mode"):
        ConceptBank.fit(model, pictures(32, 0))
    model.eval()
    assert torch.equal(other(pictures(1, 0)), shield(pictures(1, 0)))


def test_a_bank_of_another_model_is_refused(shield: ConceptShield) -> None:
    other = Net(seed=5)
    for build in (
        lambda: ConceptShield.fit(other, pictures(32, 0), bank=shield.bank),
        lambda: PaperMasking(other, shield.bank),
    ):
        with pytest.raises(ModelError, match="fitted to another model"):
            build()


def test_threads_share_a_model(shield: ConceptShield) -> None:
    """Each call takes its own activations, whatever other threads run on the same model."""
    shown = [pictures(1, 3), with_noise(pictures(1, 4))[0]]
    scores = [float(shield.score(x)) for x in shown]
    assert scores[0] < 1 < scores[1]

    def ask(k: int) -> set[float]:
        return {float(shield.score(shown[k])) for _ in range(300)}

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(ask, (0, 1)))
    finally:
        sys.setswitchinterval(interval)
    assert found == [{scores[0]}, {scores[1]}]


def test_hooks_are_gone_after_a_failure(model: Net) -> None:
    with pytest.raises(ModelError, match="does not take images of shape"):
        Taps(model, ["first"])(torch.zeros(1, 5, SIDE, SIDE))
    assert not any(m._forward_hooks for m in model.modules())


def test_whitened_clean_cells_have_unit_variance() -> None:
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(6, 6, generator=generator)
    cells = torch.randn(4, 6, 50, 50, generator=generator)
    cells = torch.einsum("nchw,cd->ndhw", cells, mix) + 3
    moments = Moments()
    for part in cells.split(1):
        moments.add(part)
    mean, whitening = moments.whitening()
    rows = (cells.permute(0, 2, 3, 1).flatten(0, 2) - mean) @ whitening
    variances = rows.var(dim=0).sort().values
    assert variances[-1] == pytest.approx(1, abs=0.05)
    torch.testing.assert_close(mean, cells.mean(dim=(0, 2, 3)), rtol=1e-4, atol=1e-4)


@given(
    height=st.integers(5, 20),
    width=st.integers(5, 20),
    share=st.floats(0.1, 1.0),
    seed=st.integers(0, 99),
)
def test_the_window_is_the_one_with_the_most_in_it(
    height: int, width: int, share: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    foreign = 2 * torch.rand(2, 1, height, width, generator=generator)
    side = max(1, round(share * min(height, width)))
    excess = (foreign - 1).clamp_min(0).square()
    for found, values in zip(windows(foreign, share)[:, 0], excess[:, 0], strict=True):
        rows, columns = found.any(dim=1).nonzero()[:, 0], found.any(dim=0).nonzero()[:, 0]
        assert (len(rows), len(columns), int(found.sum())) == (side, side, side * side)
        best = max(
            float(values[t : t + side, u : u + side].sum())
            for t in range(height - side + 1)
            for u in range(width - side + 1)
        )
        assert float(values[found].sum()) == pytest.approx(best, rel=1e-5)


@given(seed=st.integers(0, 99), fainter=st.floats(0.1, 0.95))
def test_the_second_window_is_the_best_one_apart_from_the_first(seed: int, fainter: float) -> None:
    rng = np.random.default_rng(seed)
    foreign = torch.ones(1, 1, 40, 40)
    (top, left), (y, x) = rng.integers(0, 12, 2), rng.integers(24, 32, 2)
    foreign[..., top : top + 8, left : left + 8] = 3.0  # excess 4 each
    foreign[..., y : y + 8, x : x + 8] = 1 + 2 * fainter**0.5
    first, second, ratio = two_windows(foreign, 0.2, 0.05)
    assert torch.equal(first, foreign == 3.0)
    assert torch.equal(second, (foreign > 1) & (foreign < 3))
    assert ratio.item() == pytest.approx(fainter, rel=1e-5)


def test_there_is_no_second_window_where_the_first_takes_all() -> None:
    foreign = 1 + torch.rand(2, 1, 10, 10)
    first, _, ratio = two_windows(foreign, 1.0, 0.05)
    assert first.all()
    assert ratio.tolist() == [0, 0]


@given(reach=st.floats(0, 0.3), seed=st.integers(0, 99))
def test_masks_grow_by_a_square(reach: float, seed: int) -> None:
    masks = torch.rand(2, 1, 12, 17, generator=torch.Generator().manual_seed(seed)) < 0.05
    pixels = max(1, round(reach * 12))
    wanted = F.max_pool2d(masks.float(), 2 * pixels + 1, stride=1, padding=pixels) > 0
    assert torch.equal(grown(masks, reach), wanted)


class TestFill:
    def test_keeps_what_is_known_and_hides_the_rest(self) -> None:
        x = pictures(3, seed=1)
        masks = torch.rand(3, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) < 0.3
        filled = pull_push(x, masks)
        assert torch.equal(filled[~masks.expand_as(x)], x[~masks.expand_as(x)])
        other = torch.where(masks, torch.rand_like(x), x)
        torch.testing.assert_close(pull_push(other, masks), filled)

    def test_continues_a_flat_picture(self) -> None:
        x = torch.full((1, 3, 20, 17), 0.3)
        masks = torch.zeros(1, 1, 20, 17, dtype=torch.bool)
        masks[..., 3:12, 4:15] = True
        torch.testing.assert_close(pull_push(x, masks), x)

    def test_of_nothing_known_is_zero(self) -> None:
        x = torch.ones(1, 3, 8, 8)
        assert not pull_push(x, torch.ones(1, 1, 8, 8, dtype=torch.bool)).any()


class TestAdaptiveAttack:
    @pytest.mark.parametrize("option", ["decoys", "steps", "restarts", "batch_size"])
    def test_options_out_of_range(self, option: str) -> None:
        with pytest.raises(OptionError, match=option):
            AdaptiveAttack(**{option: -1})

    def test_each_image_has_the_place_of_its_best_restart(self, shield: ConceptShield) -> None:
        x = pictures(3, seed=13)
        truth = shield.predict(x)
        options = {"area": 0.04, "steps": 4, "bounds": (0.0, 1.0)}
        once = AdaptiveAttack(**options, restarts=1)(shield, x, truth)
        thrice = AdaptiveAttack(**options, restarts=3)(shield, x, truth)
        for made in (once, thrice):
            for k, (place,) in enumerate(made.places):
                rows, columns = made.masks[k, 0].nonzero().unbind(dim=1)
                assert (int(rows.min()), int(columns.min())) == (place.top, place.left)
        margins = [margin(shield(m.images), truth) for m in (once, thrice)]
        assert (margins[1] >= margins[0]).all()

    def test_beats_a_weak_shield(self, shield: ConceptShield, model: Net) -> None:
        weak = ConceptShield(
            model, shield.foreignness, shield.bank, replace(shield.settings, trigger=4.0)
        )
        x = pictures(24, seed=11)
        truth = weak.predict(x)
        made = AdaptiveAttack(area=0.06, steps=40, restarts=2, bounds=(0.0, 1.0))(weak, x, truth)
        assert (weak.predict(made.images) == truth).float().mean() < 0.5

    def test_stays_inside_its_region_and_range(self, shield: ConceptShield) -> None:
        x = pictures(4, seed=12)
        attack = AdaptiveAttack(area=0.04, decoys=1, steps=6, restarts=2, bounds=(0.0, 1.0))
        made = attack(shield, x, shield.predict(x))
        outside = ~made.masks.expand_as(x)
        assert torch.equal(made.images[outside], x[outside])
        assert made.images.min() >= 0
        assert made.images.max() <= 1
        again = attack(shield, x, shield.predict(x))
        assert torch.equal(made.images, again.images)


def test_the_banks_images_are_a_uniform_sample_of_the_stream() -> None:
    counts = np.zeros(40)
    for seed in range(400):
        sample = Reservoir((seed, 1), 10)
        for batch in torch.arange(40.0).view(-1, 1, 1, 1).split(7):
            sample.add(batch)
        chosen = [int(x.item()) for x in sample.kept]
        assert len(set(chosen)) == 10
        counts[chosen] += 1
    # Each image is chosen by a quarter of the seeds: 100 of 400, give or take 8.7.
    assert abs(counts - 100).max() < 40
    assert abs(counts[:10].mean() - counts[-10:].mean()) < 12


@pytest.mark.parametrize("absent", ["mean0", "medians", "factors"])
def test_a_file_without_a_part_is_one_clear_line(
    shield: ConceptShield, model: Net, tmp_path: Path, absent: str
) -> None:
    path = shield.save(tmp_path / "shield.safetensors")
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()["interlock"])
        tensors = {name: file.get_tensor(name) for name in file.keys() if name != absent}  # noqa: SIM118
    del header["sha256"]  # by which the damage would be known before
    save_file(tensors, path, {"interlock": json.dumps(header)})
    with pytest.raises(DataError, match=rf"incomplete shield.*{absent}"):
        ConceptShield.load(path, model)
    settings = header | {"settings": {}}
    save_file(tensors, path, {"interlock": json.dumps(settings)})
    with pytest.raises(DataError, match="incomplete shield"):
        ConceptShield.load(path, model)
