"""What holds for every peer."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from interlock.errors import ImageError, ModelError, OptionError
from interlock.explain.peers import PEERS, explainer, make_peer
from interlock.explain.priors import grid
from tests.explain.peers.models import image
from tests.networks import SmallCNN

GRID = partial(grid, cells=3)
# So that a method is asked once or twice more than it must, and not a thousand times.
CHEAP = {
    "h-sets": {"steps": 4},
    "h-sets-paper": {"steps": 4, "max_rows": 2},
    "kernel-shap": {"samples": 12, "regions": GRID},
    "archipelago": {"regions": GRID},
    "moxi": {"regions": GRID},
    "integrated-hessians": {"regions": GRID, "steps": 2},
    "shapley-interactions": {"regions": GRID, "budget": 30},
    "xrai": {"steps": 3},
}
for _name in ("ig", "ig-absolute", "ig-positive", "ig-blur-positive"):
    CHEAP[_name] = {"steps": 4}

X = image(3, 14, 11)


def made(name, model, **options):
    if PEERS[name].missing:
        pytest.skip(PEERS[name].missing)
    return make_peer(name, model, **(CHEAP.get(name, {}) | options))


every_peer = pytest.mark.parametrize("name", PEERS)


@every_peer
@pytest.mark.parametrize("shape", [(3, 14, 11), (1, 9, 9), (3, 1, 5)])
def test_a_finite_map_of_the_images_size(name, shape):
    found = made(name, SmallCNN(channels=shape[0])).saliency(image(*shape), 1)
    assert found.shape == shape[1:]
    assert found.dtype == torch.float32
    assert found.device.type == "cpu"
    assert found.isfinite().all()
    assert not found.requires_grad


@every_peer
def test_the_same_seed_gives_the_same_bytes(name, small_cnn):
    torch.manual_seed(1)
    first = made(name, small_cnn, seed=3).saliency(X, 1)
    torch.manual_seed(2)
    peer = made(name, small_cnn, seed=3)
    assert torch.equal(first, peer.saliency(X, 1))
    assert torch.equal(first, peer.saliency(X, 1)), "a second call gives another map"


@pytest.mark.parametrize("name", ["smoothgrad", "random", "kernel-shap", "shapley-interactions"])
def test_methods_that_draw_draw_by_the_seed(name, small_cnn):
    maps = [made(name, small_cnn, seed=s).saliency(X, 1) for s in (0, 1)]
    assert not torch.equal(*maps)


def state_of(model):
    """All that a peer could leave behind in a model."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return {
        "tensors": {k: v.clone() for k, v in model.state_dict(keep_vars=False).items()},
        "gradients": {k: (p.requires_grad, p.grad) for k, p in model.named_parameters()},
        "training": {k: m.training for k, m in model.named_modules()},
        "modules": {k: type(m) for k, m in model.named_modules()},
        "hooks": {k: [len(getattr(m, h)) for h in hooks] for k, m in model.named_modules()},
        "attributes": {k: set(vars(m)) for k, m in model.named_modules()},
    }


def assert_same(before, after):
    assert before.keys() == after.keys()
    for key in before.keys() - {"tensors"}:
        assert before[key] == after[key], key
    for key, value in before["tensors"].items():
        assert torch.equal(value, after["tensors"][key]), key


class Failing(SmallCNN):
    """Raises in the middle of the forward pass whose turn it is."""

    def __init__(self, turn):
        super().__init__()
        self.turn = turn
        self.calls = 0
        self.pool = nn.Identity()
        self.pool.register_forward_pre_hook(self.fail)

    def fail(self, module, inputs):
        self.calls += 1
        if self.calls == self.turn:
            raise ArithmeticError("on purpose")

    def forward(self, x):
        y = torch.relu(self.norm(self.conv1(x)))
        return self.head(self.pool(torch.relu(self.conv2(y) + y)).mean(dim=(2, 3)))


@every_peer
@pytest.mark.parametrize("turn", [None, 1, 2, 3])
def test_what_belongs_to_the_caller_stays_as_it_is(name, turn):
    """Also when the model fails in its first, second or third pass."""
    model = Failing(turn)
    model.conv1.weight.requires_grad_(False)
    peer = made(name, model)
    before, x = state_of(model), X.clone()
    rng, numpy_rng = torch.get_rng_state(), copy.deepcopy(np.random.get_state())
    failed = False
    try:
        peer.saliency(x, 1)
    except ArithmeticError:
        failed = True
    assert failed == (turn is not None and model.calls >= turn)
    assert turn != 1 or failed
    assert_same(before, state_of(model))
    assert torch.equal(x, X)
    assert not x.requires_grad
    assert torch.equal(torch.get_rng_state(), rng)
    assert np.array_equal(np.random.get_state()[1], numpy_rng[1])
    assert torch.is_grad_enabled()


@every_peer
def test_gradients_turned_off_by_the_caller_do_not_matter(name, small_cnn):
    expected = made(name, small_cnn).saliency(X, 1)
    with torch.no_grad():
        assert torch.equal(made(name, small_cnn).saliency(X, 1), expected)


@every_peer
def test_transformers_outputs_are_unwrapped(name, small_cnn):
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = small_cnn

        def forward(self, x):
            return type("Output", (), {"logits": self.net(x)})()

    assert torch.equal(made(name, Wrapped()).saliency(X, 1), made(name, small_cnn).saliency(X, 1))


@every_peer
def test_attention_and_half_precision_are_no_obstacle(name):
    """The nearest to real use: a ``transformers`` ViT in float16, whose logits are unwrapped."""
    pytest.importorskip("transformers")
    from tests.explain.test_architectures import vit

    options = {"layer": "vit.embeddings.patch_embeddings.projection"} if name == "grad-cam" else {}
    found = made(name, vit().eval().half(), **options).saliency(image(3, 64, 64), 1)
    assert found.isfinite().all()
    assert found.shape == (64, 64)


@every_peer
def test_bad_input_is_refused_in_one_line(name, small_cnn):
    peer = made(name, small_cnn)
    with pytest.raises(OptionError, match=r"target=9"):
        peer.saliency(X, 9)
    with pytest.raises(ImageError, match="finite"):
        peer.saliency(torch.full_like(X, float("nan")), 1)
    with pytest.raises(ImageError, match="shape"):
        made(name, small_cnn).saliency(X[0], 1)
    with pytest.raises(ModelError, match="training mode"):
        made(name, SmallCNN().train()).saliency(X, 1)


@every_peer
def test_an_unknown_option_is_named_with_the_known_ones(name, small_cnn):
    if PEERS[name].missing:
        pytest.skip(PEERS[name].missing)
    with pytest.raises(OptionError, match=r"no option 'colour'; it has .*seed"):
        make_peer(name, small_cnn, colour="red")
    with pytest.raises(OptionError, match="colour"):
        explainer(name, colour="red")


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("ig", {"steps": 0}),
        ("ig", {"steps": "many"}),
        ("ig", {"steps": 2.5}),
        ("ig", {"baseline": "grey"}),
        ("ig", {"baseline": float("nan")}),
        ("ig", {"evidence": "against"}),
        ("smoothgrad", {"noise": -0.1}),
        ("smoothgrad", {"samples": True}),
        ("occlusion", {"window": 0}),
        ("kernel-shap", {"regions": "voronoi"}),
        ("kernel-shap", {"regions": 0}),
        ("archipelago", {"pairs": -1}),
        ("moxi", {"reward": "accuracy"}),
        ("cafo", {"sparsity": 1.0}),
        ("caso", {"lambda2": 0}),
        ("caso", {"classes": 0}),
        ("integrated-hessians", {"tau": 0.0}),
        ("shapley-interactions", {"index": "SV"}),
        ("xrai", {"low": "black"}),
        ("random", {"seed": -1}),
        ("h-sets", {"sets": 0}),
        ("h-sets", {"sets": "five"}),
        ("h-sets", {"growth": "sideways"}),
    ],
)
def test_options_out_of_range_are_refused_when_the_peer_is_made(name, option, small_cnn):
    if PEERS[name].missing:
        pytest.skip(PEERS[name].missing)
    with pytest.raises(OptionError, match=name):
        make_peer(name, small_cnn, **option)


def test_an_unknown_peer_is_named_with_the_known_ones(small_cnn):
    with pytest.raises(OptionError, match=r"'lime' is unknown; use one of h-sets, .*random"):
        make_peer("lime", small_cnn)


def test_every_entry_says_what_it_is():
    assert all(name == entry.name for name, entry in PEERS.items())
    assert all(entry.source for entry in PEERS.values())
    assert {entry.kind for entry in PEERS.values()} == {"interaction", "attribution", "control"}
    assert all("seed" in entry.options for entry in PEERS.values())
    assert PEERS["ig-absolute"].options["evidence"] == "absolute"
    assert PEERS["h-sets-paper"].options["growth"] == "rows"


def test_a_missing_library_is_one_clear_line(monkeypatch, small_cnn):
    monkeypatch.setattr("interlock.explain.peers._registry.find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"'ig' needs captum; .*pip install 'interlock\[lab\]'"):
        make_peer("ig", small_cnn)
    assert make_peer("gradient-input", small_cnn).saliency(X, 1).isfinite().all()


def test_importing_the_registry_loads_no_optional_library():
    import subprocess
    import sys

    code = (
        "import sys, interlock.explain.peers; "
        "print([m for m in ('captum', 'shapiq', 'sklearn', 'skimage') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_an_explainer_explains_the_model_it_is_given(small_cnn):
    other = SmallCNN(seed=4)
    explain = explainer("gradient-input")
    assert torch.equal(explain(other, X, 2), make_peer("gradient-input", other).saliency(X, 2))
    assert not torch.equal(explain(other, X, 2), explain(small_cnn, X, 2))


def test_h_sets_are_the_saliency_of_the_class(small_cnn):
    from interlock import HSets

    assert torch.equal(
        make_peer("h-sets", small_cnn, sets=2, size=9).saliency(X, 1),
        HSets(small_cnn, sets=2, size=9).explain(X, 1).saliency,
    )
    assert torch.equal(
        make_peer("h-sets-paper", small_cnn, size=9, max_rows=3).saliency(X, 1),
        HSets.paper(small_cnn, size=9, max_rows=3).explain(X, 1).saliency,
    )


def test_the_random_map_differs_between_images(small_cnn):
    peer = make_peer("random", small_cnn)
    assert not torch.equal(peer.saliency(X, 1), peer.saliency(X.flip(1), 1))


def test_the_documentation_names_every_peer_and_metric_and_option():
    from interlock.explain import METRICS

    page = (Path(__file__).parents[3] / "docs" / "peers.md").read_text(encoding="utf-8")
    headings = {n for line in page.splitlines() if line.startswith("### ")
                for n in line[4:].split(" · ")[0].split(", ")}  # fmt: skip
    assert headings == set(PEERS)
    assert all(f"\n| {name} |" in page for name in METRICS)
    for name, entry in PEERS.items():
        if not name.startswith("h-sets"):
            assert all(f"`{option}`" in page for option in entry.options), name
