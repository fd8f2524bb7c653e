"""``certify`` studies: whole votes over perturbed copies of attacks and of benign prompts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from interlock.certify import Certificate, DecayCurve, Decision, SmoothLLM, Verdict
from interlock.certify.targets.load import load_target
from interlock.certify.targets.protocol import Target
from interlock.errors import InterlockError
from interlock.lab.code import digest_of, worker_digest
from interlock.lab.data import Tell
from interlock.lab.items import (
    Done,
    Item,
    Job,
    Measured,
    Wanted,
    artefact_name,
    canonical,
    failed,
    name_of,
)
from interlock.lab.results.votes import UNSTABLE
from interlock.lab.study import CertifyStudy, MethodPart, ModelPart, label
from interlock.lab.task import Numbered, Setting, Worker, one_line
from interlock.lab.tasks.certify.prompts import BENIGN, Asked, read_prompts
from interlock.lab.tasks.certify.smooth import (
    code_of,
    copies_of,
    decides_whole,
    make_smooth,
    open_judge,
    problems,
    try_promised,
)


@dataclass(frozen=True)
class VoteJob:
    """Some prompts under one defence."""

    model: str
    seed: int
    method: int
    prompts: tuple[Asked, ...]


class CertifyTask:
    """A ``certify`` study, expanded: block by block of prompts, each method on each model."""

    preparations: Sequence[Job] = ()

    def __init__(self, setting: Setting, tell: Tell | None = None) -> None:
        study = setting.study
        assert isinstance(study, CertifyStudy)
        setting.refuse(problems(study))
        self._setting, self._study = setting, study
        self._models = list(_identities(setting).items())
        prompts = read_prompts(study.data, setting.base, setting.file)
        self.notes, self.left_out = prompts.notes, prompts.left_out
        self._blocks = [
            part[start : start + study.batch]
            for part in prompts.parts
            for start in range(0, len(part), study.batch)
        ]
        judge = open_judge(study.judge)
        self._code = [code_of(part, judge) for part in study.methods]
        self._worker_code = worker_digest(CertifyWorker)

    @property
    def jobs(self) -> Sequence[Job]:
        """One for each block of prompts, model, seed and method."""
        return Numbered(len(self._blocks) * len(self._models) * self._inner, self._job)

    def worker(self, prepared: Mapping[str, bytes]) -> Callable[[], Worker]:
        """Makes a :class:`CertifyWorker`."""
        return partial(CertifyWorker, self._setting)

    @property
    def _inner(self) -> int:
        return len(self._study.seeds) * len(self._study.methods)

    def _job(self, number: int) -> Job:
        number, method = divmod(number, len(self._study.methods))
        number, seed = divmod(number, len(self._study.seeds))
        block, model = divmod(number, len(self._models))
        name, identity = self._models[model]
        prompts, part = self._blocks[block], self._study.methods[method]
        # Neighbours share a batch of a model in this process; an endpoint never learns of them.
        neighbours = [] if _at_address(name, self._study) else [p.digest for p in prompts]
        whole = {"decides": "whole"} if decides_whole(part) else {}
        items = tuple(
            Item(
                id=name_of(
                    task="certify",
                    worker=self._worker_code,
                    model=identity,
                    judge=self._study.judge,
                    prompt=prompt.digest,
                    block=neighbours,
                    method=part.method,
                    options={k: v for k, v in part.options.items() if k != "unstable"},
                    seed=self._study.seeds[seed],
                    code=self._code[method],
                ),
                model=name,
                data=prompt.id,
                method=label(part),
                condition=prompt.kind,
                options=canonical({"copies": copies_of(part)} | whole | part.options),
                seed=self._study.seeds[seed],
                code=self._code[method],
                wanted=(),
            )
            for prompt in prompts
        )
        items = tuple(
            item._replace(wanted=tuple(_wanted(item, prompt, part)))
            for item, prompt in zip(items, prompts, strict=True)
        )
        return Job(items, VoteJob(name, self._study.seeds[seed], method, prompts))


class CertifyWorker:
    """Votes on prompts."""

    def __init__(self, setting: Setting) -> None:
        study = setting.study
        assert isinstance(study, CertifyStudy)
        self._setting, self._study = setting, study
        self._judge = open_judge(study.judge)
        self._parts = {label(part): part for part in study.models}
        self._targets: dict[str, Target] = {}

    def __call__(self, job: Job) -> Done:
        """Some prompts under one defence."""
        work: VoteJob = job.work
        try:
            smooth = self._smooth(work)
            start = time.perf_counter()
            copies = [smooth.perturbed(prompt.prompt, seed=work.seed) for prompt in work.prompts]
            decisions = smooth.decide_many(copies, [work.seed] * len(copies))
            seconds = (time.perf_counter() - start) / len(copies)
        except Exception as error:  # a model may raise anything
            return failed(job, one_line(error))
        rows, files = list[Measured](), dict[str, bytes]()
        asked = {prompt.id: prompt for prompt in work.prompts}
        known = dict(zip(asked, decisions, strict=True))
        part = self._study.methods[work.method]
        for item in job.items:
            decision = known[item.data]
            wrong = _lost(decision)
            content = _record(decision) if self._study.artefacts else b""
            name = artefact_name(content, "json") if content else ""
            if content:
                files[name] = content
            for wanted in item.wanted:
                if wanted.metric in UNSTABLE:
                    value, no = try_promised(wanted.metric, asked[item.data], part)
                    rows.append(Measured(wanted.row, value, None, None, no))
                    continue
                value = None if wrong else _value(wanted.metric, decision)
                rows.append(Measured(wanted.row, value, seconds, None, wrong, name))
        return Done(rows, files)

    def _smooth(self, work: VoteJob) -> SmoothLLM:
        if work.model not in self._targets:
            self._targets[work.model] = _open(self._parts[work.model], self._setting)
        return make_smooth(self._targets[work.model], self._judge, self._study.methods[work.method])


def measured(kind: str) -> tuple[str, ...]:
    """What is told of each vote.

    ``defended`` of an attack: :attr:`Decision.defended`. ``answered`` of a benign prompt: the vote
    released an answer. ``refused`` and ``lost`` are counts of copies,
    ``calls`` and ``tokens`` what the vote cost.
    """
    return ("answered" if kind == BENIGN else "defended", "refused", "lost", "calls", "tokens")


def _wanted(item: Item, prompt: Asked, part: MethodPart) -> Iterator[Wanted]:
    for metric in measured(item.condition):
        yield Wanted.of(item.id, metric)
    unstable = part.options.get("unstable")
    if unstable is not None and prompt.span is not None:
        code = digest_of(Certificate, DecayCurve)
        for metric in UNSTABLE:
            yield Wanted.of(item.id, metric, unstable=unstable, span=prompt.span, code=code)


def _value(metric: str, decision: Decision) -> float:
    if metric == "answered":
        return float(decision.released)
    if metric == "defended":
        return float(decision.defended)
    if metric == "tokens":
        replies = [vote.reply for vote in decision.votes]
        return float(sum(r.prompt_tokens + r.completion_tokens for r in replies))
    if metric == "calls":
        return float(decision.calls)
    wanted = Verdict.REFUSED if metric == "refused" else Verdict.LOST
    return float(decision.count(wanted))


def _lost(decision: Decision) -> str | None:
    """Why there was no vote at all."""
    if any(vote.verdict is not Verdict.LOST for vote in decision.votes):
        return None
    first = next((vote.reply.error for vote in decision.votes if vote.reply.error), None)
    return f"every copy was lost: {first or 'the judge could not tell'}"


def _record(decision: Decision) -> bytes:
    votes = [
        {
            "copy": vote.copy,
            "verdict": str(vote.verdict),
            "prompt": vote.prompt.text,
            "answer": vote.reply.text,
            "error": vote.reply.error,
        }
        for vote in decision.votes
    ]
    record = {"released": decision.released, "text": decision.text, "votes": votes}
    return (json.dumps(record, indent=1, sort_keys=True) + "\n").encode("utf-8", "replace")


def _open(part: ModelPart, setting: Setting) -> Target:
    options: dict[str, Any] = dict(part.options)
    name = part.model
    if not name.startswith(("http://", "https://", "recorded:")):
        options.setdefault("device", setting.device)
        if (setting.base / name).is_dir():
            name = str(setting.base / name)
    return load_target(name, **options)


def _identities(setting: Setting) -> dict[str, str]:
    """For each model of a study, what names it in items.

    Raises:
        StudyError: a model cannot be loaded.
    """
    names, problems = {}, []
    for number, part in enumerate(setting.study.models):
        try:
            target = _open(part, setting)
            names[label(part)] = name_of(
                target=dict(target.identity), code=digest_of(target, beside=[load_target])
            )
        except InterlockError as error:
            problems.append(f"models[{number}]: {error}")
    setting.refuse(problems)
    return names


def _at_address(name: str, study: CertifyStudy) -> bool:
    part = next(part for part in study.models if label(part) == name)
    return part.model.startswith(("http://", "https://"))
