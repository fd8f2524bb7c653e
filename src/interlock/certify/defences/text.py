"""Defences by a short text, as ``--defence`` takes it, and by their identity, as cards hold it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from interlock.certify.defences.cascade import Cascade
from interlock.certify.defences.classifier import Classifier
from interlock.certify.defences.drop import DropWords
from interlock.certify.defences.erase import EraseAndCheck
from interlock.certify.defences.perplexity import Perplexity
from interlock.certify.defences.self_check import SelfCheck
from interlock.certify.vote.asks import Defence
from interlock.certify.vote.perturb import Perturbation
from interlock.certify.vote.random_copies import RandomCopies
from interlock.errors import OptionError
from interlock.names import DEFENCES, FORMS, KINDS

_OPTIONS: Mapping[str, Mapping[str, type]] = {
    "smooth": {"kind": str, "rate": float, "copies": int},
    "drop": {"rate": float, "copies": int},
    "erase": {"every": int, "longest": int, "parts": int},
    "self": {},
    "perplexity": {"threshold": float, "window": int, "quantile": float},
    "classifier": {"form": str},
}
"""Name -> its options, and what each is."""
_COPIES = {"smooth": 11, "drop": 5}
_IS = {str: "a word", int: "a whole number", float: "a number"}


def parse_defence(text: str) -> Defence:
    """The defence that a text names.

    ``smooth:swap,rate=0.1,copies=11``, ``drop:rate=0.3,copies=5``, ``erase:every=3,longest=20``,
    ``erase:parts=3``, ``self``, ``perplexity:quantile=0.95,window=16``,
    ``classifier:form=question``, and several with ``+`` for a cascade, the cheap one first. What is
    absent is by default.

    Raises:
        OptionError: it names none; the line says what to write.
    """
    stages = [_parsed(part.strip(), text) for part in text.split("+")]
    try:
        return defence_from(
            stages[0] if len(stages) == 1 else {"name": "cascade", "stages": stages}
        )
    except OptionError as error:
        raise OptionError(f"defence={text!r}: {error}") from None


def defence_from(identity: Mapping[str, Any]) -> Defence:
    """The defence of an identity; its own ``identity`` is equal, defaults filled in.

    Raises:
        OptionError: there is no such defence, or an option outside its range.
    """
    options = dict(identity)
    name = options.pop("name", None)
    try:
        if name == "cascade":
            return Cascade(tuple(defence_from(stage) for stage in options.pop("stages")))
        if name in ("self", "classifier"):
            question = options.pop("question", None)
            made = SelfCheck(**options) if name == "self" else Classifier(**options)
            if question not in (None, made.identity["question"]):
                raise OptionError(f"{name}: its question was another one; certify it anew")
            return made
        if name == "perplexity":
            return Perplexity(**options)
        if name == "erase":
            return EraseAndCheck(**options)
        copies = options.pop("copies", _COPIES.get(str(name)))
        if name == "smooth":
            return RandomCopies(Perturbation(**options), copies)
        if name == "drop":
            return RandomCopies(DropWords(**options), copies)
    except (TypeError, KeyError) as error:
        raise OptionError(f"{name}: no defence has these options ({error})") from None
    raise OptionError(f"{name!r} is no defence; choose {_listed(DEFENCES)}")


def defence_text(defence: Defence) -> str:
    """The text that names a defence, for people; settings that texts cannot name are left out."""
    return _text(defence.identity)


def _text(identity: Mapping[str, Any]) -> str:
    name = identity["name"]
    if name == "cascade":
        return "+".join(_text(stage) for stage in identity["stages"])
    options = [
        f"{key}={identity[key]}" for key in _OPTIONS[name] if key != "kind" and key in identity
    ]
    head = [identity["kind"]] if "kind" in identity else []
    return f"{name}:{','.join([*head, *options])}" if head or options else str(name)


def _parsed(part: str, whole: str) -> dict[str, Any]:
    """The identity that one stage names."""
    name, _, rest = part.partition(":")
    name = name.strip()
    if name not in _OPTIONS:
        raise OptionError(f"defence={whole!r}: {name!r} is no defence; {_instead(name, DEFENCES)}")
    known, options = _OPTIONS[name], dict[str, Any]()
    for setting in filter(None, (one.strip() for one in rest.split(","))):
        key, equals, value = (one.strip() for one in setting.partition("="))
        if not equals and "kind" in known:
            key, value = "kind", key
        if key not in known:
            instead = _instead(key, tuple(known)) if known else f"{name} has no options"
            raise OptionError(f"defence={whole!r}: {key!r} is no option of {name}; {instead}")
        if key in options:
            raise OptionError(f"defence={whole!r}: {key} stands twice; give it once")
        try:
            options[key] = known[key](value)
        except ValueError:
            raise OptionError(
                f"defence={whole!r}: {key}={value!r}: give {_IS[known[key]]}"
            ) from None
    if options.get("form", "question") not in FORMS:
        raise OptionError(f"defence={whole!r}: form={options['form']!r}: choose {_listed(FORMS)}")
    if options.get("kind", "swap") not in KINDS:
        raise OptionError(f"defence={whole!r}: kind={options['kind']!r}: choose {_listed(KINDS)}")
    if "parts" in options and len(options) > 1:
        raise OptionError(f"defence={whole!r}: give parts, or every and longest, not both")
    return {"name": name, **options}


def _instead(given: str, names: tuple[str, ...]) -> str:
    close = get_close_matches(given, names, 1)
    return f"did you mean {close[0]!r}?" if close else f"choose {_listed(names)}"


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]
