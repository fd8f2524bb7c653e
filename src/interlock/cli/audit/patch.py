"""What a patch does to a classifier, in sentences: bare, behind the shield, and what is proven."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from interlock.cli.audit.assured import AREA, TITLE
from interlock.cli.audit.cases import Cases
from interlock.cli.audit.photos import Photos
from interlock.cli.audit.study import ATTACK, Patched
from interlock.cli.defend.fit import FEW
from interlock.defend.attacks.named import DESCRIPTIONS
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

TABLE, SETTINGS = "#accuracy", "#measured"
OWN = "the model's own answers without a patch"
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
    verdict, bare = _bare(patched.evaluation, labelled=bool(photos.labels))
    return Finding(
        "What does a patch do to it?",
        "patch",
        verdict,
        [bare, *_shielded(patched), *_proven(patched, cases), _read(photos)],
        cases.pictures,
        _advice(patched, photos, model, given, shield),
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
        {ATTACK: DESCRIPTIONS[ATTACK]},
        images=len(patched.evaluation.images),
        summary=f"{_of(clean)} clean, {_of(last.share(UNDEFENDED))} with the largest patch",
        truth="the true labels" if photos.labels else OWN,
    )


def area(share: float = AREA) -> Number:
    """The size of a patch, as a sentence has it."""
    shown = f"{100 * share:g} %"
    return Number(f"patch.area.{100 * share:g}", shown, share, SETTINGS, "setting of the audit")


def _bare(evaluation: Evaluation, *, labelled: bool) -> tuple[Sentence, Sentence]:
    """The verdict, and the same with intervals."""
    said: list[list[str | Number]] = []
    for whole in (False, True):
        rounds = [
            ("with a patch on ", area(one.ordeal.area or AREA), " of the photo, in ",
             _patched(one, UNDEFENDED, whole=whole))
            for one in evaluation.patched
        ]  # fmt: skip
        parts: list[str | Number] = [part for one in rounds for part in (*one, "; ")][:-1]
        if labelled:
            clean = _share("clean.bare", evaluation.clean, UNDEFENDED, whole=whole)
            said.append(["The model is right in ", clean, " photos; ", *parts, "."])
        else:
            said.append(["The model keeps its answer, ", *parts, " photos."])
    verdict, bare = said
    return tuple(verdict), (*bare, f" The attacker knows the model: {DESCRIPTIONS[ATTACK]}.")


def _shielded(patched: Patched) -> list[Sentence]:
    if not patched.shielded:
        return []
    clean = patched.evaluation.clean
    said: list[str | Number] = [
        "Behind the fast shield: right in ", _share("clean.shield", clean, SHIELD),
        " photos without a patch",
    ]  # fmt: skip
    for one in patched.evaluation.patched:
        said += ["; with ", area(one.ordeal.area or AREA), ", in ", _patched(one, SHIELD)]
    said.append(".")
    if clean.masked is not None:
        hidden = _number("clean.masked", clean.masked, f"{SHIELD}, {CLEAN}, masked")
        said += [" Of photos without a patch it hides something in ", hidden, "."]
    return [(*said, " This attacker did not know the shield; one who does may get past it.")]


def _proven(patched: Patched, cases: Cases) -> list[Sentence]:
    if not patched.proven.count:
        return []
    proven = _number("proven", patched.proven, f"{CERTIFIED_SHIELD}, clean, certified")
    said: list[str | Number] = [
        "Proven, by the slow certified answer: in ", proven,
        " photos no single square patch of up to ", area(),
        ", whatever it shows and wherever it lies, can change the right answer.",
    ]  # fmt: skip
    if cases.safe is not None:
        anchor = f"#{TITLE.lower().replace(' ', '-')}"
        safe = Number("patch.safe", percent(cases.safe), cases.safe, anchor, "patches/cases.json")
        said += [" In the first photo ", safe, " of the places are safe."]
    return [tuple(said)]


def _read(photos: Photos) -> Sentence:
    """How the numbers are to be read."""
    ends = (" intervals: the true share of photos drawn as these were lies there. Photos of one "
            "scene, or edited copies, say less than they seem to.")  # fmt: skip
    sure = Number("patch.confidence", "95 %", 0.95, SETTINGS, "setting of the lab")
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
    rounds, advice = patched.evaluation.patched, list[Advice]()
    if shield is not None:
        better = any(one.share(SHIELD).hits > one.share(UNDEFENDED).hits for one in rounds)
        command = f"interlock defend apply PHOTOS --model {model} --shield {shield} --out report"
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
            command = (
                f"interlock defend evaluate {given} --model {model} --shield {shield} --attack all"
            )
            advice.append(Advice("Try attackers that know the shield, and other attacks:", command))
    else:
        text = "No shield was measured, for lack of photos to fit it to. Give clean ones:"
        command = f"interlock audit {given} --model {model} --clean CLEAN-PHOTOS --out OTHER-FOLDER"
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


def _patched(of: Round, method: str, *, whole: bool = True) -> Number:
    name = {UNDEFENDED: "bare"}.get(method, method)
    return _share(f"patched.{100 * (of.ordeal.area or AREA):g}.{name}", of, method, whole=whole)


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
