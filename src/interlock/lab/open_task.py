"""From a study to its task: the one place that knows the tasks by name."""

from __future__ import annotations

from interlock.lab.data import Tell
from interlock.lab.task import Setting, Task


def open_task(setting: Setting, tell: Tell | None = None) -> Task:
    """Check a study against its models, methods and data, and expand it.

    Args:
        setting: what to run.
        tell: told data items that were digested.

    Raises:
        StudyError: with a line for each thing that is wrong.
        ModelError: a model cannot be loaded.
    """
    if setting.study.task == "explain":
        from interlock.lab.tasks.explain.task import ExplainTask

        return ExplainTask(setting, tell)
    if setting.study.task == "defend":
        from interlock.lab.tasks.defend.task import DefendTask

        return DefendTask(setting, tell)
    from interlock.lab.tasks.certify.task import CertifyTask

    return CertifyTask(setting, tell)
