"""A study, run: plan, leave out what is known, compute the rest, keep everything."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from interlock._version import __version__
from interlock.errors import ModelError
from interlock.lab.data import Tell
from interlock.lab.engines.engine import Engine
from interlock.lab.items import Done, Job
from interlock.lab.kept_study import keep_study
from interlock.lab.lock import sole_run
from interlock.lab.open_task import open_task
from interlock.lab.plan import StudyPlan, Totals, make_plan
from interlock.lab.store import Row, Store
from interlock.lab.task import Setting, Task, Worker

Steps = Callable[[str], Tell | None]
"""The name of a step -> who is told how far it is."""


def run_study(
    setting: Setting,
    out: str | Path,
    engine: Engine,
    *,
    text: str = "",
    retry_failed: bool = False,
    force: bool = False,
    steps: Steps | None = None,
    stop: Callable[[], bool] = lambda: False,
    note: Callable[[str], None] = lambda text: None,
) -> Totals:
    """Run a study, or what is missing of it, into a folder.

    Args:
        setting: the study and where it runs.
        out: the folder; made when absent. One run at a time.
        engine: does the jobs.
        text: of the study's file, kept beside the results.
        retry_failed: also what failed before.
        force: also what was finished before.
        steps: told the steps and how far they are.
        stop: asked often; once it says yes, what is under way is dropped and the rest kept. So it
            is at Ctrl-C, as soon as there is a plan.
        note: told what of the data was left out, a line each.

    Raises:
        StudyError: the study does not fit its models, methods or data.
        OutputError: the folder is in use, or cannot be written to. What is finished is kept.
        ModelError: a preparation, such as the fit of a shield, failed.
    """
    out, tell = Path(out), steps or (lambda name: None)
    if out.exists():
        with sole_run(out):  # before anything is loaded
            pass
    try:
        task = open_task(setting, _stoppable(tell("reading the data"), stop))
    except _Stopped:
        return Totals(0, 0, 0, 0, interrupted=True)
    for line in task.notes:
        note(line)
    with sole_run(out), _opened(out) as store:
        plan = make_plan(
            task, store, retry_failed=retry_failed, force=force, tell=tell("planning"), stop=stop
        )
        if not stop():
            _keep_study(setting, text, out)
            plan.write(out)
            try:
                run = _Run(setting, engine, store, stop, tell)
                run.all(task, plan, "" if retry_failed else " (--retry-failed tries again)")
            except KeyboardInterrupt:
                store.abandon()  # in the middle of a row, perhaps: the journal knows
                return replace(plan.totals(stopped=True), left_out=task.left_out)
        return replace(plan.totals(stopped=stop()), left_out=task.left_out)


def prepared(setting: Setting, out: str | Path) -> dict[str, bytes]:
    """What the preparations of a study that was run made, such as ``"fit shield"``, by name.

    Args:
        setting: the study and where it runs.
        out: its folder.

    Raises:
        StudyError: the study does not fit its models, methods or data.
        OutputError: something that was made is damaged.
    """
    jobs = open_task(setting, lambda done, total: None).preparations
    store = Store(Path(out))
    artefacts = store.made([job.made for job in jobs]) if jobs else {}
    return {
        job.items[0].method: store.content(artefacts[job.made])
        for job in jobs
        if job.made in artefacts
    }


class _Stopped(Exception):  # noqa: N818
    """Told to stop before there was a plan."""


def _stoppable(tell: Tell | None, stop: Callable[[], bool]) -> Tell:
    def tell_or_stop(done: int, total: int) -> None:
        if stop():
            raise _Stopped
        if tell is not None:
            tell(done, total)

    return tell_or_stop


@contextmanager
def _opened(folder: Path) -> Iterator[Store]:
    """A store to write to, that has taken up what a killed run left; nothing but Parquet after."""
    store = Store(folder)
    store.recover()
    try:
        yield store
    except BaseException:
        # A disk that is full has no room for a shard either; the journal has it all.
        store.abandon()
        raise
    store.close()


class _Run:
    """One run: hands jobs to the engine and keeps what comes back."""

    def __init__(
        self,
        setting: Setting,
        engine: Engine,
        store: Store,
        stop: Callable[[], bool],
        tell: Steps,
    ) -> None:
        self._engine, self._store, self._stop, self._tell = engine, store, stop, tell
        self._provenance = _provenance(setting, engine)

    def all(self, task: Task, plan: StudyPlan, hint: str) -> None:
        """Both phases; ``hint`` goes with a preparation that failed."""
        preparations = task.preparations
        self._phase("preparing", task.worker({}), preparations, plan.preparations, plan)
        if len(plan.missing) and not self._stop():
            worker = task.worker(self._prepared(preparations, hint))
            self._phase("running", worker, task.jobs, plan.missing, plan)

    def _phase(
        self,
        name: str,
        worker: Callable[[], Worker],
        jobs: Sequence[Job],
        numbers: Sequence[int],
        plan: StudyPlan,
    ) -> None:
        if not len(numbers):
            return
        tell = self._tell(name)
        left = self._left(jobs, numbers, plan)
        finished = self._engine.run(worker, left, self._stop)
        for count, (job, done) in enumerate(finished, start=1):
            self._store.keep(done.files)
            self._store.add(self._rows(job, done))
            plan.take(done)
            if tell is not None:
                tell(count, len(numbers))

    def _left(self, jobs: Sequence[Job], numbers: Sequence[int], plan: StudyPlan) -> Iterator[Job]:
        """Jobs without what is there of them, and with what was kept of them."""
        begun = [job.made for job in (jobs[k] for k in numbers) if plan.begun(job)]
        kept = self._store.made(begun) if begun else {}
        for number in numbers:
            job = plan.draw(jobs[number])
            if job is not None:
                file = kept.get(job.made)
                given = self._store.content(file) if file else None
                yield replace(job, given=given)

    def _prepared(self, jobs: Sequence[Job], hint: str) -> dict[str, bytes]:
        """What the preparations made.

        Raises:
            ModelError: one of them failed.
        """
        names = [job.made for job in jobs]
        self._store.flush()
        artefacts = self._store.made(names) if names else {}
        for job in jobs:
            if job.made not in artefacts:
                raise ModelError(
                    f"{job.items[0].method}: {self._store.why(job.items[0].id)}; nothing can be "
                    f"measured without it{hint}"
                )
        return {name: self._store.content(file) for name, file in artefacts.items()}

    def _rows(self, job: Job, done: Done) -> list[Row]:
        wanted = {w.row: (item, w.metric) for item in job.items for w in item.wanted}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        rows = []
        for one in done.rows:
            item, metric = wanted[one.row]
            rows.append(
                {
                    "row": one.row,
                    "item": item.id,
                    "model": item.model,
                    "data": item.data,
                    "method": item.method,
                    "condition": item.condition,
                    "options": item.options,
                    "seed": item.seed,
                    "metric": metric,
                    "value": one.value,
                    "seconds": one.seconds,
                    "metric_seconds": one.metric_seconds,
                    "error": one.error,
                    "artefact": one.artefact,
                    "made": job.made if done.made else "",
                    "made_artefact": done.made,
                    "code": item.code,
                    "utc": now,
                    **self._provenance,
                }
            )
        return rows


def _provenance(setting: Setting, engine: Engine) -> Row:
    import torch

    return {
        "task": setting.study.task,
        "version": __version__,
        "torch": torch.__version__,
        "engine": engine.name,
        "device": setting.device,
        "threads": engine.threads,
        "host": socket.gethostname(),
    }


def _keep_study(setting: Setting, text: str, out: Path) -> None:
    kept = {
        "name": setting.study.name,
        "task": setting.study.task,
        "file": setting.file,
        "base": str(setting.base),
        "device": setting.device,
        "study": setting.study.model_dump(),
        "text": text,
    }
    keep_study(kept, out)
