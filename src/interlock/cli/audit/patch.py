"""What a patch does to a classifier, in sentences: bare, behind the shield, and what is proven."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from interlock.cli.audit.assured import AREA, TITLE
from interlock.cli.audit.cases import Cases, area
from interlock.cli.audit.page import SETTINGS
from interlock.cli.audit.photos import Photos
from interlock.cli.audit.study import ATTACK, Patched
from interlock.cli.defend.fit import FEW
from interlock.defend.defences import CERTIFIED_SHIELD, SHIELD, UNDEFENDED
from interlock.explain.drawing.relations import percent
from interlock.lab.results.attacked import CLEAN
from interlock.lab.results.evaluation import Evaluation, Round, Share
from interlock.report import (
    Advice,
    Chapter,
    Finding,
    Number,
    Sentence,
    ShareRow,
    ShareTable,
    evaluation_chapter,
)

TABLE = "#accuracy"
OWN = "the model's own answers without a patch"
NAMES = {UNDEFENDED: "bare", SHIELD: SHIELD}
LITTLE = 0.5
"""A proven share below this is little."""


def patch_finding(
    patched: Patched, photos: Photos, cases: Cases, model: str, given: Path, shield: Path | None
) -> Finding:
    """In sentences, with pictures of wins and losses.

    Args:
        patched: what the study came to.
        photos: of the audit.
        cases: the pictures.
        model: as it was named.
        given: the photos, as they were named.
        shield: file of the shield that was measured.
    """
    return Finding(
        "What does a patch do to it?",
        "patch",
        _verdict(patched.evaluation, labelled=bool(photos.labels)),
        grid=_grid(patched, labelled=bool(photos.labels)),
        sentences=[*_explained(patched, cases), _read(photos)],
        pictures=cases.pictures,
        pairs=patched.shielded,
        advice=_advice(patched, photos, model, given, shield),
    )


def patch_chapter(patched: Patched, photos: Photos) -> Chapter:
    """The table behind it."""
    tables = patched.evaluation.tables()
    if patched.proven.count:
        rows = (
            ShareRow("right answers that no patch changes", (patched.proven.estimate,)),
            ShareRow("right without a patch", (patched.answered.estimate,)),
        )
        tables.append(ShareTable(f"certified answer, {patched.proven.count} photos", (AREA,), rows))
    clean = patched.evaluation.clean.share(UNDEFENDED)
    last = patched.evaluation.patched[-1]
    return evaluation_chapter(
        tables,
        {ATTACK: "free pixels in the best of a few places, by gradients of the bare model"},
        images=len(patched.evaluation.images),
        summary=f"{_of(clean)} clean, {_of(last.share(UNDEFENDED))} with the largest patch",
        truth="the true labels" if photos.labels else OWN,
    )


def _verdict(evaluation: Evaluation, *, labelled: bool) -> Sentence:
    first, *others = evaluation.patched
    does = "it is right" if labelled else "the model keeps its answer"
    said: list[str | Number] = ["With a patch on ", _size(first)]
    said += [f" of the photo {does} in ", _patched(first, UNDEFENDED, whole=False)]
    for one in others:
        size = _size(one)
        said += [", with one on ", size, " in ", _patched(one, UNDEFENDED, whole=False)]
    if not labelled:
        return (*said, " photos.")
    clean = _share("clean.bare", evaluation.clean, UNDEFENDED, whole=False)
    return ("The model is right in ", clean, " photos. ", *said, ".")


def _grid(patched: Patched, *, labelled: bool) -> list[list[Sentence]]:
    """Who is right in how many photos, without a patch and with one of each size."""
    clean, rounds = patched.evaluation.clean, patched.evaluation.patched
    head: list[Sentence] = [("right in" if labelled else "answer kept in",), ("no patch",)]
    head += [("a patch on ", _size(one)) for one in rounds]
    grid = [head]
    names = {UNDEFENDED: "the model", SHIELD: "behind the fast shield"}
    for method, name in names.items():
        if method in clean.right:
            own = method == UNDEFENDED and not labelled  # the reference itself: all of them
            first: Sentence = () if own else (_share(f"clean.{NAMES[method]}", clean, method),)
            grid.append([(name,), first, *((_patched(one, method),) for one in rounds)])
    if patched.proven.count:
        proven = _number("proven", patched.proven, f"{CERTIFIED_SHIELD}, {CLEAN}, certified")
        cells = [(proven,) if one.ordeal.area == AREA else () for one in rounds]
        right = _number("clean.certified", patched.answered, f"{CERTIFIED_SHIELD}, {CLEAN}, right")
        grid.append([("proven, whatever the patch shows",), (right,), *cells])
    return grid


def _explained(patched: Patched, cases: Cases) -> list[Sentence]:
    """What the rows of the grid mean."""
    said: list[Sentence] = [
        (
            "The attacker knows the model and draws, in the best of a few places, what misleads it "
            "most.",
        )
    ]
    clean = patched.evaluation.clean
    if patched.shielded:
        line: list[str | Number] = [
            "The fast shield hides what is foreign to clean photos (magenta in the pictures; the "
            "blue frame is the patch). This attacker did not know it; one who does may get past it."
        ]
        if clean.masked is not None:
            hidden = _number("clean.masked", clean.masked, f"{SHIELD}, {CLEAN}, masked")
            line += [" Of photos without a patch it hides something in ", hidden, "."]
        said.append(tuple(line))
    if patched.proven.count:
        line = [
            "Proven: no single square patch of up to ", area(),
            ", whatever it shows and wherever it lies, changes the right answer. The answer is "
            "slow: the model is asked with many parts hidden.",
        ]  # fmt: skip
        if cases.safe is not None:
            anchor = f"#{TITLE.lower().replace(' ', '-')}"
            safe = Number(
                "patch.safe", percent(cases.safe), cases.safe, anchor, "patches/cases.json"
            )
            line += [" In one photo, drawn below, ", safe, " of the places are safe."]
        said.append(tuple(line))
    return said


def _read(photos: Photos) -> Sentence:
    """How the numbers are to be read."""
    ends = (" intervals: the true share of photos drawn as these were lies there. Photos of one "
            "scene, or edited copies, say less than they seem to.")  # fmt: skip
    sure = Number("patch.confidence", "95 %", 0.95, f"#{SETTINGS}", "setting of the lab")
    brackets: Sentence = ("In brackets stand ", sure, ends)
    if photos.labels:
        return brackets
    reference = (
        f"The reference is {OWN}, for {photos.unlabelled}: nothing here says how often these are "
        "right. "
    )
    return (reference, *brackets)


def _advice(
    patched: Patched, photos: Photos, model: str, given: Path, shield: Path | None
) -> Sequence[Advice]:
    model = shlex.quote(model)
    rounds, advice = patched.evaluation.patched, list[Advice]()
    if shield is not None:
        better = any(one.share(SHIELD).hits > one.share(UNDEFENDED).hits for one in rounds)
        command = f"interlock defend apply PHOTOS --model {model} --shield {_quoted(shield)} "
        command += "--out report"
        if better:
            advice.append(Advice("Put the shield that was measured before the model:", command))
        else:
            advice.append(Advice("The shield saved nothing here: do not rely on it."))
        if photos.fitted < FEW and not photos.packaged:
            text = (
                f"It was fitted to {photos.fitted} photos only; fit it to {FEW} clean ones or more:"
            )
            command = f"interlock defend fit CLEAN-PHOTOS --model {model} --out {shield.name}"
            advice.append(Advice(text, command))
        if photos.labels:
            command = f"interlock defend evaluate {_quoted(given)} --model {model} "
            command += f"--shield {_quoted(shield)} --attack all"
            advice.append(Advice("Try attackers that know the shield, and other attacks:", command))
    else:
        text = "No shield was measured, for lack of photos to fit it to. Give clean ones:"
        command = (
            f"interlock audit {_quoted(given)} --model {model} --clean CLEAN-PHOTOS --out OTHER"
        )
        advice.append(Advice(text, command))
    proven = patched.proven
    if proven.count and proven.hits / proven.count < LITTLE:
        text = "Little is proven. Train a copy that answers well with parts hidden, and audit that:"
        command = f"interlock defend harden PHOTOS --model {model} --out hardened"
        advice.append(Advice(text, command))
    advice.append(
        Advice("Measure more photos: a larger budget goes on in the same folder (--budget).")
    )
    return advice


def _size(of: Round) -> Number:
    return area(of.ordeal.area or AREA)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _patched(of: Round, method: str, *, whole: bool = True) -> Number:
    size = 100 * (of.ordeal.area or AREA)
    return _share(f"patched.{size:g}.{NAMES[method]}", of, method, whole=whole)


def _share(name: str, of: Round, method: str, *, whole: bool = True) -> Number:
    """A count of photos, with its interval where ``whole``."""
    key = f"{method}, {of.ordeal.condition}, right"
    return _number(name if whole else f"{name}.count", of.share(method), key, whole=whole)


def _number(name: str, share: Share, key: str, *, whole: bool = True) -> Number:
    value, low, high = share.estimate
    shown = f"{_of(share)} ({percent(low)} to {percent(high)})" if whole else _of(share)
    return Number(f"patch.{name}", shown, value, TABLE, f"study in patches/: {key}", low, high)


def _of(share: Share) -> str:
    return f"{share.hits} of {share.count}"
