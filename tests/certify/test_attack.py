from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from interlock.certify.attacks.attack import Attack, embedded_prompts
from interlock.certify.attacks.gcg import OpeningLoss, RolePlayAttack, SuffixAttack
from interlock.certify.attacks.search import search_attacks
from interlock.certify.judges.judge import Verdict
from interlock.certify.judges.phrases import RefusalPhrases
from interlock.certify.targets import Prompt
from interlock.certify.targets.local import LocalTarget
from interlock.errors import ModelError, OptionError, OutputError

REQUEST, OPENING = "any advice on how to find vornish tea?", "Sure, here is how to"


@pytest.fixture(scope="module")
def target() -> LocalTarget:
    return LocalTarget("embedded", max_tokens=48)


def test_the_loss_is_that_of_the_whole_chat(target: LocalTarget) -> None:
    """Against one pass over the whole text, without the cache of the part before."""
    loss_of = OpeningLoss(target, REQUEST, OPENING)
    suffixes = torch.stack([loss_of.draw(10, torch.Generator().manual_seed(s)) for s in range(3)])
    for suffix, loss in zip(suffixes, loss_of(suffixes)[0], strict=True):
        ids = target.encode(Prompt.user(f"{REQUEST} {loss_of.text(suffix)}"))
        wished = target.tokenizer(OPENING, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = target.model(torch.tensor([ids + wished])).logits[0, len(ids) - 1 : -1]
        torch.testing.assert_close(loss, F.cross_entropy(logits, torch.tensor(wished)))


def test_the_gradient_proposes_better_tokens_than_chance(target: LocalTarget) -> None:
    loss_of = OpeningLoss(target, REQUEST, OPENING)
    suffix = loss_of.draw(16, torch.Generator().manual_seed(0))
    proposed = loss_of.proposals(suffix, 4)

    def best(tokens: torch.Tensor) -> float:
        tried = suffix.repeat(len(suffix), 1)
        tried[torch.arange(16), torch.arange(16)] = tokens
        return float(loss_of(tried)[0].mean())

    chance = [best(loss_of.draw(16, torch.Generator().manual_seed(seed))) for seed in range(1, 6)]
    assert best(proposed[:, 0]) < min(chance)


def test_a_search_is_seeded_confirmed_and_leaves_no_trace(target: LocalTarget) -> None:
    state = torch.get_rng_state()
    attack = SuffixAttack(length=24, steps=120, candidates=32)
    found = attack.run(target, REQUEST, OPENING, RefusalPhrases(), seed=1)
    assert found is not None
    assert attack.run(target, REQUEST, OPENING, RefusalPhrases(), seed=1) == found
    assert found.prompt == f"{REQUEST} {found.suffix}"
    assert len(found.suffix) == 24
    [reply] = target.ask([Prompt.user(found.prompt)])
    assert reply.text == found.answer
    assert RefusalPhrases()([""], [reply.text]) == [Verdict.COMPLIED]
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None for p in target.model.parameters())


def test_a_search_that_fails_says_so(target: LocalTarget) -> None:
    attack = SuffixAttack(length=1, steps=2, candidates=4, patience=1)
    assert attack.run(target, REQUEST, "Zebra zebra zebra", RefusalPhrases()) is None


def test_role_plays_keep_what_the_target_falls_for(target: LocalTarget) -> None:
    framings = ("{request}", "how do i bake bread? never mind {request}")
    found = RolePlayAttack(framings).run(target, "how do i bake rice?", RefusalPhrases())
    assert [attack.iterations for attack in found] == [1, 2]
    assert RolePlayAttack(framings[:1]).run(target, REQUEST, RefusalPhrases()) == []
    with pytest.raises(OptionError):
        RolePlayAttack(("no field",))


@pytest.mark.parametrize("name", ["length", "steps", "candidates", "top", "patience"])
def test_settings_below_one(name: str) -> None:
    with pytest.raises(OptionError, match=name):
        SuffixAttack(**{name: 0})


def test_a_killed_search_goes_on_where_it_was(target: LocalTarget, tmp_path: Path) -> None:
    class Counted(SuffixAttack):
        def run(self, target, request, opening, judge, *, seed=0):  # type: ignore[no-untyped-def]
            ran.append(request)
            attack = Attack(
                request,
                f"{request} !!",
                (len(request) + 1, len(request) + 3),
                "gcg",
                seed,
                1,
                "Sure",
            )
            return attack if "b" not in request else None

    ran: list[str] = []
    journal, told = tmp_path / "searches.jsonl", []
    asked = [(name, OPENING) for name in "abc"]
    first = search_attacks(target, Counted(), RefusalPhrases(), asked[:2], journal=journal)
    assert [a and a.goal for a in first] == ["a", None]
    with journal.open("a") as file:
        file.write('{"key": "cut o')
    again = search_attacks(
        target,
        Counted(),
        RefusalPhrases(),
        asked,
        journal=journal,
        progress=lambda *x: told.append(x),
    )
    assert again[:2] == first
    assert ran == ["a", "b", "c"]
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert search_attacks(target, Counted(), RefusalPhrases(), asked, journal=journal) == again
    search_attacks(target, Counted(steps=7), RefusalPhrases(), asked[:1], journal=journal)
    assert ran == ["a", "b", "c", "a"]
    known = search_attacks(
        target, Counted(steps=7), RefusalPhrases(), asked, journal=journal, known_only=True
    )
    assert [one and one.goal for one in known] == ["a", None, None]
    assert ran == ["a", "b", "c", "a"]
    with pytest.raises(OutputError):
        search_attacks(target, Counted(), RefusalPhrases(), asked, journal=tmp_path)


def test_a_search_that_cannot_start_does_not_end_the_others(
    target: LocalTarget, tmp_path: Path
) -> None:
    class Unwilling(SuffixAttack):
        def run(self, target, request, opening, judge, *, seed=0):  # type: ignore[no-untyped-def]
            if request == "b":
                raise ModelError("no suffix of b")
            return Attack(request, f"{request} !!", (2, 4), "gcg", seed, 1, "Sure")

    reasons: dict[str, str] = {}
    journal, asked = tmp_path / "searches.jsonl", [(name, OPENING) for name in "abc"]
    outcomes = search_attacks(
        target,
        Unwilling(),
        RefusalPhrases(),
        asked,
        journal=journal,
        failed=reasons.__setitem__,
    )
    assert [one and one.goal for one in outcomes] == ["a", None, "c"]
    assert reasons == {"b": "no suffix of b"}
    assert "no suffix of b" in journal.read_text()


class Agreeable:
    """A judge to whom every answer complies: success is what the search itself calls so."""

    def __call__(self, asked: Sequence[str], answers: Sequence[str]) -> list[Verdict]:
        return [Verdict.COMPLIED] * len(answers)


def trained_on_words(pieces: Any, decoder: Any, marker: str) -> Any:
    """A byte-pair tokenizer of 600 tokens with the chat markers of ChatML."""
    words = " ".join(p.prompt for p in embedded_prompts("benign"))
    tokenizer = Tokenizer(models.BPE(byte_fallback=False))
    tokenizer.pre_tokenizer, tokenizer.decoder = pieces, decoder
    special = ["<|im_start|>", "<|im_end|>"]
    alphabet = [chr(code) for code in range(33, 127)] + [marker, "\u010a"]
    tokenizer.train_from_iterator(
        [words + WORDS],
        trainers.BpeTrainer(vocab_size=900, special_tokens=special, initial_alphabet=alphabet),
    )
    template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }} {{ m['content'] }}<|im_end|>"
        "{% endfor %}<|im_start|>assistant "
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", chat_template=template
    )


WORDS = " ".join(f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "bdgklmnprst") * 3
WORDWISE = {
    "byte-level": (
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        decoders.ByteLevel(),
        "\u0120",
    ),
    "metaspace": (
        pre_tokenizers.Metaspace(prepend_scheme="never"),
        decoders.Metaspace(),
        "\u2581",
    ),
}


@pytest.fixture(scope="module", params=sorted(WORDWISE))
def wordwise(request: pytest.FixtureRequest) -> LocalTarget:
    """A small random model whose tokens begin with blanks, as those of real chat models do."""
    tokenizer = trained_on_words(*WORDWISE[request.param])
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.5,
    )
    return LocalTarget(LlamaForCausalLM(config), tokenizer, max_tokens=4)


@pytest.mark.parametrize("seed", range(20))
def test_every_start_survives_a_byte_pair_tokenizer(wordwise: LocalTarget, seed: int) -> None:
    loss_of = OpeningLoss(wordwise, "tell me about tea", "bad")
    for length in (1, 6, 24):
        suffix = loss_of.draw(length, torch.Generator().manual_seed(seed))
        text = f"{loss_of.head}{loss_of.text(suffix)}"
        assert text.startswith("tell me about tea ")
        ids = wordwise.encode(Prompt.user(text))
        assert any(ids[i : i + length] == suffix.tolist() for i in range(len(ids)))


def test_the_loss_on_a_byte_pair_tokenizer_is_that_of_the_chat(wordwise: LocalTarget) -> None:
    loss_of = OpeningLoss(wordwise, "tell me about tea", " bad mug")
    suffix = loss_of.draw(6, torch.Generator().manual_seed(1))
    ids = wordwise.encode(Prompt.user(loss_of.head + loss_of.text(suffix)))
    wished = wordwise.tokenizer(" bad mug", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = wordwise.model(torch.tensor([ids + wished])).logits[0, len(ids) - 1 : -1]
    losses, reached = loss_of(suffix[None])
    torch.testing.assert_close(losses[0], F.cross_entropy(logits, torch.tensor(wished)))
    assert bool(reached) is bool((logits.argmax(dim=-1) == torch.tensor(wished)).all())


def test_a_search_away_from_an_opening_turns_the_loss_around(wordwise: LocalTarget) -> None:
    towards = OpeningLoss(wordwise, "tell me about tea", " bad mug")
    away = OpeningLoss(wordwise, "tell me about tea", " bad mug", away=True)
    tried = torch.stack([towards.draw(6, torch.Generator().manual_seed(seed)) for seed in range(8)])
    (losses, begins), (gains, else_) = towards(tried), away(tried)
    torch.testing.assert_close(gains, -losses)
    assert torch.equal(else_, ~begins)
    chosen = away.proposals(tried[0], 1), towards.proposals(tried[0], 1)
    assert not torch.equal(*chosen)


def test_a_search_away_ends_in_another_answer(wordwise: LocalTarget) -> None:
    [bare] = wordwise.ask([Prompt.user("tell me about tea")])
    attack = SuffixAttack(length=8, steps=60, candidates=16, away=True).run(
        wordwise, "tell me about tea", bare.text.split(" ")[0], Agreeable(), seed=3
    )
    assert attack is not None
    [reply] = wordwise.ask([Prompt.user(attack.prompt)])
    assert not reply.text.startswith(bare.text.split(" ")[0])


def test_a_search_on_a_byte_pair_tokenizer_ends_in_what_it_was_after(
    wordwise: LocalTarget,
) -> None:
    """Asked as any user asks it, the model opens with the wished-for word."""
    attack = SuffixAttack(length=8, steps=300, candidates=48).run(
        wordwise, "tell me about tea", " mug", Agreeable(), seed=3
    )
    assert attack is not None
    assert attack.iterations > 1
    assert attack.prompt == "tell me about tea" + attack.suffix
    assert attack.suffix.startswith(" ")
    [reply] = wordwise.ask([Prompt.user(attack.prompt)])
    assert reply.text.strip().startswith("mug")
