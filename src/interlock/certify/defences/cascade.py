"""One defence after the other, the cheap one first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from interlock.certify.defences.not_drawn import NotDrawn
from interlock.certify.targets.protocol import Prompt
from interlock.certify.vote.asks import Asks, Defence
from interlock.errors import OptionError


@dataclass(frozen=True)
class Cascade(NotDrawn):
    """Each stage but the last says harmless, refused or suspicious; only the suspicious go on.

    * **harmless**, no vote of the stage is against release: released, and nobody else is asked;
    * **refused**, all of its votes are against, of two or more: refused at once;
    * **suspicious**, anything else, and a single vote against: the next stage decides.

    The last stage decides by its own rule. So the first stage lets through what it finds harmless,
    whatever the others would say: against an attacker the cascade is no stronger than that, and a
    certificate of a later stage does not hold for it. What it saves is false refusals, and calls.

    Raises:
        OptionError: fewer than two stages, a cascade among them, or one twice that draws nothing.
    """

    stages: tuple[Defence, ...]
    """In order, at least two."""

    def __post_init__(self) -> None:
        if len(self.stages) < 2 or any(isinstance(stage, Cascade) for stage in self.stages):
            raise OptionError("a cascade: give two stages or more, none of them a cascade")
        fixed = [stage.identity for stage in self.stages if isinstance(stage, NotDrawn)]
        twice = [one for i, one in enumerate(fixed) if one in fixed[:i]]
        if twice:
            raise OptionError(f"{twice[0]['name']} stands twice, and says the same; name it once")

    @property
    def name(self) -> str:
        """The stages' names, such as ``"self+erase"``."""
        return "+".join(stage.name for stage in self.stages)

    @property
    def identity(self) -> Mapping[str, Any]:
        """Those of the stages."""
        return {"name": "cascade", "stages": [dict(stage.identity) for stage in self.stages]}

    @property
    def most(self) -> int:
        """Those of all stages."""
        return sum(stage.most for stage in self.stages)

    def asks(self, prompt: Prompt, *, seed: int = 0) -> Asks:
        """A round for each stage."""
        return in_turn(
            [stage.asks(prompt, seed=stage_seed(seed, i)) for i, stage in enumerate(self.stages)]
        )


def stages_of(defence: Defence) -> tuple[Defence, ...]:
    """Its stages; of what is no cascade it alone."""
    return defence.stages if isinstance(defence, Cascade) else (defence,)


def with_stages(defence: Defence, change: Callable[[Defence], Defence]) -> Defence:
    """The defence with each of its stages changed."""
    if isinstance(defence, Cascade):
        return Cascade(tuple(change(stage) for stage in defence.stages))
    return change(defence)


def stage_seed(seed: int, number: int) -> int:
    """Of a stage's draws."""
    return seed + 1_000_003 * number


def in_turn(asked: Sequence[Asks]) -> Asks:
    """What the stages ask, each of them one round, as one; all but the last may say suspicious."""
    rounds = []
    for number, one in enumerate(asked):
        [(prompts, rule)] = one.rounds
        if number < len(asked) - 1:
            rule = replace(rule, refuse_at=max(len(prompts), 2), release_at=len(prompts))
        rounds.append((prompts, rule))
    return Asks(tuple(rounds))
