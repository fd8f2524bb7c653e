"""What an answer says, out of the layers that it comes in: reasoning, JSON, tags, markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any

from interlock.certify.judges.folding import fold

_NAMES = r"(?:seed:)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|scratchpad|analysis)"
_OPEN = rf"<{_NAMES}>|\[think\]|◁think▷|<\|begin_of_thought\|>|<\|channel\|>analysis<\|message\|>"
_CLOSE = (
    rf"</{_NAMES}>|\[/think\]|◁/think▷|<\|end_of_thought\|>"
    r"|<\|end\|>(?:<\|start\|>assistant)?|(?:<\|start\|>assistant)?(?=<\|channel\|>final)"
)
_MARKS = re.compile(rf"({_OPEN})|(?:{_CLOSE})", re.IGNORECASE)
_TOKEN = (
    r"(?:im|start|end|begin|bos|eos|eot|eom|eod|sep|pad|unk|of|text|turn|id|header|message"
    r"|channel|return|call"
    r"|constrain|assistant|user|system|human|bot|chatbot|tool|python|tag|response|answer"
    r"|output|final|commentary"
    r"|analysis|thinking|thought|solution|action|token|role|sentence|file|endoftext"
    r"|endofturn|vq|plugin)"
)
_TAGS = re.compile(
    rf"<[|｜]{_TOKEN}(?:[ _▁]{_TOKEN}){{0,4}}[|｜]>(?:final<\|message\|>)?"
    r"|</?s>|</?(?:start|end)_of_turn>(?:model\b)?|</?(?:bos|eos)>"
    r"|</?(?:answer|output|response|reply|message|text|content|final|final_answer|result|root|xml|assistant|p|b|i|em|strong|br|div|span|u|pre|code|body|html)\s*/?>",
    re.IGNORECASE,
)
"""Tokens of chat templates and bare tags, by their names: what others say is part of the answer."""
_NAMED = re.compile(
    r"\s*[*_#]*(?:thinking|thoughts?|reasoning|analysis)[*_]*:[*_]*(?P<inside>.*?)"
    r"^[*_# ]*(?:final )?(?:answer|response|reply)[*_]*:[*_]*",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
"""Reasoning before an answer, each with its name and a colon."""
_FENCE = re.compile(r"[ ]{0,3}(?:```|~~~)")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)')
_ITEM = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*+•])\s+\S", re.MULTILINE)
_EMPHASIS = re.compile(r"\*+|~~|(?<!\w)_+|_+(?!\w)|`+")
_HEAD = re.compile(
    r"^[ \t]*(?:#{1,6}(?=\s)|>|[-+•](?=\s)|\d{1,2}[.)](?=\s)|\|)+[ \t]*", re.MULTILINE
)
_RULE = re.compile(r"^[\s|:=*_-]+$", re.MULTILINE)
_KEY = re.compile("(?:[^\\W_]|[\u0900-\u097f])+(?:[ _-](?:[^\\W_]|[\u0900-\u097f])+)?")
_REFUSED = re.compile(
    fold(
        "refus|declin|reject|denied|blocked|ablehn|abgelehnt|verweiger|rechaz|rehus|rifiut|recus"
        "|отказ|отклон|拒|رفض|अस्वी|इनकार|मना"
    )
)
_MET = re.compile(r"compli|comply|fulfil|answered|can_?(?:help|answer|assist)|accepted")
_ANSWER = re.compile(
    fold(
        "(?:final_?)?(?:answer|response|reply|content|output|result|text|message|completion)"
        "|antwort|reponse|respuesta|risposta|resposta|contenido|contenu|contenuto|conteudo|inhalt"
        "|ответ|текст|回答|答案|回复|内容|返答|الجواب|الاجابة|الرد|उत्तर|जवाब"
    )
)
_STATE = re.compile(
    fold(
        "status|state|decision|action|outcome|zustand|entscheidung|statut|estado|stato|situacao"
        "|статус|состояние|решение|状态|状況|状態|処理|结果|結果|الحالة|स्थिति"
    )
)
_REASON = re.compile(
    fold(
        "reason|why|explanation|message|detail|note|grund|begrundung|begruendung|motif|raison|razon"
        "|motivo|причина|пояснение|原因|理由|说明|説明|内容|السبب|السبب|कारण"
    )
)
_ABOUT = re.compile(
    r"evidence|quot\w+|translat\w+|examples?|original\w*|paraphras\w+|dialog\w*|transcript"
    r"|sentiment"
    r"|utterance|sentence|speaker|lyrics|chapter|scene"
)
_FEW = 4
"""Fields of JSON: one that is true where the answer refuses, false where it does; its answer."""
_QUIET = frozenset(
    [
        "error",
        "failed",
        "failure",
        "none",
        "null",
        "false",
        "true",
        "ok",
        "assistant",
        "system",
        "text",
        "message",
        "safety",
        "unsafe",
        "harmful",
        "policy",
        "stop",
    ]
)


@dataclass(frozen=True)
class Said:
    """An answer without its layers."""

    texts: tuple[str, ...]
    """Plain text, or each text of a JSON answer that is no mere name or state."""
    reasoning: tuple[str, ...]
    """What stood in blocks of reasoning."""
    listed: bool
    """Whether there is code or a list of two items or more."""
    refused: bool
    """Whether a JSON answer says by a flag that it refuses, or leaves its answer empty."""
    about: bool
    """Whether JSON calls its text an example, a translation, evidence: it speaks of it."""
    open: bool
    """Whether reasoning or JSON has not ended: more of the answer may follow."""


def unwrapped(answer: str) -> Said:
    """Take an answer out of its layers. Nothing that it says gets lost."""
    text, reasoning, unfinished = _thought(answer)
    objects = list(_objects(text))
    texts, coded, cut = _leaves(without_tokens(text))
    listed = coded or any(len(_ITEM.findall(one)) > 1 for one in texts)
    plain = (_RULE.sub("\n", _HEAD.sub("", _unmarked(unescape(one)))) for one in texts)
    return Said(
        tuple(one for one in plain if one.strip()),
        tuple(block for block in reasoning if block.strip()),
        listed,
        any(map(_flagged, objects)),
        any(_ABOUT.fullmatch(fold(key)) for one in objects for key in _keys(one)),
        unfinished or cut,
    )


def _unmarked(text: str) -> str:
    return _EMPHASIS.sub("", text) if any(sign in text for sign in "*_`~") else text


def without_reasoning(text: str) -> str:
    """What stands outside of blocks of reasoning."""
    return _thought(text)[0]


def without_tokens(text: str) -> str:
    """A text without the tokens of chat templates."""
    return _TAGS.sub("\n", text)


def _thought(answer: str) -> tuple[str, list[str], bool]:
    """What stands outside of reasoning, what inside, and whether reasoning has not ended."""
    if named := _NAMED.match(answer):
        return answer[named.end() :], [named["inside"]], False
    if not any(sign in answer for sign in "<[◁"):  # what every mark begins with
        return f"\n{answer}", [], False
    outside, inside, start, within = [""], list[str](), 0, False
    for mark in _MARKS.finditer(answer):
        piece, start = answer[start : mark.start()], mark.end()
        (inside if within else outside).append(piece)
        if not within and mark[1] is None and mark.group():
            # A block's end without its beginning, which stood in the prompt.
            inside, outside = [*inside, *outside], []
        within = mark[1] is not None
    (inside if within else outside).append(answer[start:])
    return "\n".join(outside), inside, within


def _leaves(text: str, depth: int = 0) -> tuple[list[str], bool, bool]:
    """Texts, whether there is code, and whether JSON was cut off."""
    begins = text.lstrip()[:1]
    if begins and begins in "{[" and depth < 4:
        try:
            # Pairs, not a dictionary: of two equal keys both are read.
            whole = json.loads(text, object_pairs_hook=_Pairs)
        except (json.JSONDecodeError, RecursionError):
            if not re.match(r'\s*[\[{]+\s*"', text):
                return [text], False, False
            return (
                [_unescaped(one) for one in _STRING.findall(text) if not _quiet(one)],
                False,
                True,
            )
        told = list(_texts(whole)) or [text]
        parts = [_leaves(one, depth + 1) for one in told if one != text] or [([text], False, False)]
        many = any(isinstance(one, list) and len(one) > 2 for one in _inner(whole))
        return [t for p in parts for t in p[0]], many or any(p[1] for p in parts), False
    texts, coded, cut = list[str](), False, False
    for number, lines in enumerate(_fenced(text)):
        inside = "\n".join(lines)
        if number % 2 and inside.lstrip()[:1] in ("{", "["):
            more, code, cut = _leaves(inside, depth + 1)
        else:
            more, code = [inside], number % 2 == 1 and len(inside.strip().splitlines()) > 1
        texts += more
        coded = coded or code
    return texts, coded, cut


def _fenced(text: str) -> list[list[str]]:
    """Lines outside and inside of fences, in turns."""
    turns: list[list[str]] = [[]]
    for line in text.split("\n"):
        if not _FENCE.match(line):
            turns[-1].append(line)
        elif line.count("```") > 1:  # a fence in one line
            turns[-1].append(line.replace("```", " "))
        else:
            turns.append([])
    return turns


class _Pairs(list[tuple[str, Any]]):
    """A JSON object."""


def _inner(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, _Pairs):
        for _, one in value:
            yield from _inner(one)
    elif isinstance(value, list):
        for one in value:
            yield from _inner(one)


def _keys(value: Any) -> Iterator[str]:
    for one in _inner(value):
        if isinstance(one, _Pairs):
            yield from (key for key, _ in one)


def _texts(value: Any) -> Iterator[str]:
    for one in _inner(value):
        if isinstance(one, _Pairs):
            yield from (key for key, _ in one if len(key) > 24 or not _KEY.fullmatch(key))
        elif isinstance(one, str) and not _quiet(one):
            yield one
        elif isinstance(one, int | float) and not isinstance(one, bool) and not 0 <= one < 600:
            yield str(one)


def _objects(text: str) -> Iterator[Any]:
    """What there is of JSON: the text itself, or what its fences hold."""
    inside = ["\n".join(lines) for lines in _fenced(text)[1::2]]
    for one in (text, *inside):
        if one.lstrip()[:1] in ("{", "["):
            try:
                yield json.loads(one, object_pairs_hook=_Pairs)
            except (json.JSONDecodeError, RecursionError):
                continue


def _flagged(whole: Any) -> bool:
    """Whether a field of JSON says that the answer refuses, or is an answer left empty."""
    fields = [field for one in _inner(whole) if isinstance(one, _Pairs) for field in one]
    return any(
        (value is True and _REFUSED.search(fold(key)))
        or (value is False and _MET.search(fold(key)))
        or (value in (None, "", []) and _ANSWER.fullmatch(fold(key)))
        for key, value in fields
    ) or (
        len(fields) <= _FEW
        and any(_STATE.fullmatch(fold(key)) for key, _ in fields)
        and any(_REASON.fullmatch(fold(key)) for key, _ in fields)
    )


def _quiet(text: str) -> bool:
    return text.lower() in _QUIET


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except json.JSONDecodeError:
        return text
