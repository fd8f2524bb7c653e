"""The tutorials as notebooks that keep what they print: docs/notebooks.

    python recipes/notebooks.py [NAME ...] [--run]

``docs/tutorials/NAME.md`` is the only source. Its words become Markdown cells, its Python and shell
code cells, and its comments say what a notebook has beyond the page:

    <!-- notebook: words -->            words that only the notebook has
    <!-- notebook cell: ... -->         code that only the notebook has, from the next line on
    <!-- notebook file: PATH -->        the block that follows is written to that file
    <!-- not run: why -->               the block that follows stays words

Outputs of cells that did not change are kept; ``--run`` runs all cells in an empty folder, and
keeps what they print and draw, pictures as small JPEG.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode, v4
from PIL import Image

ROOT = Path(__file__).parent.parent
TUTORIALS, NOTEBOOKS = ROOT / "docs" / "tutorials", ROOT / "docs" / "notebooks"
PART = re.compile(
    r"^<!-- notebook: (?P<words>.*?) -->\n"
    r"|^<!-- notebook cell:\n(?P<cell>.*?)^-->\n"
    r"|^(?:<!-- notebook file: (?P<file>\S+) -->\n|<!-- not run: (?P<why>[^\n]+) -->\n)?"
    r"(?P<fence>```(?P<language>\w+)\n(?P<code>.*?)^```\n)",
    re.M | re.S,
)
HERE = {
    "--model ./my-model": "$MODEL",
    "--target https://host/v1 --model NAME": "$TARGET",
    "show out ITEM": "show out $ITEM",
    '"http://127.0.0.1:8080/v1"': 'f"{guard}/v1"',
    '"NAME"': '"embedded"',
}
"""What a reader replaces by names of their own, and where a notebook's first cell has it."""
STARTED = "needs a guard that is running"
"""Why a block of a page is not run, where its notebook has started one."""
SIDE, QUALITY = 800, 75
"""Of pictures that are kept, in pixels and for JPEG."""
PROGRESS = re.compile(r"^.*: (?:under way|[\d,]+ of [\d,]+(?:, about .* left)?)\n", re.M)
"""What work says on stderr while it takes long."""
MINUTES = 20
"""For one cell."""
METADATA = {
    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    "language_info": {"name": "python"},
}


def cells(text: str) -> list[NotebookNode]:
    """Those of a tutorial, without outputs."""
    made, words, end = [], "", 0

    def add(code: str | None = None) -> None:
        nonlocal words
        if words.strip():
            made.append(v4.new_markdown_cell(words.strip()))
        words = ""
        if code is not None:
            made.append(v4.new_code_cell(code.strip()))

    for part in PART.finditer(text):
        words += text[end : part.start()]
        end = part.end()
        if part["words"]:
            words += part["words"] + "\n"
        elif part["cell"]:
            add(part["cell"])
        elif (code := _runs(part)) is not None:
            add(code)
        else:
            words += part["fence"]
    words += text[end:]
    add()
    for number, cell in enumerate(made):
        cell.id = f"cell-{number}"
    return made


def _runs(part: re.Match[str]) -> str | None:
    """A block as a notebook runs it; None for one that it shows."""
    code = part["code"]
    if part["why"] not in (None, STARTED):
        return None
    if part["file"]:
        return f"%%writefile {part['file']}\n{code}"
    if part["language"] not in ("python", "sh"):
        return None
    for given, here in HERE.items():
        code = code.replace(given, here)
    return code if part["language"] == "python" else f"%%sh -e\n{code}"


def run(notebook: NotebookNode, folder: Path) -> None:
    """Run all cells in ``folder``, with the ``interlock`` of this Python.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell fails; with what it said.
    """
    paths = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    client = NotebookClient(
        notebook,
        timeout=60 * MINUTES,
        resources={"metadata": {"path": str(folder)}},
        startup_timeout=60 * MINUTES,
        coalesce_streams=True,
    )
    client.execute(
        env={
            **os.environ,
            "PATH": os.pathsep.join(paths),
            "TMPDIR": str(folder),
            "IPYTHONDIR": str(folder),
        }
    )
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                output.text = PROGRESS.sub("", output.text)
            _shrink(output)
        if "outputs" in cell:
            cell.outputs = [one for one in cell.outputs if one.get("text") != ""]


def _shrink(output: NotebookNode) -> None:
    data = output.get("data", {})
    if "image/png" not in data:
        return
    with Image.open(BytesIO(b64decode(data.pop("image/png")))) as picture:
        small = picture.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    written = BytesIO()
    small.save(written, "JPEG", quality=QUALITY)
    data["image/jpeg"] = b64encode(written.getvalue()).decode()
    output.metadata.pop("image/png", None)


def renewed(name: str) -> NotebookNode:
    """A tutorial's notebook, with the outputs that the one in the tree has for equal cells."""
    path = NOTEBOOKS / f"{name}.ipynb"
    notebook = v4.new_notebook(
        cells=cells((TUTORIALS / f"{name}.md").read_text("utf-8")), metadata=METADATA
    )
    kept = nbformat.read(path, as_version=4).cells if path.exists() else []
    ran = {cell.source: cell for cell in kept if cell.cell_type == "code"}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source in ran:
            cell.outputs = ran[cell.source].outputs
            cell.execution_count = ran[cell.source].execution_count
    return notebook


def main() -> int:
    """Write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = sorted(path.stem for path in TUTORIALS.glob("*.md"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--run", action="store_true")
    given = parser.parse_args()
    for name in given.names or names:
        notebook = renewed(name)
        if given.run:
            with tempfile.TemporaryDirectory() as folder:
                run(notebook, Path(folder))
        nbformat.write(notebook, NOTEBOOKS / f"{name}.ipynb")
        print(NOTEBOOKS / f"{name}.ipynb")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
