"""Sets of natural size: models whose interactions are known, and the promises of the result."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from interlock import Explanation, HSets
from interlock.errors import ModelError, OptionError
from interlock.explain import priors
from interlock.explain._derivatives import Differentiable
from interlock.explain._growth import deal_out
from interlock.explain._merging import merged, strongest_regions
from interlock.explain._removal import Removal, heavy_blur
from tests.networks import SmallCNN

SIDE = 24
CELLS = np.kron(np.arange(16).reshape(4, 4), np.ones((6, 6), dtype=np.int64))
"""A 4 x 4 grid of regions."""


class Cells(nn.Module):
    """Logit 0 from how much detail each cell of the grid shows; logit 1 is 0."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        detail = x[:, :, ::2].sum(dim=1) - x[:, :, 1::2].sum(dim=1)  # (N, H / 2, W)
        shown = detail.view(len(x), 4, 3, 4, 6).mean(dim=(2, 4)).flatten(1) / 6  # (N, 16)
        value = self.value(shown)
        return torch.stack([value, torch.zeros_like(value)], dim=1)


def striped(cells, strength=1.0):
    """Stripes in some cells, grey elsewhere: a heavy blur leaves no detail where they were."""
    stripes = torch.ones(SIDE, SIDE)
    stripes[1::2] = -1.0
    there = torch.from_numpy(np.isin(CELLS, cells))
    return (strength * stripes * there).expand(3, -1, -1).clone()


def explained(value, cells, **options):
    return HSets(Cells(value), prior=CELLS, **options).explain(striped(cells), 0)


def smooth(seed, side=SIDE):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, side // 4, side // 4, generator=generator) * 2 - 1
    return F.interpolate(coarse, (side, side), mode="bicubic")[0].clamp(-1, 1)


def homes(explanation):
    """The cells of each set."""
    return [sorted(explanation.segments[m].unique().tolist()) for m in explanation.regions]


def test_a_product_joins_its_factors_and_a_sum_does_not():
    joined = explained(lambda s: s[:, 5] * s[:, 10] + s[:, 0], [0, 5, 10])
    assert sorted(homes(joined)) == [[0], [5, 10]]
    apart = explained(lambda s: 3 * s[:, 5] + 2 * s[:, 10] + s[:, 0], [0, 5, 10])
    assert sorted(homes(apart)) == [[0], [5], [10]]
    assert torch.equal(apart.interactions, torch.zeros(3, 3))


def test_a_faint_interaction_joins_nothing_and_is_reported():
    ex = explained(lambda s: 3 * s[:, 5] + 2 * s[:, 10] + 0.1 * s[:, 5] * s[:, 10], [5, 10])
    assert sorted(homes(ex)) == [[5], [10]]
    assert 0.05 < float(ex.interactions[0, 1]) < 0.15


def test_drops_and_interactions_are_the_models_own_answers_to_forward_passes():
    value = lambda s: s[:, 5] * s[:, 10] + 0.2 * s[:, 0] * s[:, 5] + 2 * s[:, 15]  # noqa: E731
    ex = explained(value, [0, 5, 10, 15])
    model, x = Cells(value), striped([0, 5, 10, 15])
    fill = heavy_blur(x)

    def logit(*regions):
        away = torch.stack(regions).any(dim=0) if regions else torch.zeros(SIDE, SIDE).bool()
        return float(model(torch.where(away, fill, x)[None])[0, 0])

    assert len(ex) >= 2
    for k, region in enumerate(ex.regions):
        assert float(ex.drops[k]) == pytest.approx(logit() - logit(region), abs=1e-5)
        without = torch.sigmoid(torch.tensor(logit(region)))  # of two logits, the other 0
        assert float(ex.without[k]) == pytest.approx(float(without), abs=1e-5)
    for i, j in combinations(range(len(ex)), 2):
        a, b = ex.regions[i], ex.regions[j]
        second = logit() - logit(a) - logit(b) + logit(a, b)
        assert float(ex.interactions[i, j]) == pytest.approx(second, abs=1e-5)


def test_the_sign_tells_needs_from_stands_in_for():
    """Both or nothing, and either suffices; kept apart by a threshold that no tie exceeds."""
    both = Removal(
        Differentiable(Cells(lambda s: s[:, 5] * s[:, 10]), 8),
        striped([5, 10]),
        heavy_blur(striped([5, 10])),
        0,
    )
    cells = torch.from_numpy(np.stack([CELLS == 5, CELLS == 10]))
    needs = both.effects(cells)
    assert float(needs.interactions[0, 1]) > 0.9 * float(needs.drops.max()) > 0
    either = dataclasses.replace(
        both, model=Differentiable(Cells(lambda s: s[:, [5, 10]].amax(dim=1)), 8)
    )
    stands_in = either.effects(cells)
    together = float(either.logits(torch.zeros_like(cells[:1]))[0, 0])
    assert float(stands_in.interactions[0, 1]) < -0.9 * together < 0


def test_cells_that_stand_in_for_each_other_are_one_set_with_a_drop_that_neither_has_alone():
    ex = explained(lambda s: s[:, [5, 10]].sum(dim=1).clamp(max=1.0), [5, 10])
    assert homes(ex) == [[5, 10]]
    assert float(ex.drops[0]) > 0.5


def test_rounding_makes_no_interaction():
    """A sum far from zero: second differences of float32 logits are not quite 0."""
    weights = torch.linspace(0.11, 1.37, 16)
    ex = explained(lambda s: 1000.0 + s @ weights, list(range(16)), sets=16)
    assert homes(ex) == [[k] for k in sorted(range(16), key=lambda k: homes(ex).index([k]))]
    assert len(ex) == 16
    assert not ex.interactions.any()


@given(st.integers(0, 9), st.floats(0.05, 0.95), st.integers(0, 2**31))
def test_merging_is_a_partition_and_coarser_with_a_lower_threshold(count, mu, seed):
    half = torch.rand(count, count, generator=torch.Generator().manual_seed(seed)) - 0.5
    strength = torch.triu(half, 1) + torch.triu(half, 1).T
    groups = merged(strength, mu)
    assert sorted(k for group in groups for k in group) == list(range(count))
    assert groups == merged(-strength, mu)  # the sign does not count
    assert groups == merged(7.5 * strength, mu)  # nor does the scale
    lower = merged(strength, mu / 2)
    assert all(any(set(group) <= set(wider) for wider in lower) for group in groups)


def test_merging_by_hand():
    strength = torch.zeros(4, 4)
    for i, j, value in ((0, 1, -1.0), (1, 2, 0.5), (2, 3, 0.4)):
        strength[i, j] = strength[j, i] = value
    # 0-1: 1 / 1. Then {0, 1}-2: 0.25 / 1; 2-3: 0.4 / 0.5. Then {0, 1}-{2, 3}: 0.125 / 1.
    assert merged(strength, 0.3) == [[0, 1], [2, 3]]
    assert merged(strength, 0.85) == [[0, 1], [2], [3]]
    assert merged(strength, 0.1) == [[0, 1, 2, 3]]
    assert merged(torch.zeros(3, 3), 0.0) == [[0], [1], [2]]


def test_regions_with_most_evidence_come_first_and_empty_ones_never():
    evidence = torch.zeros(SIDE, SIDE)
    evidence[0, 0], evidence[0, 7], evidence[23, 23] = 1.0, 3.0, 2.0
    atoms = strongest_regions(evidence, torch.from_numpy(CELLS))
    assert [int(CELLS[a.numpy()][0]) for a in atoms] == [1, 15, 0]
    assert len(strongest_regions(evidence, torch.from_numpy(CELLS), 2)) == 2


@pytest.mark.parametrize("prior", ["slic", "felzenszwalb", "quickshift", "grid", "none", CELLS])
@pytest.mark.parametrize("evidence", ["for", "against", "absolute"])
def test_what_holds_of_every_result(prior, evidence, small_cnn):
    x = smooth(5)
    ex = HSets(small_cnn, prior=prior, evidence=evidence, size=60, steps=8).explain(x, 1)
    count = len(ex)
    assert 1 <= count <= 5
    assert ex.regions.shape == (count, SIDE, SIDE)
    assert ex.regions.dtype == torch.bool
    assert ex.drops.shape == ex.without.shape == (count,)
    assert ex.interactions.shape == (count, count)
    assert torch.equal(ex.interactions, ex.interactions.T)
    assert not ex.interactions.diagonal().any()
    assert (ex.regions.sum(dim=0) <= 1).all(), "regions overlap"
    for region, mask, seed in zip(ex.regions, ex.masks, ex.seeds.tolist(), strict=True):
        whole = torch.isin(ex.segments, ex.segments[region].unique())
        assert torch.equal(region, whole), "a set lives in whole regions of the prior"
        assert torch.equal(mask, (region & (ex.saliency > 0)).expand(3, -1, -1))
        assert mask[tuple(seed)]
    assert ex.scores.tolist() == sorted(ex.scores.tolist(), reverse=True)
    assert float(ex.shares.sum()) + ex.scattered == pytest.approx(1.0, abs=1e-5)
    assert ((ex.without >= 0) & (ex.without <= 1)).all()
    assert not ex.rows.any()


@pytest.mark.parametrize("prior", ["slic", "grid", "felzenszwalb", CELLS])
@pytest.mark.parametrize("evidence", ["for", "absolute"])
@pytest.mark.parametrize("size", [9, 60, 600, None])
def test_the_map_is_that_of_joint_growth_bit_for_bit(prior, evidence, size, small_cnn):
    x = smooth(6)
    options = {"prior": prior, "evidence": evidence, "size": size, "steps": 8}
    merge, joint = (HSets(small_cnn, growth=g, **options).explain(x) for g in ("merge", "joint"))
    assert torch.equal(merge.saliency, joint.saliency)
    assert torch.equal(merge.attribution, joint.attribution)
    assert merge.saliency.any()
    assert joint.scattered == 0.0


def test_a_seed_that_fell_behind_does_not_change_the_map(small_cnn, monkeypatch):
    """Then joint growth has no room for all that it marked, and the Hessian decides what goes."""
    dealt = []

    def counted(*given, **options):
        dealt.append(given)
        return deal_out(*given, **options)

    monkeypatch.setattr("interlock.explain.hsets.deal_out", counted)
    for seed in range(12):
        options = {"prior": CELLS, "size": 30, "steps": 4, "baseline": 0.0}
        merge = HSets(small_cnn, **options).explain(smooth(seed), 0).saliency
        needed, joint = len(dealt), HSets(small_cnn, growth="joint", **options)
        assert torch.equal(merge, joint.explain(smooth(seed), 0).saliency)
        del dealt[needed:]
    assert 0 < needed < 12


def test_batches_equal_singles_whatever_stands_beside(small_cnn):
    images = torch.rand(3, 3, 20, 28, generator=torch.Generator().manual_seed(8)) * 2 - 1
    hs = HSets(small_cnn, size=60, steps=6)
    names = [f.name for f in dataclasses.fields(Explanation) if f.type == "Tensor"]
    assert {"regions", "drops", "interactions", "without"} <= set(names)
    for batched, x in zip(hs.explain(images), images, strict=True):
        alone = HSets(small_cnn, size=60, steps=6).explain(x)
        assert all(torch.equal(getattr(batched, n), getattr(alone, n)) for n in names)


def test_passes_in_small_batches_when_memory_runs_out(small_cnn, photo):
    class Tight(nn.Module):
        def __init__(self):
            super().__init__()
            self.network, self.largest = small_cnn, []

        def forward(self, x):
            if len(x) > 3:
                raise torch.OutOfMemoryError("out of memory")
            self.largest.append(len(x))
            return self.network(x)

    tight = Tight().eval()
    ex = HSets(tight, size=60, internal_batch_size=10, steps=6).explain(photo)
    roomy = HSets(small_cnn, size=60, steps=6).explain(photo)
    assert max(tight.largest) <= 3
    assert torch.equal(ex.regions, roomy.regions)
    assert torch.allclose(ex.drops, roomy.drops, atol=1e-5)


def test_a_model_that_breaks_on_what_is_left_is_named():
    model = Cells(lambda s: s[:, 5] / (s[:, 5] > 0.5))
    with pytest.raises(ModelError, match="not finite"):
        HSets(model, prior=CELLS, baseline=striped([5], 0.9)).explain(striped([5]), 0)


def test_the_threshold_is_the_growths_own_unless_given(small_cnn, photo):
    def used(**options):
        return HSets(small_cnn, **options).parameters(photo)["threshold"]

    assert used() == 0.3
    assert used(growth="rows") == used(growth="joint") == 0.5
    assert used(threshold=0.7) == 0.7
    assert HSets.paper(small_cnn).parameters(photo)["threshold"] == 0.5
    with pytest.raises(OptionError, match="threshold"):
        HSets(small_cnn, threshold=1.0)


def test_priors_of_free_number_are_cut_finer_for_merging():
    image = (smooth(9, 96) + 1).permute(1, 2, 0).double().numpy() / 2
    for prior in (priors.slic, priors.grid):
        coarse, fine = (len(np.unique(p(image))) for p in (prior, priors.refined(prior)))
        assert 1.6 * coarse <= fine <= 110
    assert priors.refined(priors.felzenszwalb) is priors.felzenszwalb


def test_noise_of_one_per_cent_moves_few_cuts() -> None:
    """As it would where superpixels follow single pixels."""
    from scipy.ndimage import gaussian_filter
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(0)
    waves = gaussian_filter(rng.random((112, 112, 3)), (4, 4, 0))
    image = (waves - waves.min()) / np.ptp(waves)
    noisy = np.clip(image + 0.01 * rng.standard_normal(image.shape), 0, 1)
    fine = priors.refined(priors.slic)
    agreed = adjusted_rand_score(fine(image).ravel(), fine(noisy).ravel())
    rough = partial(priors.slic, regions=100)
    assert agreed > 0.85 > adjusted_rand_score(rough(image).ravel(), rough(noisy).ravel())


@pytest.mark.parametrize("growth", ["joint", "rows"])
def test_other_growths_measure_their_sets_too(growth, small_cnn, photo):
    ex = HSets(small_cnn, growth=growth, size=60, max_rows=3).explain(photo)
    assert torch.equal(ex.regions, ex.masks.any(dim=1))
    assert ex.drops.isfinite().all()
    assert ex.interactions.isfinite().all()
    assert ex.scattered == 0.0


def test_files_of_the_older_format_load_with_what_they_did_not_measure_unknown(
    small_cnn, photo, tmp_path
):
    ex = HSets(small_cnn, size=60, growth="joint").explain(photo)
    with np.load(ex.save(tmp_path / "new.npz")) as archive:
        arrays = dict(archive)
    header = json.loads(str(arrays.pop("header")))
    assert header.pop("format") == 2
    del header["independent"]
    for name in ("regions", "drops", "interactions", "without"):
        del arrays[name]
    np.savez(tmp_path / "old.npz", header=json.dumps({"format": 1, **header}), **arrays)
    old = Explanation.load(tmp_path / "old.npz")
    assert torch.equal(old.masks, ex.masks)
    assert torch.equal(old.regions, ex.masks.any(dim=1))
    assert old.drops.shape == (len(ex),)
    assert old.drops.isnan().all()
    assert old.interactions.isnan().sum() == len(ex) * (len(ex) - 1)
    record = json.loads(json.dumps(old.to_dict(), allow_nan=False))
    assert record["sets"][0]["drop"] is None
    assert old.save(tmp_path / "again.npz")


def test_a_lone_logit_is_read_by_a_sigmoid(photo):
    class One(SmallCNN):
        def forward(self, x):
            return super().forward(x)[:, :1]

    ex = HSets(One(), size=60).explain(photo)
    assert ex.probability == pytest.approx(float(torch.sigmoid(ex.logits[0])))
    gone = torch.sigmoid(ex.logits[0] - ex.drops)
    assert torch.allclose(ex.without, gone, atol=1e-4)
