"""Answers that were written down earlier: replays, and tests without a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from interlock._files import decoded
from interlock.certify.targets.protocol import Identity, OnReply, Prompt, Reply
from interlock.data.rows import parse_row
from interlock.errors import DataError


class RecordedTarget:
    """Replay a JSONL file of prompts and answers.

    Each line is an object with ``answer`` and either ``prompt`` (the user's text) or ``messages``
    (the whole chat). Where a chat was asked several times its answers are given in the file's
    order by the prompt's seed, modulo their number. A prompt that was not recorded is lost.

    Args:
        path: the JSONL file, UTF-8.

    Raises:
        DataError: the file is missing, or a line is not of that form (it is named).
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            raw = self.path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from None
        lines = decoded(raw, path).split("\n")
        self._digest = sha256(raw).hexdigest()
        self._answers: dict[str, list[str]] = {}
        for number, line in enumerate(lines, 1):
            if line.strip():
                key, answer = _parse(line, f"{self.path.name}, line {number}")
                self._answers.setdefault(key, []).append(answer)

    @property
    def identity(self) -> Identity:
        """The file's content hash."""
        return {"target": "recorded", "sha256": self._digest}

    def ask(self, prompts: Sequence[Prompt], *, on_reply: OnReply | None = None) -> list[Reply]:
        """The recorded answers, in order."""
        replies = [self._reply(prompt) for prompt in prompts]
        if on_reply is not None:
            for number, reply in enumerate(replies):
                on_reply(number, reply)
        return replies

    async def ask_async(self, prompt: Prompt) -> Reply:
        """The recorded answer."""
        return self._reply(prompt)

    def _reply(self, prompt: Prompt) -> Reply:
        answers = self._answers.get(_key(prompt.as_chat()))
        if answers is None and [m.role for m in prompt.messages] == ["system", "user"]:
            answers = self._answers.get(_key([prompt.as_chat()[1]]))
        if not answers:
            return Reply.failed(f"{self.path.name} holds no answer to this prompt")
        return Reply(answers[prompt.seed % len(answers)])


def _parse(line: str, where: str) -> tuple[str, str]:
    row = parse_row(line, where)
    if not isinstance(row.get("answer"), str):
        raise DataError(f"{where}: expected an object with a text 'answer'")
    if isinstance(row.get("prompt"), str):
        return _key([{"role": "user", "content": row["prompt"]}]), row["answer"]
    messages: Any = row.get("messages")
    try:
        chat = [{"role": str(m["role"]), "content": str(m["content"])} for m in messages]
    except (TypeError, KeyError):
        raise DataError(
            f"{where}: expected 'prompt', or 'messages' with role and content"
        ) from None
    return _key(chat), row["answer"]


def _key(chat: list[dict[str, str]]) -> str:
    return json.dumps([[m["role"], m["content"]] for m in chat])
