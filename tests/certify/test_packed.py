"""Rows packed behind one kept beginning answer as rows in a batch do."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from interlock.certify.attacks.adaptive_gcg import opening_losses
from interlock.certify.attacks.gcg import OpeningLoss
from interlock.certify.targets.kept_prefix import NOTHING, keep_prefix
from interlock.certify.targets.local import EMBEDDED, LocalTarget, load_causal_lm
from interlock.certify.targets.packed import LONGEST, Packed, packs
from interlock.certify.targets.protocol import Prompt

PROMPTS = [Prompt.user(text) for text in ("tell me", "bread, rice and tea?", "how do i bake", "x")]


def with_head(temperature: float = 0.0, attention: str = "sdpa") -> LocalTarget:
    """The embedded model's tokenizer behind a head of examples, and random weights."""
    _, tokenizer = load_causal_lm(EMBEDDED)
    tokenizer.chat_template = (
        "{{ '" + "how do i bake bread? with flour. " * 10 + "' }}"
        "{% for m in messages %}{{ m['content'] }}{% endfor %}{{ ' answer: ' }}"
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
        initializer_range=0.5, attn_implementation=attention,
    )  # fmt: skip
    return LocalTarget(
        LlamaForCausalLM(config), tokenizer, max_tokens=12, temperature=temperature, batch=3
    )


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_answers_are_those_of_whole_chats(temperature: float, attention: str) -> None:
    packed, whole = (with_head(temperature, attention) for _ in range(2))
    whole._prefix = NOTHING
    assert packed.kept().packs
    answers = packed.ask(PROMPTS)
    assert [one.text for one in answers] == [one.text for one in whole.ask(PROMPTS)]
    assert len({one.text for one in answers}) > 1
    assert answers == packed.ask(PROMPTS)  # the kept beginning is left as it was


def test_packed_logits_are_those_of_a_row_alone() -> None:
    target = with_head()
    kept = keep_prefix(target.model, target.encode)
    rows = [[5, 6, 7], [8], [9, 10]]
    with torch.inference_mode():
        packed = Packed(target.model, kept.cache, len(kept.ids))
        first = packed.begin(rows)
        more = packed.extend(
            torch.tensor([11, 12]), torch.tensor([0, 2]),
            torch.tensor([len(kept.ids) + 3, len(kept.ids) + 2]), torch.tensor([0, 1]),
        )  # fmt: skip
        for logits, row in zip([*first, *more], [*rows, [5, 6, 7, 11], [9, 10, 12]], strict=True):
            alone = target.model(torch.tensor([[*kept.ids, *row]])).logits[0, -1]
            torch.testing.assert_close(logits, alone, rtol=1e-4, atol=1e-4)


def test_a_model_that_reads_a_mask_in_another_way_is_not_packed() -> None:
    target = with_head()
    kept = keep_prefix(target.model, target.encode)
    assert packs(target.model, kept.cache, len(kept.ids))
    forward = target.model.forward

    def unmasked(  # type: ignore[no-untyped-def]
        input_ids=None, attention_mask=None, position_ids=None, logits_to_keep=0, **more
    ):
        return forward(
            input_ids=input_ids, position_ids=position_ids, logits_to_keep=logits_to_keep, **more
        )

    target.model.forward = unmasked
    assert not packs(target.model, kept.cache, len(kept.ids))


def test_the_losses_of_suffixes_are_those_of_a_batch() -> None:
    losses = [OpeningLoss(with_head(), "tell me about tea", "bad mug") for _ in range(2)]
    assert losses[0]._packs
    losses[1]._packs = False
    tried = torch.stack([losses[0].draw(6, torch.Generator().manual_seed(i)) for i in range(200)])
    assert tried.numel() > LONGEST  # more than are packed at once
    (packed, begins), (plain, begin) = (one(tried) for one in losses)
    torch.testing.assert_close(packed, plain, rtol=1e-4, atol=1e-4)
    assert torch.equal(begins, begin)


def test_the_losses_of_openings_are_those_of_whole_chats() -> None:
    packed, whole = (with_head() for _ in range(2))
    whole._prefix = NOTHING
    openings = ["bad mug", "no", "here is how", "a"]
    losses = opening_losses(packed, PROMPTS, openings)
    torch.testing.assert_close(
        losses, opening_losses(whole, PROMPTS, openings), rtol=1e-4, atol=1e-4
    )
