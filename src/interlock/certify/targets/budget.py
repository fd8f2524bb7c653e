"""A limit on calls that no step can exceed."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.certify.targets.protocol import Identity, OnReply, Prompt, Reply, Target
from interlock.errors import InterlockError, OptionError


class BudgetSpentError(InterlockError):
    """The calls that were allowed have been made; every answer was handed on before."""


class Budget:
    """Calls that may still be made, shared by all that make some.

    Args:
        calls: in all, >= 0; each request of an endpoint is one, repeated ones as well.

    Raises:
        OptionError: fewer than none.
    """

    def __init__(self, calls: int) -> None:
        if calls < 0:
            raise OptionError(f"budget={calls}: give a number of calls, at least 0")
        self.calls = self.left = calls
        self.refused_repeat = False
        """Whether a lost call was not repeated for want of calls."""

    def take(self, wanted: int) -> int:
        """How many of the calls wanted may be made now; they count as made."""
        granted = min(wanted, self.left)
        self.left -= granted
        return granted

    def take_repeat(self) -> bool:
        """Whether one call that was lost may be made again; it counts as made."""
        granted = bool(self.take(1))
        self.refused_repeat |= not granted
        return granted

    def spent(self, lost: str | None = None) -> BudgetSpentError:
        """The error that ends a run."""
        why = f"; the last call was lost: {lost}" if lost else ""
        return BudgetSpentError(
            f"the budget of {self.calls} calls is spent, {self.calls - self.left} made{why}"
        )


class BudgetedTarget:
    """A target that is asked no more than a budget allows.

    A batch that exceeds what is left is answered as far as it goes, in order, and then ends in the
    error: behind a ``StoredTarget`` no answer is lost, and the next run begins after the last one.

    Raises:
        BudgetSpentError: by ``ask`` and ``ask_async``, when more calls are needed.
    """

    def __init__(self, target: Target, budget: Budget) -> None:
        self.target, self.budget = target, budget

    @property
    def identity(self) -> Identity:
        """The identity of the target behind."""
        return self.target.identity

    def ask(self, prompts: Sequence[Prompt], *, on_reply: OnReply | None = None) -> list[Reply]:
        """Answer each prompt, in order, as far as the budget goes."""
        granted = self.budget.take(len(prompts))
        replies = self.target.ask(prompts[:granted], on_reply=on_reply) if granted else []
        self._settle(replies, granted == len(prompts))
        return replies

    async def ask_async(self, prompt: Prompt) -> Reply:
        """Answer one prompt."""
        if not self.budget.take(1):
            raise self.budget.spent()
        reply = await self.target.ask_async(prompt)
        self._settle([reply], whole=True)
        return reply

    def _settle(self, replies: Sequence[Reply], whole: bool) -> None:
        lost = [reply.error for reply in replies if reply.lost]
        # What was lost for want of another try says nothing of the target.
        if not whole or (lost and self.budget.refused_repeat):
            raise self.budget.spent(lost[-1] if lost else None)
