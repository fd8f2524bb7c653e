"""The Python of README and documents runs, page by page, and its commands are the command's own."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest
import torch
import typer
from PIL import Image
from torch import Tensor

from interlock import HSets
from interlock.cli import app
from interlock.defend import CertifiedShield, harden
from interlock.explain import stability
from interlock.lab.study import read_study
from interlock.models import Classifier
from interlock.serve.config import read_config
from interlock.serve.keys import KeyHash
from tests.networks import SmallCNN

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ELSEWHERE = "docs/clients"
"""Run by ``tests/serve/test_client_pages.py``, each before a guard."""
BLOCK = re.compile(r"(?:<!-- not run: ([^\n]+) -->\n)?^ *```python\n(.*?)^ *```$", re.M | re.S)
SHELL = re.compile(r"^ *```(?:sh|bash)\n(.*?)^ *```$", re.M | re.S)
INLINE = re.compile(r"`(interlock [^`]+)`")
TOML = re.compile(r"^```toml\n(.*?)^```$", re.M | re.S)
FENCE = re.compile(r"^ *```(.+)$", re.M)
A_GUARD, CLIENTS = "needs a guard that is running", "needs the extra `clients`"
NOT_HERE = {A_GUARD, CLIENTS}
"""Why a block is not run here; ``tests/serve/test_page_snippets.py`` runs both kinds."""
PROGRAMS = {"interlock", "make", "pip", "curl", "grep", "export"}
"""That blocks of shell begin their lines with."""
SIDE = 16
COMMAND = typer.main.get_command(app)
UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""Typer comes with Click or with a copy of it."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """(why it is not run, or nothing; code) of each Python block of a page."""
    if str(page).startswith(str(ROOT / ELSEWHERE)):
        return []
    return BLOCK.findall(page.read_text("utf-8"))


def with_python() -> list[Path]:
    return [page for page in PAGES if any(not why for why, _ in blocks(page))]


def crops(folder: Path, count: int, seed: int) -> None:
    """Crops of a photo that scikit-image has."""
    from skimage import data

    photo = Image.fromarray(data.astronaut())
    generator = torch.Generator().manual_seed(seed)
    folder.mkdir()
    for i in range(count):
        left, top = (int(v) for v in torch.randint(0, 256, (2,), generator=generator))
        crop = photo.crop((left, top, left + 256, top + 256)).resize((64, 64))
        crop.save(folder / f"{i}.png")


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the pages name."""
    crops(tmp_path / "photos", 20, seed=0)
    crops(tmp_path / "clean-photos", 40, seed=1)
    Image.open(tmp_path / "photos" / "0.png").save(tmp_path / "photo.jpg")
    pictures = [{"bytes": path.read_bytes()} for path in sorted(tmp_path.glob("photos/*.png"))]
    pandas.DataFrame({"img": pictures, "label": "a"}).to_parquet(
        tmp_path / "photos" / "one.parquet"
    )
    (tmp_path / "out" / "rows").mkdir(parents=True)
    rows = pandas.DataFrame({"method": ["ig"], "metric": ["road"], "value": [1.0]})
    rows.to_parquet(tmp_path / "out" / "rows" / "0.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small network in place of the embedded one, and few steps of all that takes many."""

    def preprocess(image: Image.Image) -> Tensor:
        pixels = image.convert("RGB").resize((SIDE, SIDE)).tobytes()
        planes = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(SIDE, SIDE, 3)
        return planes.permute(2, 0, 1).float() / 255

    classifier = Classifier(
        SmallCNN(seed=2), preprocess, list("abcd"), "small", mean=(0.0,) * 3, std=(1.0,) * 3
    )
    monkeypatch.setattr("interlock.models.load_classifier", lambda name, **_: classifier)
    for function, fewer in (
        (HSets.__init__, {"prior": "grid", "steps": 2, "samples": 2}),
        (HSets.paper, {"max_rows": 2}),
        (stability, {"samples": 2}),
        (CertifiedShield.__init__, {"masks": 3}),
        (harden, {"steps": 2}),
    ):  # fmt: skip
        lessen(monkeypatch, function, fewer)


def lessen(
    monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], fewer: dict[str, Any]
) -> None:
    for name, value in fewer.items():
        if name in (function.__kwdefaults__ or {}):
            monkeypatch.setitem(function.__kwdefaults__, name, value)


@pytest.mark.parametrize("page", with_python(), ids=lambda page: page.stem)
@pytest.mark.usefixtures("given", "quick")
def test_the_snippets_of_a_page_run_in_order(page: Path) -> None:
    run(page)


@pytest.mark.slow
@pytest.mark.parametrize("page", [ROOT / "README.md"], ids=lambda page: page.stem)
@pytest.mark.usefixtures("given")
def test_they_run_with_the_embedded_models_too(page: Path) -> None:
    run(page)


def run(page: Path) -> None:
    names: dict[str, Any] = {}
    text = page.read_text("utf-8")
    for why, code in blocks(page):
        if not why:
            line = text[: text.index(code)].count("\n")
            exec(compile("\n" * line + code, str(page), "exec"), names)


def test_each_is_run_here_or_before_a_guard() -> None:
    assert {why for page in PAGES for why, _ in blocks(page)} <= {"", *NOT_HERE}
    for page in PAGES:
        if blocks(page):
            assert len(blocks(page)) == page.read_text("utf-8").count("```python"), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_is_of_a_language_that_is_tested(page: Path) -> None:
    assert set(FENCE.findall(page.read_text("utf-8"))) <= {
        *("python", "sh", "toml"),  # here
        *("js", "yaml"),  # by the clients' tests
        "text",
    }


def test_the_comment_must_stand_before_the_block_and_say_why(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    server, plain = (
        "<!-- not run: a server -->\n```python\n1 / 0\n```\n\n",
        "```python\nx = 1\n```\n",
    )
    page.write_text(server + plain + server)
    assert blocks(page) == [("a server", "1 / 0\n"), ("", "x = 1\n"), ("a server", "1 / 0\n")]
    run(page)
    page.write_text("<!-- not run: a server -->\n\n```python\n1 / 0\n```\n")
    with pytest.raises(ZeroDivisionError):
        run(page)


def commands(page: Path) -> list[str]:
    """Each command line of a page that begins with ``interlock``."""
    text = page.read_text("utf-8")
    lines = [line.strip() for block in SHELL.findall(text) for line in joined(block).splitlines()]
    inline = [" ".join(code.split()) for code in INLINE.findall(SHELL.sub("", text))]
    return [line for line in [*lines, *inline] if re.match(r"interlock\b", line)]


def joined(block: str) -> str:
    return block.replace("\\\n", " ")


def check(line: str) -> None:
    """Follow the words to a command, and let its parser read the rest.

    Raises:
        UsageError: no such command or option, or an option without its value.
    """
    for part in re.split(r" && | \| | > ", line):
        words = shlex.split(part, comments=True)
        if words[:1] != ["interlock"]:
            continue
        command: Any = COMMAND
        rest = [word for word in words[1:] if word not in ("…", "...")]
        while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
            _, command, rest = command.resolve_command(command.context_class(command), rest)
        if not hasattr(command, "commands"):
            command.make_parser(command.context_class(command)).parse_args(rest)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_their_options_exist(page: Path) -> None:
    for line in commands(page):
        try:
            check(line)
        except UsageError as error:
            pytest.fail(f"{page.name}: {line}: {error}")


def shell(page: Path) -> list[str]:
    """Each command line of a page's blocks of shell."""
    text = page.read_text("utf-8")
    lines = [line.strip() for block in SHELL.findall(text) for line in joined(block).splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_of_shell_are_of_programs_whose_words_are_checked(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for block in SHELL.findall(page.read_text("utf-8")):
        subprocess.run(["bash", "-n"], input=block, text=True, check=True)
    for line in shell(page):
        program, *words = shlex.split(line, comments=True)
        assert program in PROGRAMS, line
        if program == "make":
            assert all(re.search(f"^{word}:", makefile, re.M) for word in words), line
        if program == "pip":
            extras = re.findall(r"\[([\w,]+)\]", line.partition("#")[0])
            named = {extra for some in extras for extra in some.split(",")}
            assert named <= project["optional-dependencies"].keys(), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_extras_to_install_are_there(page: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = re.findall(r"pip install '(?:\.|interlock)\[([\w,]+)\]'", page.read_text("utf-8"))
    for extras in named:
        assert set(extras.split(",")) <= project["optional-dependencies"].keys()


def settings() -> list[Any]:
    return [
        pytest.param(page, text, id=f"{page.relative_to(ROOT)}:{number}")
        for page in PAGES
        for number, text in enumerate(TOML.findall(page.read_text("utf-8")))
    ]


@pytest.mark.parametrize(("page", "text"), settings())
def test_settings_of_a_page_are_read(page: Path, text: str, tmp_path: Path) -> None:
    path = tmp_path / "page.toml"
    if page.stem == "guard":
        text = text.replace('"sha256:…:…"', f'"{KeyHash.of("k", bytes(16))}"')
        base = {"upstream": "http://127.0.0.1:9/v1", "uncertified": True}
        path.write_text(text, "utf-8")
        config = read_config(path, base).model_dump()
        for name in tomllib.loads(text):
            assert config[name] != read_config(None, base).model_dump()[name], name
    elif page.stem == "explain":
        assert tomllib.loads(text)  # tests/test_cli_config.py gives it to the command
    else:
        path.write_text(text, "utf-8")
        study = read_study(path)
        assert len(study.methods) == text.count("[[methods]]") > 1


def test_the_pages_have_commands() -> None:
    assert len(commands(ROOT / "README.md")) >= 12
    assert any("--defence" in line for line in commands(ROOT / "docs" / "certify.md"))


@pytest.mark.parametrize(
    "line",
    [
        "interlock explain photo.jpg --outt out",
        "interlock defend fitt photos/",
        "interlock defend fit photos/ --out",
    ],
)
def test_a_wrong_command_is_noticed(line: str) -> None:
    with pytest.raises(UsageError):
        check(line)
