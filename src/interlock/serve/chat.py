"""One chat request: built anew from what the guard knows of it, and its copies."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import accumulate, pairwise
from typing import Any

from interlock.certify import Perturbation, Prompt
from interlock.certify.targets.protocol import Message
from interlock.certify.vote.graphemes import graphemes
from interlock.certify.vote.perturb import sampling_seed
from interlock.certify.vote.random_copies import Change
from interlock.serve.channels import DefaultPolicies, Policies, Use
from interlock.serve.messages import MessageReader
from interlock.serve.reading import LEFT_OUT, Field, Reading, flag, listed, number, one_of
from interlock.serve.strict_json import KeyTwiceError, read_client_json
from interlock.serve.tools import ToolReader
from interlock.serve.tree import Leaf, Uncopied, filled, leaves
from interlock.serve.wire_error import bad_request

_MODEL = 512  # characters of a model's name; the ledger keeps it
_STOPS = 16
_NUMBERS = (
    "temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty",
    "repetition_penalty", "max_tokens", "max_completion_tokens", "min_tokens",
)  # fmt: skip
_METADATA = ("metadata", "user", "safety_identifier", "prompt_cache_key")
_NAMES = "abcdefghijklmnopqrstuvwxyz0123456789_"
"""What names are perturbed by: what every server takes for a part of a name."""


@dataclass(frozen=True)
class Copy:
    """One perturbed copy of a request, or the request as it came."""

    body: Mapping[str, Any]
    """To be sent upstream."""
    prompt: Prompt
    """The user's messages as they stand there, for the judge; its seed is the copy's number."""
    own: bool = False
    """Whether it is a question of the guard's own about the request."""


@dataclass(frozen=True)
class ChatRequest:
    """A request that was read and found to be one."""

    tree: Mapping[str, Any]
    """What is sent on, with the places of what is voted on."""
    uses: tuple[Use, ...]
    """Through which channels it reaches the model."""
    model: str
    n: int = 1
    stream: bool = False
    include_usage: bool = False
    seed: int | None = None
    """The client's own, for the unperturbed request alone."""

    @classmethod
    def read(cls, content: bytes, policies: Policies | None = None) -> ChatRequest:
        """Read the body of ``POST /v1/chat/completions``.

        Raises:
            WireError: 400, with the field that is wrong, or that the policies do not let through.
        """
        return cls.of(read_object(content), policies)

    @classmethod
    def of(
        cls, body: Any, policies: Policies | None = None, *, unaltered: bool = False
    ) -> ChatRequest:
        """Read a body that is parsed already, as :func:`read_client_json` does it.

        Args:
            body: parsed.
            policies: those of the table where absent.
            unaltered: see :class:`~interlock.serve.reading.Reading`.

        Raises:
            WireError: as :meth:`read`.
        """
        if not isinstance(body, dict):
            raise bad_request("the body must be a JSON object")
        reading = Reading(policies or DefaultPolicies(), unaltered=unaltered)
        model = body.get("model")
        if not isinstance(model, str) or not model.isprintable() or not 0 < len(model) <= _MODEL:
            raise bad_request(f"give the model's name, at most {_MODEL} characters", "model")
        if body.get("messages") is None:
            raise bad_request("give at least one message", "messages")
        own: dict[str, Any] = {}
        try:
            built = reading.fields(_tools_first(body), "", "", _fields(reading, own))
        except RecursionError:
            raise bad_request("nested too deeply") from None
        return cls(built, tuple(reading.uses), model, **own)

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """All that is voted on, in order."""
        return tuple(leaves(self.tree))

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """What is voted on, text by text: first that of the user."""
        groups = _groups(leaf for leaf in self.leaves if leaf.channel == "user")
        others = _groups(leaf for leaf in self.leaves if leaf.channel != "user")
        return tuple("".join(leaf.text for leaf in group) for _, group in (*groups, *others))

    @property
    def parted(self) -> list[list[Leaf]]:
        """What is voted on, by the texts that are changed as one, in order."""
        return [group for _, group in _groups(self.leaves)]

    @property
    def groups(self) -> int:
        """Texts that are perturbed one by one."""
        return len({leaf.group for leaf in self.leaves})

    @property
    def messages(self) -> int:
        """Of the chat."""
        return len(self.tree["messages"])

    @property
    def characters(self) -> int:
        """Code points that are voted on."""
        return sum(len(leaf.text) for leaf in self.leaves)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what is voted on; equal for equal prompts."""
        return sha256(json.dumps(self.texts).encode()).hexdigest()

    @cached_property
    def likeness(self) -> str:
        """What is voted on without case, blanks, controls, compatibility forms and the cut into
        messages.
        """
        whole = unicodedata.normalize("NFKC", "".join(self.texts)).casefold()
        words = "".join(unicodedata.normalize("NFKC", whole).split())
        return "".join(c for c in words if unicodedata.category(c) not in ("Cc", "Cf"))

    @cached_property
    def original(self) -> Copy:
        """The request as it came."""
        body = filled(self.tree, None)
        if self.seed is not None:
            body["seed"] = self.seed
        return Copy(body, Prompt(self._said(None), seed=-1))

    @property
    def whole(self) -> Prompt:
        """All that is voted on as one chat; what neither the user nor the assistant said is under
        the name of its channel."""
        return Prompt(
            tuple(
                Message(_role(group[0]), "".join(leaf.text for leaf in group))
                for group in self.parted
            )
            or (Message("user", ""),)
        )

    def copies(self, change: Change, count: int, seed: int) -> list[Copy]:
        """The first ``count`` copies; those of :meth:`SmoothLLM.perturbed` for the same seed.

        Texts of one message, or of one tool, are perturbed as one text: cut into many small parts
        it must not come through with fewer changes.
        """
        return list(map(self.drawing(change, seed), range(count)))

    def drawing(self, change: Change, seed: int) -> Callable[[int], Copy]:
        """What makes a copy by its number, see :meth:`copies`."""
        parts = list(self._parts(change))

        def copy(number: int) -> Copy:
            texts = (part.changed(number, seed) for part in parts)
            return self.copy(
                {leaf: text for of_part in texts for leaf, text in of_part}, number, seed
            )

        return copy

    def alters(self, change: Change) -> bool:
        """Whether no copy can be the request as it came."""
        return any(part.change.alters(part.characters) for part in self._parts(change))

    def spared_by(self, change: Change) -> bool:
        """Whether one of its texts comes to the model as it is in every copy."""
        return any(not part.change.changes(part.characters) for part in self._parts(change))

    def copy(self, texts: Mapping[Leaf, str], number: int, seed: int) -> Copy:
        """The request with another text in each place that is voted on.

        A client's own ``seed`` draws no other copies: each copy samples by one that follows from
        the text and ``seed``.
        """
        body = filled(self.tree, texts)
        if self.seed is not None:
            body["seed"] = sampling_seed(self.digest, seed, number)
        return Copy(body, Prompt(self._said(texts), seed=number))

    def _said(self, texts: Mapping[Leaf, str] | None) -> tuple[Message, ...]:
        users = [leaf for leaf in self.leaves if leaf.channel == "user"]
        voted = users or [leaf for leaf in self.leaves if leaf.kind == "text"] or self.leaves
        said = tuple(
            Message("user", "".join(leaf.text if texts is None else texts[leaf] for leaf in group))
            for _, group in _groups(voted)
        )
        return said or (Message("user", ""),)

    def _parts(self, change: Change) -> Iterator[_Part]:
        """What is changed as one, and how."""
        by_letter = (
            change if isinstance(change, Perturbation) else Perturbation("swap", change.rate)
        )
        names = replace(by_letter, kind="swap", alphabet=_NAMES)
        places = {f"messages[{i}]": i for i in range(self.messages)}
        for group, texts in _groups(self.leaves):
            # A name is changed alike wherever it stands, and a message as SmoothLLM changes it.
            as_names = texts[0].kind == "name"
            split = [graphemes(leaf.text) for leaf in (texts[:1] if as_names else texts)]
            how: Change = names if as_names else change
            yield _Part(tuple(texts), split, how, places.get(group, len(places)))


@dataclass(frozen=True)
class _Part:
    """Leaves that are changed as one text."""

    leaves: tuple[Leaf, ...]
    split: list[list[str]]
    """The characters of each; of names, which are equal, those of the first."""
    change: Change
    number: int
    """Told apart from other parts by."""

    @cached_property
    def characters(self) -> list[str]:
        return [character for part in self.split for character in part]

    def changed(self, copy: int, seed: int) -> Iterator[tuple[Leaf, str]]:
        """For each leaf its text in a copy."""
        made = self.change.copy_of(self.characters, copy, seed=seed + self.number)
        ends = list(accumulate(map(len, self.split)))
        texts = ["".join(made[start:end]) for start, end in pairwise([0, *ends])]
        if len(texts) < len(self.leaves):
            texts *= len(self.leaves)
        return zip(self.leaves, texts, strict=True)


def read_object(content: bytes) -> dict[str, Any]:
    """The JSON object of a request's body.

    Raises:
        WireError: 400, where it is none, or has a key that some servers read twice.
    """
    try:
        body = read_client_json(content)
    except KeyTwiceError as error:
        raise bad_request(str(error), error.key, "ambiguous_key") from None
    except ValueError:
        raise bad_request(
            "the body is not JSON, or has more levels or longer fractions than are read"
        ) from None
    if not isinstance(body, dict):
        raise bad_request("the body must be a JSON object")
    return body


def _groups(texts: Iterable[Leaf]) -> list[tuple[str, list[Leaf]]]:
    """Leaves by group, in the order of each group's first."""
    groups: dict[str, list[Leaf]] = {}
    for leaf in texts:
        groups.setdefault(leaf.group, []).append(leaf)
    return list(groups.items())


def _role(leaf: Leaf) -> str:
    return leaf.channel if leaf.channel in ("user", "assistant") else f"{leaf.channel} text"


def _tools_first(body: Mapping[str, Any]) -> dict[str, Any]:
    """Which tools there are decides how calls of them are read."""
    return {"tools": body.get("tools")} | dict(body)


def _fields(reading: Reading, own: dict[str, Any]) -> dict[str, Field]:
    """The keys of a request; the guard's own go into ``own`` and are not sent on."""
    tools = ToolReader(reading)

    def kept(name: str, read: Field) -> Field:
        def keep(value: Any, where: str) -> Any:
            own[name] = read(value, where)
            return LEFT_OUT

        return keep

    def metadata(value: Any, where: str) -> Any:
        if not isinstance(value, str | dict):
            raise bad_request("give a text or an object", where)
        return LEFT_OUT if reading.use("metadata", where) == "drop" else value

    def options(value: Any, where: str) -> Any:
        known: dict[str, Field] = {"include_usage": flag, "include_obfuscation": flag}
        own["include_usage"] = reading.fields(value, where, where, known).get(
            "include_usage", False
        )
        return LEFT_OUT

    return {
        **dict.fromkeys(_NUMBERS, number),
        **dict.fromkeys(("logprobs", "parallel_tool_calls", "store"), flag),
        **dict.fromkeys(_METADATA, metadata),
        "top_logprobs": lambda value, where: _alternatives(reading, value, where),
        "model": lambda value, _: value,
        "messages": MessageReader(reading, tools).messages,
        "n": kept("n", _count),
        "stream": kept("stream", flag),
        "stream_options": options,
        "seed": kept("seed", _whole),
        "tools": tools.tools,
        "tool_choice": tools.choice,
        "response_format": tools.response_format,
        "reasoning_effort": one_of("none", "minimal", "low", "medium", "high", "xhigh", "max"),
        "verbosity": one_of("low", "medium", "high"),
        "service_tier": one_of("auto", "default", "flex", "scale", "priority"),
        "modalities": lambda value, where: _modalities(reading, value, where),
        "audio": lambda value, where: _blind(reading, value, where),
        "logit_bias": _bias,
        "stop": lambda value, where: _stop(reading, value, where),
        "prediction": lambda value, where: _prediction(reading, value, where),
        "documents": lambda value, where: _documents(reading, value, where),
    }


def _count(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise bad_request("give a whole number from 1 on", where)
    return value


def _whole(value: Any, where: str) -> int:
    if not isinstance(number(value, where), int):
        raise bad_request("give a whole number", where)
    return int(value)


def _modalities(reading: Reading, value: Any, where: str) -> Any:
    named = [one_of("text", "audio")(one, where) for one in listed(value, where)]
    return _blind(reading, named, where) if "audio" in named else named  # no judge hears


def _blind(reading: Reading, value: Any, where: str) -> Any:
    reading.use("audio", where)
    return value


def _alternatives(reading: Reading, value: Any, where: str) -> Any:
    """What else the model might have said is its text, too, and no judge reads it."""
    asked = number(value, where)
    if asked and not reading.unaltered and not reading.opened(where, where):
        raise bad_request(
            "nobody judges other tokens than the answer's; ask for none, or the guard's operator "
            'opens them (policy.extra = ["top_logprobs"])',
            where,
            "unguardable_content",
        )
    return asked


def _bias(value: Any, where: str) -> Uncopied:
    """Without it in the copies, nobody can forbid them the words of a refusal."""
    if not isinstance(value, dict) or not all(
        key.isascii() and key.isdigit() and len(key) < 8 for key in value
    ):
        raise bad_request("give an object of tokens' numbers and their bias", where)
    return Uncopied({key: number(bias, where) for key, bias in value.items()})


def _stop(reading: Reading, value: Any, where: str) -> Any:
    given = [value] if isinstance(value, str) else listed(value, where)
    if len(given) > _STOPS:
        raise bad_request(f"at most {_STOPS} texts", where)
    texts = [reading.clean(one, where) for one in given]
    policy = reading.use("stop", where)
    if policy == "drop" or not texts:
        return LEFT_OUT
    plain = texts[0] if isinstance(value, str) else texts
    return Uncopied(plain) if policy == "vote" else plain


def _prediction(reading: Reading, value: Any, where: str) -> Any:
    if reading.use("prediction", where, value) != "vote":
        return value
    known: dict[str, Field] = {
        "type": one_of("content"),
        "content": lambda one, here: reading.leaf("prediction", where, reading.clean(one, here)),
    }
    return reading.fields(value, where, where, known)


def _documents(reading: Reading, value: Any, where: str) -> Any:
    if reading.use("documents", where, value) != "vote":
        return value

    def text(one: Any, here: str) -> Leaf:
        return reading.leaf("documents", where, reading.clean(one, here))

    known: dict[str, Field] = dict.fromkeys(("id", "title", "text", "content", "url"), text)
    return [
        text(one, here) if isinstance(one, str) else reading.fields(one, here, where, known)
        for one, here in ((one, f"{where}[{i}]") for i, one in enumerate(listed(value, where)))
    ]
