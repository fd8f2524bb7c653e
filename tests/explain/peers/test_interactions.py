"""Methods that look for features that act together, on games whose interactions are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from interlock.explain.peers import make_peer
from interlock.explain.peers.archipelago import Archipelago, merged
from interlock.explain.peers.caso import Cafo, Caso
from interlock.explain.peers.integrated_hessians import IntegratedHessians, quadrature
from interlock.explain.peers.moxi import MoXI
from interlock.explain.peers.shapley_interactions import ShapleyInteractions
from tests.explain.peers.models import ONES, QUADRANTS, Parts, image, linear, weights
from tests.networks import Quadratic, SmallCNN


def pair_and_rest(m):
    """2 ab + 3 c - d: one interacting pair, one region for the class, one against it."""
    return 2 * m[:, 0] * m[:, 1] + 3 * m[:, 2] - m[:, 3]


PAIR = Parts(pair_and_rest)
Q = torch.from_numpy(QUADRANTS)


# Archipelago


def test_archdetect_finds_the_pair_and_nothing_else():
    found = Archipelago(PAIR, regions=QUADRANTS).explain(ONES, 0)
    expected = torch.zeros(4, 4, dtype=torch.float64)
    expected[0, 1] = expected[1, 0] = 4.0  # (2^2 + 2^2) / 2
    torch.testing.assert_close(found.strengths, expected)
    assert found.sets == ((0, 1), (2,), (3,))
    torch.testing.assert_close(found.attributions, torch.tensor([2.0, 3.0, -1.0]).double())
    torch.testing.assert_close(
        make_peer("archipelago", PAIR, regions=QUADRANTS).saliency(ONES, 0),
        torch.tensor([2.0, 2.0, 3.0, -1.0])[Q],
    )


def test_archdetect_looks_in_both_contexts():
    """abc is 0 in every context without c: only the image's context shows the pair (a, b)."""
    model = Parts(lambda m: m[:, 0] * m[:, 1] * m[:, 2])
    strengths = Archipelago(model, regions=QUADRANTS).explain(ONES, 0).strengths
    assert strengths[0, 1] == pytest.approx(0.5)
    assert not strengths[3].any()


def test_archipelago_merges_pairs_that_overlap_up_to_the_number_asked_for():
    chain = Parts(lambda m: 3 * m[:, 0] * m[:, 1] + 2 * m[:, 1] * m[:, 2])
    assert Archipelago(chain, regions=QUADRANTS, pairs=1).explain(ONES, 0).sets[0] == (0, 1)
    found = Archipelago(chain, regions=QUADRANTS, pairs=2).explain(ONES, 0)
    assert found.sets == ((0, 1, 2), (3,))
    assert found.attributions[0] == pytest.approx(5.0)


def test_archipelago_of_a_linear_model_has_no_sets():
    x = image(3, 8, 8)
    model = linear(x.numel())
    found = Archipelago(model, regions=QUADRANTS, pairs=9).explain(x, 1)
    assert found.sets == ((0,), (1,), (2,), (3,))
    shares = (weights(model, 1, x) * x).sum(0)
    expected = torch.stack([shares[q == Q].sum() for q in range(4)])
    torch.testing.assert_close(found.attributions.float(), expected, rtol=1e-3, atol=1e-5)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=8))
def test_merged_sets_are_the_connected_components(pairs):
    sets = merged(pairs, 7)
    assert sorted(itertools.chain(*sets)) == list(range(7))
    import networkx

    graph = networkx.Graph(pairs)
    graph.add_nodes_from(range(7))
    assert {frozenset(s) for s in sets} == set(map(frozenset, networkx.connected_components(graph)))


# MoXI


def test_moxi_takes_the_pair_before_a_stronger_single():
    """3 ab + 0.5 a + 0.1 b + 0.4 c: by single values a, c, b; with the interaction a, b, c."""
    model = Parts(lambda m: 3 * m[:, 0] * m[:, 1] + m @ torch.tensor([0.5, 0.1, 0.4, 0.0]))
    peer = MoXI(model, regions=QUADRANTS)
    assert peer.order(ONES, 0) == [0, 1, 2, 3]
    expected = torch.tensor([1.0, 0.75, 0.5, 0.25])
    assert torch.equal(peer.saliency(ONES, 0), expected[Q])
    assert torch.equal(
        MoXI(model, regions=QUADRANTS, most=2).saliency(ONES, 0),
        torch.tensor([1.0, 0.75, 0.0, 0.0])[Q],
    )


@given(st.integers(0, 2**16))
def test_moxi_is_greedy_by_value_and_interaction(seed):
    """Against Shapley value plus interaction with the group, as the paper defines them."""
    table = torch.randn(2, 2, 2, 2, generator=torch.Generator().manual_seed(seed))
    model = Parts(lambda m: table[tuple(m.round().long().T)])
    order = MoXI(model, regions=QUADRANTS, reward="logit").order(ONES, 0)

    def v(*members):
        return float(table[tuple(int(k in members) for k in range(4))])

    chosen = [max(range(4), key=lambda i: v(i) - v())]
    while len(chosen) < 4:
        group = tuple(chosen)

        def gain(i, group=group):
            value = v(i) - v()
            interaction = (v(*group, i) - v()) - (v(*group) - v()) - value
            return value + interaction

        chosen.append(max(set(range(4)) - set(group), key=gain))
    assert order == chosen


def test_moxi_breaks_ties_by_the_seed():
    """A pure AND gives no first patch: every single one is worth nothing."""
    model = Parts(lambda m: m.prod(dim=1))
    firsts = {MoXI(model, regions=QUADRANTS, seed=s).order(ONES, 0)[0] for s in range(12)}
    assert len(firsts) > 1


@pytest.mark.parametrize("reward", ["log-odds", "log-probability", "logit"])
def test_moxi_rewards(reward):
    logits = torch.tensor([[2.0, 1.0, -3.0], [0.5, 60.0, 4.0]], dtype=torch.float64)
    p = logits.softmax(dim=1)[:, 1]
    expected = {"log-odds": (p / (1 - p)).log(), "log-probability": p.log(), "logit": logits[:, 1]}
    found = MoXI(PAIR, reward=reward)._reward(logits, 1)
    assert float(found[0]) == pytest.approx(float(expected[reward][0]))
    assert found.isfinite().all(), "p = 1 - 1e-24 has log-odds all the same"


# Integrated Hessians


def test_integrated_hessians_of_a_product():
    """f = 5 ab: a quarter of it in each of the four entries, and nothing elsewhere."""
    model = Parts(lambda m: 5 * m[:, 0] * m[:, 1])
    for steps in (1, 4):
        found = IntegratedHessians(model, regions=QUADRANTS, steps=steps).explain(ONES, 0)
        expected = torch.zeros(4, 4, dtype=torch.float64)
        expected[:2, :2] = 1.25
        torch.testing.assert_close(found.gamma, expected, rtol=0, atol=1e-5)


def test_integrated_hessians_of_a_quadratic_model():
    x = image(1, 4, 4)
    raw = torch.randn(16, 16, generator=torch.Generator().manual_seed(2))
    matrix, slope = raw + raw.T, torch.arange(16.0)
    model = Quadratic(matrix, slope)
    cells = np.kron(np.array([[0, 1], [2, 2]]), np.ones((2, 2), dtype=np.int64))
    found = IntegratedHessians(model, regions=cells, baseline=0.2).explain(x, 0)
    d, start = (x - 0.2).flatten().double(), torch.full((16,), 0.2).double()
    pixelwise = torch.outer(d, d) * matrix / 4
    pixelwise += torch.diag(d * (slope + matrix.double() @ start) + d * (matrix.double() @ d) / 4)
    member = torch.from_numpy(cells.ravel()) == torch.arange(3)[:, None]
    expected = member.double() @ pixelwise @ member.double().T
    torch.testing.assert_close(found.gamma, expected, rtol=1e-4, atol=1e-4)
    both = model(torch.stack([x, torch.full_like(x, 0.2)]))[:, 0]
    assert float(found.gamma.sum()) == pytest.approx(float(both[0] - both[1]), abs=1e-3)


def test_integrated_hessians_match_the_double_integral():
    """A smooth model, against the paper's two integrals by plain sums over a fine grid."""
    model = Parts(lambda m: torch.tanh(2 * m[:, 0] * m[:, 1] + m[:, 2]) + m[:, 3].exp())
    found = IntegratedHessians(model, regions=QUADRANTS, steps=60).explain(ONES, 0).gamma

    def rule(m):
        return model.rule(m[None])[0]

    ends = (torch.arange(60, dtype=torch.float64) + 0.5) / 60
    ab = torch.outer(ends, ends).flatten()
    point = torch.ones(4, dtype=torch.float64)
    hessians = torch.func.vmap(torch.func.hessian(rule))(ab[:, None] * point)
    slopes = torch.func.vmap(torch.func.grad(rule))(ab[:, None] * point)
    expected = (ab[:, None, None] * hessians).mean(0) + torch.diag(slopes.mean(0))
    torch.testing.assert_close(found, expected, rtol=0, atol=3e-3)


def test_integrated_hessians_of_a_relu_network_see_interactions():
    """relu(a + b - 1) is an AND: its second derivative is all in the kink."""
    model = Parts(lambda m: 4 * torch.relu(m[:, 0] + m[:, 1] - 1) + m[:, 2])
    found = IntegratedHessians(model, regions=QUADRANTS, steps=400, tau=1e-3).explain(ONES, 0)
    off = found.gamma - torch.diag(found.gamma.diagonal())
    assert off[0, 1] == pytest.approx(np.log(2), abs=0.03)  # 4 -t ln t / 2 at t = 1/2
    assert off[:, 2:].abs().max() < 1e-4
    assert float(found.gamma.sum()) == pytest.approx(5.0, abs=0.1)
    shown = make_peer("integrated-hessians", model, regions=QUADRANTS, steps=40).saliency(ONES, 0)
    assert shown[0, 0] > 0.1
    assert shown[7, 7].abs() < 1e-4


def test_the_whole_rows_are_integrated_gradients():
    pytest.importorskip("captum")
    model = Parts(lambda m: torch.tanh(m[:, 0] * m[:, 1]) + m[:, 2] ** 3)
    rows = make_peer("integrated-hessians", model, regions=QUADRANTS, part="all", steps=50)
    ig = make_peer("ig", model).saliency(ONES, 0)
    cells = torch.stack([ig[q == Q].sum() for q in range(4)])
    torch.testing.assert_close(rows.saliency(ONES, 0), cells[Q], rtol=0, atol=2e-3)


def test_the_quadrature_integrates_linear_functions_exactly():
    for steps in (1, 3, 50):
        nodes, weights_ = quadrature(steps)
        assert float(weights_.sum()) == pytest.approx(1.0)
        assert float((nodes * weights_).sum()) == pytest.approx(0.25)
    nodes, weights_ = quadrature(400)
    assert float((nodes.square() * weights_).sum()) == pytest.approx(1 / 9, abs=1e-5)


# CAFO and CASO


def log_loss(model, target, shape):
    def loss(flat):
        return -model(flat.view(1, *shape)).log_softmax(dim=1)[0, target]

    return loss


def dense(model, x, target):
    """Gradient and Hessian of the log-loss by autograd, in float64."""
    model = model.double()
    loss, flat = log_loss(model, target, x.shape), x.double().flatten()
    gradient = torch.autograd.functional.jacobian(loss, flat)
    hessian = torch.autograd.functional.hessian(loss, flat)
    return gradient, hessian


def test_cafo_is_the_gradient_of_the_log_loss_shrunk():
    x = image(3, 6, 5)
    gradient, _ = dense(SmallCNN(), x, 1)
    model = SmallCNN()
    torch.testing.assert_close(
        Cafo(model, lambda2=2.0).delta(x, 1).flatten(), gradient / 2, rtol=1e-4, atol=1e-8
    )
    sparse = Cafo(model, sparsity=0.75).delta(x, 1).flatten()
    assert int((sparse == 0).sum()) == round(0.75 * x.numel())
    kept = sparse != 0
    assert gradient.abs()[kept].min() >= gradient.abs()[~kept].max()
    assert torch.equal(sparse.sign()[kept], gradient.sign()[kept])


@pytest.mark.parametrize("build", [SmallCNN, lambda: linear(3 * 6 * 5, classes=5)])
def test_caso_solves_the_dense_system(build):
    """A ReLU network is piecewise linear: autograd's Hessian of the loss is the exact one."""
    x = image(3, 6, 5) * 2
    gradient, hessian = dense(build(), x, 1)
    largest = float(torch.linalg.eigvalsh(hessian).max())
    ridge = 1.5 * largest
    expected = torch.linalg.solve(ridge * torch.eye(x.numel()).double() - hessian, gradient)
    found = Caso(build(), lambda2=largest / 2).delta(x, 1).flatten()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))
    first = Cafo(build(), lambda2=largest / 2).delta(x, 1).flatten()
    assert torch.nn.functional.cosine_similarity(first, expected, dim=0) < 0.9999


def test_sparse_caso_meets_the_conditions_of_its_optimum():
    """g + (H - ridge) Delta = lambda_1 sign(Delta) where Delta != 0, and smaller elsewhere."""
    x = image(3, 6, 5) * 2
    model = linear(x.numel(), classes=5)
    found = Caso(model, lambda2=0.5, sparsity=0.6).delta(x, 1).flatten()
    gradient, hessian = dense(linear(x.numel(), classes=5), x, 1)
    ridge = 0.5 + torch.linalg.eigvalsh(hessian).max()
    lambda1 = gradient.abs().sort().values[round(0.6 * x.numel()) - 1]
    slope = gradient + hessian @ found - ridge * found
    active = found != 0
    assert 0 < int(active.sum()) < x.numel()
    torch.testing.assert_close(
        slope[active], lambda1 * found.sign()[active], rtol=1e-3, atol=1e-3 * float(lambda1)
    )
    assert slope[~active].abs().max() <= lambda1 * (1 + 1e-3)


def test_caso_with_few_classes_leaves_out_the_improbable_ones():
    x = image(3, 6, 5)
    model = linear(x.numel(), classes=5)
    with torch.no_grad():
        model[1].bias.copy_(torch.tensor([3.0, 2.5, -40.0, -40.0, -40.0]))
    every = Caso(model, classes=5).delta(x, 1)
    torch.testing.assert_close(Caso(model, classes=2).delta(x, 1), every, rtol=1e-6, atol=1e-12)


def test_a_model_that_is_sure_still_has_a_direction():
    """p = 1 in float32: the loss has gradient 0 there, and a direction nevertheless."""
    x = image(3, 6, 5)
    model = linear(x.numel(), classes=2)
    with torch.no_grad():
        model[1].bias.copy_(torch.tensor([0.0, 40.0]))
    difference = weights(model, 0, x) - weights(model, 1, x)
    expected = difference.square().sum(0) / difference.square().sum()
    for name in ("cafo", "caso"):
        torch.testing.assert_close(
            make_peer(name, model).saliency(x, 1), expected, rtol=1e-4, atol=1e-8
        )


def test_noisy_copies_are_averaged():
    x = image(3, 6, 5)
    model = linear(x.numel(), classes=4)
    peer = Caso(model, samples=3, noise=0.3, seed=5)
    copies = peer._copies(x)
    gradients, hessians = zip(
        *(dense(linear(x.numel(), classes=4), c, 2) for c in copies), strict=True
    )
    gradient, hessian = sum(gradients) / 3, sum(hessians) / 3
    ridge = 4.0 + torch.linalg.eigvalsh(hessian).max()
    expected = torch.linalg.solve(ridge * torch.eye(x.numel()).double() - hessian, gradient)
    torch.testing.assert_close(peer.delta(x, 2).flatten(), expected, rtol=1e-3, atol=1e-7)


# Shapley interactions


@pytest.mark.parametrize("index", ["k-SII", "STII"])
def test_shapley_interactions_of_a_product(index):
    pytest.importorskip("shapiq")
    found = ShapleyInteractions(PAIR, regions=QUADRANTS, index=index).explain(ONES, 0)
    pairs = torch.zeros(4, 4)
    pairs[0, 1] = pairs[1, 0] = 2.0
    torch.testing.assert_close(found.interactions, pairs, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.main, torch.tensor([0.0, 0.0, 3.0, -1.0]), rtol=0, atol=1e-5)
    shown = make_peer("shapley-interactions", PAIR, regions=QUADRANTS, index=index)
    torch.testing.assert_close(
        shown.saliency(ONES, 0), torch.tensor([1.0, 1.0, 0.0, 0.0])[Q], rtol=0, atol=1e-5
    )


def test_interactions_and_main_effects_share_out_the_shapley_value():
    pytest.importorskip("shapiq")
    table = torch.randn(2, 2, 2, 2, generator=torch.Generator().manual_seed(4))
    model = Parts(lambda m: table[tuple(m.round().long().T)])

    def v(members):
        return float(table[tuple(int(k in members) for k in range(4))])

    shapley = torch.zeros(4)
    for order in itertools.permutations(range(4)):
        for place, k in enumerate(order):
            shapley[k] += (v(order[: place + 1]) - v(order[:place])) / 24
    peer = make_peer("shapley-interactions", model, regions=QUADRANTS, part="all")
    torch.testing.assert_close(peer.saliency(ONES, 0), shapley[Q], rtol=0, atol=1e-5)


def test_sampled_shapley_interactions_find_the_pair():
    pytest.importorskip("shapiq")
    sixteenths = np.arange(16).reshape(4, 4).repeat(2, 0).repeat(2, 1)

    class Sixteen(nn.Module):
        def forward(self, x):
            m = x.mean(dim=1).unflatten(1, (4, 2)).unflatten(3, (4, 2)).mean(dim=(2, 4)).flatten(1)
            value = 4 * m[:, 3] * m[:, 9] + m[:, 5]
            return torch.stack([value, torch.zeros_like(value)], dim=1)

    peer = ShapleyInteractions(Sixteen(), regions=sixteenths, budget=600)
    pairs = peer.explain(ONES, 0).interactions
    best = pairs.triu(1).flatten().argmax()
    assert divmod(int(best), 16) == (3, 9)
    assert pairs[3, 9] == pytest.approx(4.0, abs=0.5)


def test_shapley_interactions_of_one_region():
    pytest.importorskip("shapiq")
    found = ShapleyInteractions(PAIR, regions=np.zeros((8, 8), int)).explain(ONES, 0)
    assert found.main.tolist() == pytest.approx([4.0])
    assert found.interactions.tolist() == [[0.0]]
