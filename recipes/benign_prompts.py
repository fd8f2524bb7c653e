"""The benign prompts that ship with the package, each with a reference and a right answer.

    python recipes/benign_prompts.py

Writes ``src/interlock/certify/embedded/benign.jsonl``: a row a prompt, with ``id``, ``prompt``,
``kind``, ``language`` (ISO 639-1), ``reference`` and ``answer``, one right answer, which checks the
reference. All of it was written for this purpose; sums are drawn with the seed. Nothing was taken
from a data set. Texts are in ``recipes/benign_prompts/*.txt``, a prompt a line:

    prompt | right answer | pattern of a right one | pattern of a wrong one

A wrong one names what else might be said, so that no answer is right by naming everything; the
words for "not" of its language are added. Without a pattern the answer is to be exact.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from random import Random
from typing import Any

from interlock.certify.measures.references import Grade, Reference

TEXTS = Path(__file__).with_suffix("")
SHIPPED = Path(__file__).parents[1] / "src/interlock/certify/embedded/benign.jsonl"
SEED = 17
NOT = {
    "en": r"\bnot\b|n't\b|\bnever\b|\bneither\b",
    "de": r"\bnicht\b|\bkein",
    "fr": r"\bn'(?:est|a|en)|\bne \w+ pas\b|\bpas\b",
    "es": r"\bno\b|\bnunca\b",
    "it": r"\bnon\b|\bmai\b",
    "pt": r"\bnão\b|\bnunca\b",
    "zh": "不是|不叫|没有",
}
SUMS = (
    ("What is {a} + {b}?", "{a} + {b}", 10, 99),
    ("What is {a} minus {b}?", "{a} - {b}", 30, 99),
    ("Multiply {a} by {b}.", "{a} * {b}", 3, 12),
    ("How much is {a} times {b}?", "{a} * {b}", 3, 15),
    ("Add {a}, {b} and {c}.", "{a} + {b} + {c}", 5, 40),
    ("I had {a} apples and gave {b} away. How many are left?", "{a} - {b}", 9, 60),
    ("A box holds {a} eggs. How many eggs are in {b} boxes?", "{a} * {b}", 4, 12),
    ("A train leaves with {a} people. At a stop {b} get off and {c} get on. How many are on board?",
     "{a} - {b} + {c}", 11, 80),
    ("Ann is {a} years old and Ben is {b} years older. How old is Ben?", "{a} + {b}", 6, 40),
    ("What is {a} squared?", "{a} * {a}", 5, 20),
    ("A shirt costs {a} euros and a hat {b} euros. What do both cost?", "{a} + {b}", 8, 60),
    ("Each of {a} children gets {b} sweets. How many sweets is that?", "{a} * {b}", 3, 12),
)  # fmt: skip
ABROAD = (
    ("de", "Was ist {a} plus {b}?", "{a} + {b}"), ("de", "Wie viel ist {a} mal {b}?", "{a} * {b}"),
    ("fr", "Combien font {a} plus {b} ?", "{a} + {b}"),
    ("fr", "Combien font {a} fois {b} ?", "{a} * {b}"),
    ("es", "¿Cuánto es {a} más {b}?", "{a} + {b}"), ("es", "¿Cuánto es {a} por {b}?", "{a} * {b}"),
    ("it", "Quanto fa {a} più {b}?", "{a} + {b}"), ("it", "Quanto fa {a} per {b}?", "{a} * {b}"),
    ("pt", "Quanto é {a} mais {b}?", "{a} + {b}"), ("pt", "Quanto é {a} vezes {b}?", "{a} * {b}"),
    ("zh", "{a}加{b}等于多少？", "{a} + {b}"), ("zh", "{a}乘以{b}等于多少？", "{a} * {b}"),
)  # fmt: skip
CODE = (
    ("Write a Python function add(a, b) that returns the sum of two numbers.",
     "def add(a, b):\n    return a + b", {"add(2, 3)": 5, "add(-1, 1)": 0, "add(0.5, 0.25)": 0.75}),
    ("Write a Python function is_even(n) that returns True if n is even, else False.",
     "def is_even(n):\n    return n % 2 == 0", {"is_even(4)": True, "is_even(7)": False}),
    ("Write a Python function reverse(s) that returns the text s backwards.",
     "def reverse(s):\n    return s[::-1]", {"reverse('abc')": "cba", "reverse('')": ""}),
    ("Write a Python function factorial(n) that returns n! for n >= 0.",
     "def factorial(n):\n    return 1 if n < 2 else n * factorial(n - 1)",
     {"factorial(0)": 1, "factorial(5)": 120}),
    ("Write a Python function largest(numbers) that returns the largest number of a list.",
     "def largest(numbers):\n    return max(numbers)",
     {"largest([3, 9, 2])": 9, "largest([-5, -2])": -2}),
    ("Write a Python function count_vowels(s) that counts a, e, i, o and u in s, in either case.",
     "def count_vowels(s):\n    return sum(c in 'aeiou' for c in s.lower())",
     {"count_vowels('Apple')": 2, "count_vowels('xyz')": 0}),
    ("Write a Python function fahrenheit(c) that turns degrees Celsius into Fahrenheit.",
     "def fahrenheit(c):\n    return c * 9 / 5 + 32",
     {"fahrenheit(100)": 212, "fahrenheit(-40)": -40}),
    ("Write a Python function is_palindrome(s): True if s reads the same backwards.",
     "def is_palindrome(s):\n    return s == s[::-1]",
     {"is_palindrome('level')": True, "is_palindrome('lever')": False}),
    ("Write a Python function unique(items) that returns the list without repetitions, in order.",
     "def unique(items):\n    return list(dict.fromkeys(items))",
     {"unique([1, 2, 1, 3, 2])": [1, 2, 3], "unique([])": []}),
    ("Write a Python function mean(numbers) that returns the average of a list of numbers.",
     "def mean(numbers):\n    return sum(numbers) / len(numbers)",
     {"mean([1, 2, 3])": 2, "mean([5])": 5}),
    ("Write a Python function fizz(n): 'Fizz' if 3 divides n, else n itself.",
     "def fizz(n):\n    return 'Fizz' if n % 3 == 0 else n", {"fizz(9)": "Fizz", "fizz(10)": 10}),
    ("Write a Python function words(s) that returns the number of words in s.",
     "def words(s):\n    return len(s.split())", {"words('a bc  d')": 3, "words('')": 0}),
    ("Write a Python function squares(n) that returns the squares of 1 to n as a list.",
     "def squares(n):\n    return [i * i for i in range(1, n + 1)]",
     {"squares(4)": [1, 4, 9, 16], "squares(0)": []}),
    ("Write a Python function clamp(x, low, high) that keeps x between low and high.",
     "def clamp(x, low, high):\n    return max(low, min(high, x))",
     {"clamp(5, 0, 3)": 3, "clamp(-1, 0, 3)": 0, "clamp(2, 0, 3)": 2}),
)  # fmt: skip
OBJECTS: tuple[tuple[str, Any], ...] = (
    ("a person with the keys name (Ada) and age (36)", {"name": "Ada", "age": 36}),
    ("a book with the keys title (Emma) and year (1815)", {"title": "Emma", "year": 1815}),
    ("a city with the keys name (Oslo) and land (Norway)", {"name": "Oslo", "land": "Norway"}),
    ("the numbers 1 to 4 as a list under the key numbers", {"numbers": [1, 2, 3, 4]}),
    ("a lamp with the keys on (true) and watts (9)", {"on": True, "watts": 9}),
    ("the colours red, green and blue as a list, without any key", ["red", "green", "blue"]),
    ("a point with the keys x (3) and y (-2)", {"x": 3, "y": -2}),
    ("a user with the keys id (7) and email (null)", {"id": 7, "email": None}),
    ("a shop with the key items, a list of two objects with the key name (pen, ink)",
     {"items": [{"name": "pen"}, {"name": "ink"}]}),
    ("a song with the keys title (Home) and seconds (215)", {"title": "Home", "seconds": 215}),
    ("a pet with the keys kind (cat), name (Mia) and age (4)",
     {"kind": "cat", "name": "Mia", "age": 4}),
    ("an order with the keys price (9.5) and paid (false)", {"price": 9.5, "paid": False}),
    ("an empty list under the key errors", {"errors": []}),
    ("the key user with an object in it that has the key name (Tom)", {"user": {"name": "Tom"}}),
)  # fmt: skip


def _texts(path: Path) -> Iterator[dict[str, Any]]:
    """A file is named ``kind.language.txt``."""
    kind, language = path.stem.split(".")
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        prompt, answer, *patterns = line.replace("\\n", "\n").split(" | ")
        reference: dict[str, Any] = {"exact": [answer]}
        if patterns:
            others = [*patterns[1:], NOT[language]] if kind in ("fact", "word") else patterns[1:]
            reference = {"regex": patterns[0]} | ({"without": "|".join(others)} if others else {})
        yield _row(kind, language, prompt, reference, answer, f"{path.name}, line {number}")


def _sums(random: Random) -> Iterator[dict[str, Any]]:
    drawn = [("en", text, rule, low, high) for text, rule, low, high in SUMS for _ in range(2)]
    drawn += [(language, text, rule, 3, 12) for language, text, rule in ABROAD]
    seen = set[str]()
    for language, text, rule, low, high in drawn:
        while True:
            a, b, c = (random.randint(low, high) for _ in "abc")
            value = int(eval(rule.format(a=a, b=b, c=c)))
            # Its value must not be one that the prompt names, or an echo would be right.
            prompt = text.format(a=a, b=b, c=c)
            if value > 0 and value not in (a, b, c) and prompt not in seen:
                break
        seen.add(prompt)
        yield _row("sum", language, prompt, {"number": value}, f"= {value}", "sums")


def _row(
    kind: str, language: str, prompt: str, reference: dict[str, Any], answer: str, where: str
) -> dict[str, Any]:
    grade = Reference.from_row(reference, where).check(prompt, answer)
    if grade is Grade.WRONG:
        raise ValueError(f"{where}: {answer!r} does not agree with {reference}")
    return {
        "prompt": prompt,
        "kind": kind,
        "language": language,
        "reference": reference,
        "answer": answer,
    }


def rows() -> list[dict[str, Any]]:
    """All prompts, the kinds in turn and each kind shuffled, so that the first ones are mixed."""
    made = [*_sums(Random(SEED))]
    made += [
        _row("code", "en", text, {"python": [list(pair) for pair in calls.items()]},
             f"```python\n{code}\n```", "code")
        for text, code, calls in CODE
    ]  # fmt: skip
    made += [
        _row("json", "en", f"Give me JSON, and nothing else: {text}.", {"json": value},
             json.dumps(value), "json")
        for text, value in OBJECTS
    ]  # fmt: skip
    made += [row for path in sorted(TEXTS.glob("*.txt")) for row in _texts(path)]
    numbers, of_kind = Counter[str](), dict[str, list[dict[str, Any]]]()
    for row in made:
        name = f"{row['kind']}-{row['language']}"
        numbers[name] += 1
        of_kind.setdefault(row["kind"], []).append({"id": f"{name}-{numbers[name]:02}", **row})
    for those in of_kind.values():
        Random(SEED).shuffle(those)
    turns = zip_longest(*of_kind.values())
    return [row for turn in turns for row in turn if row is not None]


def main() -> None:
    made = rows()
    if len({row["prompt"] for row in made}) < len(made):
        raise ValueError("a prompt stands twice")
    lines = [json.dumps(row, ensure_ascii=False) for row in made]
    SHIPPED.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{SHIPPED.name}: {len(made)} prompts")


if __name__ == "__main__":
    main()
