"""The notebooks are the tutorials, run: the same words and code, and what the code prints."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from recipes.notebooks import NOTEBOOKS, TUTORIALS, cells, run

NAMES = sorted(path.stem for path in TUTORIALS.glob("*.md"))
STALE = "run: python recipes/notebooks.py"


def kept(name: str) -> NotebookNode:
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_each_tutorial_has_one_and_links_to_it() -> None:
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == NAMES
    for name in NAMES:
        assert f"(../notebooks/{name}.ipynb)" in (TUTORIALS / f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_its_cells_are_those_of_its_tutorial(name: str) -> None:
    expected = cells((TUTORIALS / f"{name}.md").read_text("utf-8"))
    assert [(c.cell_type, c.source) for c in kept(name).cells] == [
        (c.cell_type, c.source) for c in expected
    ], STALE


@pytest.mark.parametrize("name", NAMES)
def test_it_was_run_in_order_and_is_small(name: str) -> None:
    nbformat.validate(kept(name))
    path = NOTEBOOKS / f"{name}.ipynb"
    assert path.stat().st_size < 1_000_000
    ran = code(kept(name))
    assert [cell.execution_count for cell in ran] == list(range(1, len(ran) + 1)), f"{STALE} --run"
    for cell in ran:
        assert all(output.output_type != "error" for output in cell.outputs)
        if "\nImage(" in f"\n{cell.source}":
            assert "image/jpeg" in cell.outputs[0].data
        if cell.source.startswith("%%sh"):
            assert words(cell), cell.source


PAGE = """# Title

<!-- notebook: Only here. -->
<!-- notebook cell:
x = 1
-->
Try:

```sh
interlock explain photos/ --model ./my-model
```

```text
photos/a.png: cup
```

<!-- not run: a person answers -->
```sh
interlock certify label report
```

<!-- notebook file: study.toml -->
```toml
task = "explain"
```

<!-- not run: needs a guard that is running -->
```python
ask("http://127.0.0.1:8080/v1")
```

The end.
"""


def test_words_code_and_comments_of_a_page_become_cells() -> None:
    assert [(cell.cell_type, cell.source) for cell in cells(PAGE)] == [
        ("markdown", "# Title\n\nOnly here."),
        ("code", "x = 1"),
        ("markdown", "Try:"),
        ("code", "%%sh -e\ninterlock explain photos/ $MODEL"),
        (
            "markdown",
            "```text\nphotos/a.png: cup\n```\n\n```sh\ninterlock certify label report\n```",
        ),
        ("code", '%%writefile study.toml\ntask = "explain"'),
        ("code", 'ask(f"{guard}/v1")'),
        ("markdown", "The end."),
    ]


def words(cell: NotebookNode) -> list[str]:
    """Lines that a cell printed, sorted: numbers, times and names made of hexadecimal left out."""
    texts = [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
        if "image/jpeg" not in output.get("data", {})
    ]
    text = re.sub(r"\b[0-9a-f]{8,}\b|[\d.,]*\d", "#", "".join(texts))
    text = re.sub(r"# ?(?:ms|s|min|h)\b", "#", text)
    # the first by name, and names change with the code that they rest on
    text = re.sub(r"\bsubjects/\w+", "#", text)
    return sorted(" ".join(line.split()) for line in text.splitlines() if line.strip())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_and_prints_what_is_kept(name: str) -> None:
    notebook = kept(name)
    for cell in code(notebook):
        cell.outputs = []
    with tempfile.TemporaryDirectory() as folder:  # shorter than pytest's: sockets lie in it
        run(notebook, Path(folder))
    for again, before in zip(code(notebook), code(kept(name)), strict=True):
        assert words(again) == words(before), again.source


@pytest.mark.slow
def test_a_cell_that_fails_ends_the_run(tmp_path: Path) -> None:
    from nbclient.exceptions import CellExecutionError

    page = "```sh\ninterlock explain nothing.png\necho afterwards\n```\n"
    notebook = nbformat.v4.new_notebook(cells=cells(page))
    with pytest.raises(CellExecutionError, match=r"nothing\.png"):
        run(notebook, tmp_path)
    printed = [output.text for output in notebook.cells[0].outputs if "text" in output]
    assert printed
    assert "afterwards" not in "".join(printed)
