"""Names of items: they follow what decides a value, and nothing else."""

from __future__ import annotations

import ast
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from interlock.errors import OptionError
from interlock.lab import code
from interlock.lab.code import modules_digest
from interlock.lab.identity import classifier_identity
from interlock.lab.items import Wanted, canonical, name_of
from interlock.lab.tasks.explain.explainers import explainer_code
from interlock.models import load_classifier
from tests.networks import SmallCNN
from tests.tiny import LABELS, preprocess


def test_names_change_with_every_part_and_not_with_order() -> None:
    names = {name_of(a=a, b=b) for a in (0, 1, "1", None, [1]) for b in (0.5, "x", {"y": 1})}
    assert len(names) == 15
    assert name_of(a=1, b={"x": 1, "y": 2}) == name_of(b={"y": 2, "x": 1}, a=1)
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))
    rows = {Wanted.of("i", "gini"), Wanted.of("i", "road"), Wanted.of("j", "gini"),
            Wanted.of("i", "gini", seed=1)}  # fmt: skip
    assert len({w.row for w in rows}) == 4


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package that the digest takes for this one."""
    folder = tmp_path / "interlock" / "thing"
    folder.mkdir(parents=True)
    monkeypatch.setattr(code, "_file", lambda name: _found(tmp_path, name))
    (folder / "__init__.py").write_text("")
    (folder / "a.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "from interlock.thing.b import f\n"
        "if TYPE_CHECKING:\n    from interlock.thing.d import D\n"
        "def g(x):\n    from interlock.thing import c\n    return f(x) + c.h(x)\n"
    )
    (folder / "b.py").write_text("def f(x):\n    return x + 1\n")
    (folder / "c.py").write_text("import numpy\ndef h(x):\n    return 2 * x\n")
    (folder / "d.py").write_text("class D: pass\n")
    return folder


def _found(root: Path, name: str) -> Path | None:
    path = root / f"{name.replace('.', '/')}.py"
    return path if path.is_file() else None


def digest() -> str:
    modules_digest.cache_clear()
    found = modules_digest("interlock.thing.a")
    modules_digest.cache_clear()
    return found


@pytest.mark.parametrize(
    ("file", "old", "new", "counts"),
    [
        ("a.py", "f(x) +", "f(x)  +", False),
        ("b.py", "return x + 1", "# more\n    return x + 1", False),
        ("b.py", "x + 1", "x + 2", True),
        ("c.py", "2 * x", "3 * x", True),  # imported inside a function
        ("d.py", "pass", "x = 1", False),  # read by a type checker alone
        ("c.py", "import numpy", "import captum", True),  # a library that is a method itself
        ("c.py", "import numpy", "import numpy\nimport os", False),
        ("a.py", "import f\n", "import f as k\n", False),
        ("a.py", "if TYPE_CHECKING:\n    from interlock.thing.d import D\n", "", False),
    ],
)
def test_code_counts_as_deep_as_it_is_imported(
    package: Path, file: str, old: str, new: str, counts: bool
) -> None:
    before = digest()
    path = package / file
    assert old in path.read_text()
    text = path.read_text().replace(old, new)
    path.write_text(text.replace("f(x)", "k(x)") if " as k" in new else text)
    assert (digest() != before) == counts


def test_code_that_moves_keeps_its_digest(package: Path) -> None:
    before = digest()
    (package / "deeper").mkdir()
    for old, new in (("b", "zz"), ("c", "deeper/c")):
        (package / f"{old}.py").rename(package / f"{new}.py")
    text = (package / "a.py").read_text()
    text = text.replace("thing.b import", "thing.zz import").replace(
        "from interlock.thing import c", "from interlock.thing.deeper import c"
    )
    (package / "a.py").write_text(text)
    assert digest() == before


def test_imports_that_change_places_are_seen_where_they_are_used(package: Path) -> None:
    lines = "from interlock.thing.b import {} as f, {} as g\ndef h(x):\n    return f(g(x))\n"
    (package / "b.py").write_text("def p(x): return x\ndef q(x): return -x\n")
    names = []
    for first, second in (("p", "q"), ("q", "p")):
        (package / "a.py").write_text(lines.format(first, second))
        names.append(digest())
    assert names[0] != names[1]


def test_a_library_that_names_its_folder_by_a_path_is_not_the_user_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = ModuleSpec("transformers", None, is_package=True)  # as it replaces its own
    spec.submodule_search_locations = [Path(sys.prefix) / "site-packages"]  # type: ignore[list-item]
    monkeypatch.setattr(code, "find_spec", lambda top: spec)
    monkeypatch.setattr("os.path.exists", lambda place: True)
    code._looked_up.cache_clear()
    assert not code._is_own("transformers.models")
    code._looked_up.cache_clear()


def test_a_module_that_is_not_there_is_an_error(package: Path) -> None:
    modules_digest.cache_clear()
    with pytest.raises(OptionError, match=r"interlock\.thing\.nowhere"):
        modules_digest("interlock.thing.nowhere")
    (package / "b.py").unlink()
    with pytest.raises(OptionError, match=r"interlock\.thing\.b"):
        digest()


def test_a_package_that_passes_names_on_counts_by_what_is_taken(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "shop").mkdir()
    (package / "shop" / "__init__.py").write_text(
        "from interlock.thing.b import f\n_LAZY = {'D': 'interlock.thing.d'}\n"
    )
    (package / "a.py").write_text("from interlock.thing.shop import f\n")

    def found(name: str) -> Path | None:
        path = package.parent.parent / name.replace(".", "/")
        return next(
            (p for p in (path / "__init__.py", path.with_suffix(".py")) if p.exists()), None
        )

    monkeypatch.setattr(code, "_file", found)
    before = digest()
    (package / "d.py").write_text("class D: x = 2\n")
    assert digest() == before
    (package / "b.py").write_text("def f(x):\n    return x + 3\n")
    after = digest()
    assert after != before
    (package / "a.py").write_text("from interlock.thing.shop import f, D\n")
    lazily = digest()
    (package / "d.py").write_text("class D: x = 3\n")
    assert len({before, after, lazily, digest()}) == 4


EVERY_VERSION = '''
"""Text."""
import numpy as np

type_ = "é\U0001fae8" "b"


class A[T]:
    """More."""

    x: int = 0


@(lambda f: f)
async def g(a, /, b: int = 1, *c, d=None, **e) -> "None":
    async with a as b, c:
        yield f"{a!r:>{b}}" f"{np.pi=}" + (lambda: 0)()
    match a:
        case {"k": [1, *_], **r} if r:
            return
    try:
        pass
    except* ValueError:
        ...
    print(1.5e300, 1j, b"\\xff", True, ..., {**e, 1: 2}, [*c], x[1:2, ::3])
'''.replace("class A[T]:", "class A:")


def test_the_digest_is_that_of_any_version_of_python(tmp_path: Path) -> None:
    """The value was taken with 3.11; 3.12 and 3.13 name fields and print constants otherwise."""
    (tmp_path / "a.py").write_text(EVERY_VERSION, encoding="utf-8")
    assert code.code_digest(tmp_path / "a.py") == "38b0ef7ea6a6"
    tree = ast.parse("def f(): pass")
    plain = code._told(tree, {})
    tree.body[0].type_params = []  # type: ignore[attr-defined]  # as 3.12 has it
    tree.body[0]._fields = (*tree.body[0]._fields, "type_params")  # type: ignore[misc]
    assert code._told(tree, {}) == plain


def test_the_users_own_modules_count_with_what_they_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "mine_a.py").write_text("import mine_b\ndef f(): return mine_b.g()\n")
    (tmp_path / "mine_b.py").write_text("import json\ndef g(): return 1\n")
    import mine_a  # type: ignore[import-not-found]

    before = code.digest_of(mine_a.f)
    (tmp_path / "mine_b.py").write_text("import json\ndef g(): return 2\n")
    assert code.digest_of(mine_a.f) != before
    for name in ("mine_a", "mine_b"):
        sys.modules.pop(name)
    made: dict[str, Any] = {"__name__": "made_in_a_notebook"}
    exec("def f(): pass", made)
    with pytest.raises(OptionError, match="made_in_a_notebook"):
        code.digest_of(made["f"])


def test_methods_have_codes_of_their_own() -> None:
    codes = {name: explainer_code(name) for name in ("h-sets", "h-sets-paper", "occlusion", "xrai")}
    assert len(set(codes.values())) == 4


class Bigger(SmallCNN):
    """The same weights, other answers."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class Padded(nn.Module):
    """No weights: its options are told by nothing but its text."""

    def __init__(self, padding: int) -> None:
        super().__init__()
        self.padding = nn.ZeroPad2d(padding)


def identity(model: nn.Module, prepare=preprocess, labels=LABELS) -> str:  # type: ignore[no-untyped-def]
    return classifier_identity(load_classifier(model, preprocess=prepare, labels=labels))


def brighter(image: Image.Image) -> Tensor:
    return preprocess(image) + 0.1


def test_a_classifier_is_named_by_what_decides_its_answers() -> None:
    same = identity(SmallCNN())
    assert identity(SmallCNN()) == same
    moved = SmallCNN()
    with torch.no_grad():
        moved.head.bias += 1e-6
    others = [
        identity(SmallCNN(seed=1)),
        identity(moved),
        identity(Bigger()),
        identity(SmallCNN(), brighter),
        identity(SmallCNN(), labels=["a", "b", "c", "d"]),
        identity(Padded(1)),
        identity(Padded(2)),
    ]
    assert len({same, *others}) == 8


def test_a_module_of_the_users_counts_by_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from tests.networks import SmallCNN\nclass Mine(SmallCNN):\n    factor = 1\n"
    names = []
    for number, body in enumerate((text, text + "# comment\n", text.replace("= 1", "= 2"))):
        (tmp_path / f"v{number}").mkdir()
        (tmp_path / f"v{number}" / "mine_of_lab.py").write_text(body)
        monkeypatch.syspath_prepend(str(tmp_path / f"v{number}"))
        sys.modules.pop("mine_of_lab", None)
        import mine_of_lab

        names.append(identity(mine_of_lab.Mine()))
    sys.modules.pop("mine_of_lab", None)
    assert names[0] == names[1] != names[2]
