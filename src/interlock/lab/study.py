"""A study as its TOML file says it, checked before anything runs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from interlock.errors import InterlockError

Name = Annotated[str, Field(min_length=1, max_length=100)]
Place = Annotated[str, Field(min_length=1, max_length=4096)]
"""A path or an address."""


class StudyError(InterlockError):
    """A study file is not one; a line for each thing that is wrong with it."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)
        """Each names the file, the key and the fix."""


class _Part(BaseModel):
    """A table of the file: no unknown keys, no conversions, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Named(_Part):
    name: Name = ""
    """What tables and reports call it; what it is, by default."""


class ModelPart(_Named):
    """``[[models]]``: what is explained, defended or asked."""

    model: Place
    """As ``--model``; for ``certify`` as ``--target``."""
    whole: bool = False
    """Squeeze whole photos to the model's input size."""
    options: dict[str, Any] = {}
    """Of a language model: ``model``, ``max_tokens``, ``temperature``, and what its class takes."""


class DataPart(_Named):
    """``[[data]]``: where data items come from."""

    kind: Name
    """Of ``interlock.data.sources``, or ``"skimage"``; for ``certify`` ``"attacks"`` or
    ``"benign"``."""
    path: Place
    limit: Annotated[int, Field(ge=1)] | None = None
    """The most items."""
    offset: Annotated[int, Field(ge=0)] = 0
    """Items to leave out first."""
    step: Annotated[int, Field(ge=1)] = 1
    """After these every so many: 2 for every second one."""
    shuffle: int | None = None
    """Seed of an order to take them in; the source's own without it."""
    options: dict[str, Any] = {}
    """Of the kind."""


class MethodPart(_Named):
    """``[[methods]]``: what is compared."""

    method: Name
    """Its name: an explainer, a peer, a defence, or ``module:function``."""
    options: dict[str, Any] = {}
    """Of the method, by their names in Python."""


class DefencePart(MethodPart):
    """``[[methods]]`` of ``defend``."""

    limit: Annotated[int, Field(ge=1)] | None = None
    """Only the first so many images of the study; for what is slow."""
    attacks: tuple[Name, ...] | None = None
    """Only under these, by their names in tables: ``"patch"``, or at one size ``"patch, 2 %"``."""


class MetricPart(_Named):
    """``metrics``: what is measured; a name alone, or a table with options."""

    metric: Name
    """Its name."""
    options: dict[str, Any] = {}
    """Of the metric."""

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"metric": value} if isinstance(value, str) else value


class AttackPart(_Named):
    """``[[attacks]]``: what images go through before a defence sees them."""

    attack: Name
    """Its name."""
    areas: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field((0.02,), min_length=1)
    """Sizes of the patch, as shares of the image."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Only the first so many images of the study."""
    against: Name | None = None
    """Of an attack on a defence: the method that it is made against, by its name in tables. All
    methods then meet the same pictures. Without it each is attacked itself, as far as it can be."""
    options: dict[str, Any] = {}
    """Of the attack."""


class Study(_Part):
    """What all studies have."""

    task: str
    """What is studied: ``explain``, ``defend`` or ``certify``."""
    name: Name = ""
    """Of the report; the file's name by default."""
    models: tuple[ModelPart, ...] = Field(min_length=1)
    """``[[models]]``, each met by all data and methods."""
    data: tuple[DataPart, ...] = Field(min_length=1)
    """``[[data]]``: the images or prompts."""
    methods: tuple[MethodPart, ...] = Field(min_length=1)
    """``[[methods]]``: what is compared."""
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**32)], ...] = Field((0,), min_length=1)
    """Each method once with each."""
    artefacts: bool = True
    """Keep pictures and maps beside the results."""

    @model_validator(mode="after")
    def _names(self) -> Self:
        for field in ("models", "data", "methods", "metrics"):
            _check_names(field, getattr(self, field, ()))
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds: one is there twice")
        return self


class ExplainStudy(Study):
    """Saliency maps of images, and measures of them."""

    task: Literal["explain"]
    target: Literal["predicted", "label"] = "predicted"
    """The class to explain: the model's answer, or the data item's label."""
    explained: Literal["all", "right"] = "all"
    """``"right"``: images to which the model gives another class than their label have no values,
    and count nowhere."""
    metrics: tuple[MetricPart, ...] = (MetricPart(metric="gini"), MetricPart(metric="road"))


class DefendStudy(Study):
    """Defences of a classifier under patch attacks."""

    task: Literal["defend"]
    methods: tuple[DefencePart, ...] = Field(min_length=1)
    attacks: tuple[AttackPart, ...] = Field(min_length=1)
    truth: Literal["label", "predicted"] = "label"
    """What counts as right: the data item's label, or the bare model's answer without a patch."""
    attacked: Literal["all", "right"] = "all"
    """``"right"``: images that the bare model has wrong without a patch are not attacked, and count
    as lost under every attack."""
    clean: DataPart | None = None
    """Unlabelled images that shields and banks are fitted to."""
    batch: Annotated[int, Field(ge=1, le=1024)] = 8
    """Neighbouring images that are computed together."""

    @model_validator(mode="after")
    def _attack_names(self) -> Self:
        _check_conditions(self.attacks)
        return self


class CertifyStudy(Study):
    """Votes over perturbed prompts."""

    task: Literal["certify"]
    judge: Name = "phrases"
    """``"phrases"``, ``"second-opinion"`` or ``"keywords"``."""
    batch: Annotated[int, Field(ge=1, le=1024)] = 8
    """Neighbouring prompts that are asked together."""
    splits: Annotated[int, Field(ge=0, le=100_000)] = 0
    """How often the attacks are split in halves, one to make the certificate and one to check it
    on; 0 for never."""


STUDIES: dict[str, type[Study]] = {
    get_args(kind.model_fields["task"].annotation)[0]: kind
    for kind in (ExplainStudy, DefendStudy, CertifyStudy)
}


def label(part: Any) -> str:
    """What tables call a part of a study: its name, or what it is."""
    what = next((getattr(part, key) for key in _WHAT if hasattr(part, key)), "")
    return str(part.name or what)


_WHAT = ("model", "path", "method", "metric", "attack")


def read_study(path: str | Path) -> Study:
    """Read and check a study file.

    Methods, metrics and their options are checked later, by the task that knows them.

    Raises:
        StudyError: with a line for each thing that is wrong.
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise StudyError([f"{path}: cannot be read ({error.strerror})"]) from None
    except UnicodeDecodeError:
        raise StudyError([f"{path}: not UTF-8 text"]) from None
    return parse_study(text, path.name)


def parse_study(text: str, file: str) -> Study:
    """Read a study from the text of its file; ``file`` is what errors call it.

    Raises:
        StudyError: with a line for each thing that is wrong.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError([f"{file}: not TOML: {error}"]) from None
    task = content.get("task")
    if not isinstance(task, str) or task not in STUDIES:
        said = "is missing" if task is None else f"{task!r} is unknown"
        raise StudyError([f"{file}: task: {said}; use one of {', '.join(STUDIES)}"])
    content.setdefault("name", Path(file).stem)
    kind = STUDIES[task]
    try:
        # By way of JSON, whose lists may become tuples though types are strict.
        return kind.model_validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        raise StudyError([f"{file}: {line}" for line in _lines(error, kind)]) from None


def _check_names(field: str, parts: Sequence[Any]) -> None:
    taken: dict[str, int] = {}
    for number, part in enumerate(parts):
        name = label(part)
        if name in taken:
            raise ValueError(
                f"{field}[{number}]: {name!r} is also {field}[{taken[name]}]; give each a name"
            )
        taken[name] = number


def _check_conditions(attacks: Sequence[AttackPart]) -> None:
    """An attack may stand there twice, as long as no size does: with another limit, say."""
    taken: dict[tuple[str, float], int] = {}
    for number, part in enumerate(attacks):
        for area in part.areas:
            first = taken.setdefault((label(part), area), number)
            if first != number:
                raise ValueError(
                    f"attacks[{number}]: {label(part)!r} at {area} is also attacks[{first}]; give "
                    "each a name, or other areas"
                )


def _lines(error: ValidationError, kind: type[BaseModel]) -> Iterator[str]:
    problems = error.errors()
    for problem in problems:
        where, what = problem["loc"], str(problem["msg"])
        if problem["type"] == "too_short" and any(
            len(other["loc"]) > len(where) and other["loc"][: len(where)] == where
            for other in problems
        ):
            continue  # only because a member of the list is wrong, which has a line of its own
        if problem["type"] == "extra_forbidden":
            what = unknown("key", str(where[-1]), _keys(kind, where[:-1]))
        elif problem["type"] == "missing":
            what = "is missing"
        elif problem["type"] == "value_error":
            what = what.removeprefix("Value error, ")
        else:
            what = what[0].lower() + what[1:].replace("Input should", "should")
            what = what.replace("input should", "should")
            what += f"; it is {json.dumps(problem['input'], default=str)[:60]}"
        yield f"{dotted(where)}: {what}" if where else what


def unknown(what: str, given: str, known: Sequence[str]) -> str:
    """``unknown key; did you mean steps?``."""
    near = get_close_matches(given, known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
    return f"unknown {what}; {hint}" if known else f"unknown {what}; none is taken here"


def dotted(where: Sequence[str | int]) -> str:
    """``("methods", 1, "options")`` -> ``methods[1].options``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    return text.removeprefix(".")


def _keys(kind: Any, where: Sequence[str | int]) -> list[str]:
    """The keys that a table of the file may have."""
    for part in where:
        if isinstance(part, str):
            kind = kind.model_fields[part].annotation
        kind = next(
            (
                a
                for a in (kind, *get_args(kind))
                if isinstance(a, type) and issubclass(a, BaseModel)
            ),
            kind,
        )
    return list(kind.model_fields)
