"""A target with a classifier beside it, which some defences ask before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from interlock.certify.targets.identity import deciding
from interlock.certify.targets.protocol import Identity, OnReply, Prompt, Reply, Target


class ClassifiedTarget:
    """Pass on to each what is for it, see ``Prompt.wants``.

    Args:
        target: answers.
        classifier: says of a text what it is. Its identity is the defence's to know.
    """

    def __init__(self, target: Target, classifier: Target) -> None:
        self.target, self.classifier = target, classifier

    @property
    def identity(self) -> Identity:
        """Of the target that answers."""
        return self.target.identity

    def ask(self, prompts: Sequence[Prompt], *, on_reply: OnReply | None = None) -> list[Reply]:
        """Answer each prompt, in order."""
        replies: dict[int, Reply] = {}
        for classes, whom in ((True, self.classifier), (False, self.target)):
            numbers = [i for i, one in enumerate(prompts) if (one.wants == "class") == classes]

            def keep(place: int, reply: Reply, numbers: list[int] = numbers) -> None:
                replies[numbers[place]] = reply
                if on_reply is not None:
                    on_reply(numbers[place], reply)

            if numbers:
                asked = [plain_question(prompts[i]) if classes else prompts[i] for i in numbers]
                whom.ask(asked, on_reply=keep)
        return [replies[i] for i in range(len(prompts))]

    async def ask_async(self, prompt: Prompt) -> Reply:
        """Answer one prompt."""
        if prompt.wants == "class":
            return await self.classifier.ask_async(plain_question(prompt))
        return await self.target.ask_async(prompt)


def classifier_identity(target: object) -> dict[str, object] | None:
    """What decides the answers of the classifier beside a target; None where there is none.

    Behind an address it is this and the model's name: it is asked greedily.
    """
    while target is not None and not isinstance(target, ClassifiedTarget):
        target = getattr(target, "target", None)
    if target is None:
        return None
    identity = deciding(target.classifier.identity)
    if identity.get("target") == "endpoint":
        return {name: identity[name] for name in ("url", "model")}
    return identity


def plain_question(prompt: Prompt) -> Prompt:
    """What the classifier is asked: without the message that names it."""
    return replace(prompt, messages=prompt.messages[1:], wants="answer")
