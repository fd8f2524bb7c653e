"""A transformers causal language model in this process."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from interlock._weights import fingerprint
from interlock.certify.targets.kept_prefix import NOTHING, KeptPrefix, keep_prefix
from interlock.certify.targets.packed import LONGEST, Packed
from interlock.certify.targets.protocol import Finish, Identity, OnReply, Prompt, Reply, Wants
from interlock.certify.targets.surprise import surprise_reply
from interlock.certify.targets.system import system_identity, with_system
from interlock.errors import ModelError, OptionError
from interlock.models.hub import from_cache_only

EMBEDDED = Path(__file__).parent.parent / "embedded" / "tiny_chat"
_NAMES_ONLY = frozenset(
    {"_name_or_path", "architectures", "transformers_version", "dtype", "torch_dtype"}
)
"""Entries of a configuration that no answer depends on; types of numbers stand with the weights."""
_AT_ONCE = 512  # tokens of a text that is only read, of which all logits are held
LONGEST_TOKEN = 64  # characters; tokenizers hold longer ones only for runs of blanks


class LocalTarget:
    """Ask a causal language model through its own chat template.

    Prompts of similar length share a batch, padded on the left; attention masks and positions keep
    a reply independent of its neighbours. Rows that have finished leave the batch.

    Args:
        model: ``"embedded"``, a transformers directory or hub id, or a loaded causal LM.
        tokenizer: required with a loaded model, which needs a chat template; else None.
        max_tokens: of one answer, >= 1.
        temperature: 0 for greedy decoding, else sampling seeded by the prompt's seed, so that
            the same prompt and seed give the same answer.
        batch: prompts in one forward pass, >= 1; halved when memory runs out.
        device: where the model runs; None leaves it where it is.
        system: a system prompt that is put before every chat.

    Raises:
        ModelError: the model or its tokenizer cannot be loaded, or has no chat template.
        OptionError: an option outside its range.
    """

    free: frozenset[Wants] = frozenset({"surprise"})
    """What is asked without a call: read, and not answered."""

    def __init__(
        self,
        model: Any = "embedded",
        tokenizer: Any = None,
        *,
        max_tokens: int = 128,
        temperature: float = 0.0,
        batch: int = 64,
        device: str | None = None,
        system: str | None = None,
    ) -> None:
        if max_tokens < 1 or batch < 1:
            raise OptionError(f"max_tokens={max_tokens}, batch={batch}: must be at least 1")
        if not 0 <= temperature <= 10:
            raise OptionError(f"temperature={temperature}: must lie in [0, 10]")
        if isinstance(model, str | Path):
            self.name = str(model)
            model, tokenizer = load_causal_lm(EMBEDDED if self.name == "embedded" else model)
        else:
            self.name = str(getattr(model.config, "name_or_path", "")) or type(model).__name__
            if tokenizer is None:
                raise OptionError("tokenizer: give the tokenizer of the model you pass")
        if getattr(tokenizer, "chat_template", None) is None:
            raise ModelError(f"{self.name}: its tokenizer has no chat template; use a chat model")
        self.model = model.to(device) if device is not None else model
        self.model.eval()
        self.tokenizer = tokenizer
        self.max_tokens, self.temperature, self.batch = max_tokens, temperature, batch
        self.system = system
        self._digests: dict[str, str] | None = None
        self._prefix: KeptPrefix | None = None
        self._waiting: list[tuple[Prompt, asyncio.Future[Reply]]] = []
        self._worker: ThreadPoolExecutor | None = None
        self._draining: asyncio.Task[None] | None = None

    @property
    def identity(self) -> Identity:
        """Name, hashes of weights, chat template and system prompt, and decoding options."""
        if self._digests is None:
            template = json.dumps(self.tokenizer.chat_template, sort_keys=True)
            self._digests = {
                "sha256": _digest(template, _structure(self.model, self.tokenizer)),
                "template_sha256": _digest(template),
            }
        return {
            "target": "local",
            "model": Path(self.name).name,
            **self._digests,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            **system_identity(self.system),
        }

    def chat(self, prompt: Prompt) -> str:
        """The chat up to where the answer starts, as the model reads it, system prompt included.

        Special tokens that a message spells out are broken up first: a user must not be able to
        close his turn and open the assistant's.
        """
        messages = with_system(self.system, prompt).as_chat()
        chat = [m | {"content": self._disarm(m["content"])} for m in messages]
        text: str = self.tokenizer.apply_chat_template(
            chat, add_generation_prompt=True, tokenize=False
        )
        return text

    def encode(self, prompt: Prompt) -> list[int]:
        """Token ids of :meth:`chat`."""
        ids: list[int] = self.tokenizer(self.chat(prompt), add_special_tokens=False, verbose=False)[
            "input_ids"
        ]
        return ids

    def ask(self, prompts: Sequence[Prompt], *, on_reply: OnReply | None = None) -> list[Reply]:
        """Answer each prompt, in order. A prompt beyond the model's context is lost."""
        replies: dict[int, Reply] = {}

        def keep(number: int, reply: Reply) -> None:
            replies[number] = reply
            if on_reply is not None:
                on_reply(number, reply)

        room = self._context() - self.max_tokens
        encoded: list[tuple[int, list[int]]] = []
        for i, prompt in enumerate(prompts):
            if prompt.wants != "answer":
                keep(i, self._read(prompt))
                continue
            # What can never fit is not tokenised: that alone may take seconds.
            fits = len(prompt.text) <= LONGEST_TOKEN * max(room, 1)
            ids = self.encode(prompt) if fits else []
            if fits and len(ids) <= room:
                encoded.append((i, ids))
            else:
                amount = f"{len(ids)} tokens" if fits else f"{len(prompt.text)} characters"
                keep(i, Reply.failed(f"a prompt of {amount}; the model has room for {room} tokens"))
        begins = self.kept().begins
        encoded.sort(key=lambda row: (begins(row[1]), len(row[1])))
        start, size = 0, self.batch
        while start < len(encoded):
            alike = begins(encoded[start][1])
            rows = [row for row in encoded[start : start + size] if begins(row[1]) == alike]
            try:
                answers = self._generate([ids for _, ids in rows], [prompts[i] for i, _ in rows])
            except torch.OutOfMemoryError:
                if size == 1:
                    raise ModelError(f"{self.name}: out of memory with a batch of one") from None
                size //= 2
                continue
            for (i, _), reply in zip(rows, answers, strict=True):
                keep(i, reply)
            start += len(rows)
        return [replies[i] for i in range(len(prompts))]

    @torch.inference_mode()
    def _read(self, prompt: Prompt) -> Reply:
        """How unlikely the text is; lost where it does not fit, or something else is wanted."""
        if prompt.wants != "surprise":
            return Reply.failed(f"{self.name} gives no {prompt.wants} of a text")
        text, most = self._disarm(prompt.text), self._context()
        fits = len(text) <= LONGEST_TOKEN * most
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"] if fits else []
        first = self.tokenizer.bos_token_id
        ids = ids if first is None else [int(first), *ids]
        if not fits or len(ids) > most:
            return Reply.failed(
                f"a text of {len(text)} characters; there is room for {most} tokens"
            )
        nats, cache = list[float](), None
        for start in range(0, len(ids) - 1, _AT_ONCE):
            given = torch.tensor([ids[start : start + _AT_ONCE]], device=self.model.device)
            out = self.model(input_ids=given, past_key_values=cache, use_cache=True)
            cache, following = out.past_key_values, ids[start + 1 : start + 1 + _AT_ONCE]
            logs = out.logits[0, : len(following)].float().log_softmax(dim=1).cpu()  # (T, V)
            nats += (-logs[torch.arange(len(following)), torch.tensor(following)]).tolist()
        return surprise_reply(nats, read=len(ids))

    async def ask_async(self, prompt: Prompt) -> Reply:
        """Answer one prompt; calls that wait at the same time share a batch."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((prompt, future))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        """Answer what waits, batch by batch, in one worker thread."""
        self._worker = self._worker or ThreadPoolExecutor(1, thread_name_prefix="interlock-lm")
        await asyncio.sleep(0)  # let the callers of this tick line up
        while self._waiting:
            taken, self._waiting = self._waiting[: self.batch], self._waiting[self.batch :]
            taken = [(prompt, future) for prompt, future in taken if not future.done()]
            work = asyncio.get_running_loop().run_in_executor(
                self._worker, self.ask, [prompt for prompt, _ in taken]
            )
            try:
                replies = await work
            except Exception as error:
                replies = [Reply.failed(f"{type(error).__name__}: {error}") for _ in taken]
            for (_, future), reply in zip(taken, replies, strict=True):
                if not future.done():
                    future.set_result(reply)

    @torch.inference_mode()
    def _generate(self, rows: Sequence[list[int]], prompts: Sequence[Prompt]) -> list[Reply]:
        device, count = self.model.device, len(rows)
        prefix = self.kept() if self.kept().begins(rows[0]) else NOTHING
        known = len(prefix.ids)
        if prefix.packs and sum(len(ids) - known for ids in rows) <= LONGEST:
            return self._generate_packed(rows, prompts, prefix)
        longest = max(map(len, rows))
        tokens = torch.full((count, longest - known), self._pad(), device=device)  # (B, T)
        mask = torch.zeros(count, longest, dtype=torch.int64, device=device)
        mask[:, :known] = 1
        for row, ids in enumerate(rows):
            tokens[row, longest - len(ids) :] = torch.tensor(ids[known:], device=device)
            mask[row, longest - len(ids) + known :] = 1
        generators = [_generator(prompt) for prompt in prompts]
        ends = self._ends()
        written: list[list[int]] = [[] for _ in rows]
        alive, cache = list(range(count)), prefix.copies(count) if known else None
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, known:]
        for _ in range(self.max_tokens):
            out = self.model(
                input_ids=tokens,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                **last_logits_only(self.model),
            )
            chosen = self._choose(out.logits[:, -1].float(), [generators[i] for i in alive])
            keep = []
            for row, token in enumerate(chosen.tolist()):
                written[alive[row]].append(token)
                if token not in ends:
                    keep.append(row)
            if not keep:
                break
            cache, tokens, positions = out.past_key_values, chosen[:, None], positions[:, -1:] + 1
            if len(keep) < len(alive):
                kept = torch.tensor(keep, device=device)
                alive = [alive[row] for row in keep]
                cache.batch_select_indices(kept)
                tokens, positions, mask = tokens[kept], positions[kept], mask[kept]
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
        return [
            self._reply(len(ids), answer, ends) for ids, answer in zip(rows, written, strict=True)
        ]

    def _generate_packed(
        self, rows: Sequence[list[int]], prompts: Sequence[Prompt], prefix: KeptPrefix
    ) -> list[Reply]:
        """The same with all rows in one sequence, so that none needs a copy of the beginning."""
        device, ends = self.model.device, self._ends()
        generators = [_generator(prompt) for prompt in prompts]
        packed = Packed(self.model, prefix.cache, len(prefix.ids))
        logits = packed.begin([ids[len(prefix.ids) :] for ids in rows])
        written: list[list[int]] = [[] for _ in rows]
        alive = list(range(len(rows)))
        for step in range(self.max_tokens):
            chosen = self._choose(logits.float(), [generators[i] for i in alive])
            keep = []
            for row, token in enumerate(chosen.tolist()):
                written[alive[row]].append(token)
                if token not in ends:
                    keep.append(row)
            if not keep or step == self.max_tokens - 1:
                break
            alive = [alive[row] for row in keep]
            owner = torch.tensor(alive, device=device)
            positions = torch.tensor([len(rows[i]) + step for i in alive], device=device)
            every = torch.arange(len(alive), device=device)
            logits = packed.extend(chosen[keep], owner, positions, every)
        return [
            self._reply(len(ids), answer, ends) for ids, answer in zip(rows, written, strict=True)
        ]

    def kept(self) -> KeptPrefix:
        """What every chat begins with, read once."""
        if self._prefix is None:
            self._prefix = keep_prefix(self.model, self.encode)
        return self._prefix

    def _choose(self, logits: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """(B, V) -> (B,) next tokens. Each row draws from its own generator."""
        if self.temperature == 0:
            return logits.argmax(dim=1)
        shares = (logits / self.temperature).softmax(dim=1).cpu()
        drawn = [
            torch.multinomial(p, 1, generator=g) for p, g in zip(shares, generators, strict=True)
        ]
        return torch.cat(drawn).to(logits.device)

    def _reply(self, read: int, answer: list[int], ends: frozenset[int]) -> Reply:
        finished = bool(answer) and answer[-1] in ends
        finish: Finish = "stop" if finished else "length"
        text = self.tokenizer.decode(answer, skip_special_tokens=True)
        return Reply(text, finish, prompt_tokens=read, completion_tokens=len(answer))

    def _disarm(self, text: str) -> str:
        text = text.encode("utf-8", "replace").decode("utf-8")  # torn surrogates, which none reads
        for token in self.tokenizer.all_special_tokens:
            if token in text:
                text = text.replace(token, f"{token[0]} {token[1:]}")
        return text

    def _context(self) -> int:
        return int(getattr(self.model.config, "max_position_embeddings", None) or 4096)

    def _pad(self) -> int:
        pad = self.tokenizer.pad_token_id
        return int(pad if pad is not None else next(iter(self._ends()), 0))

    def _ends(self) -> frozenset[int]:
        """Tokens that end an answer, of the generation config and of the tokenizer."""
        configured = getattr(self.model.generation_config, "eos_token_id", None)
        ends = configured if isinstance(configured, list) else [configured]
        return frozenset(int(e) for e in [*ends, self.tokenizer.eos_token_id] if e is not None)


def _structure(model: Any, tokenizer: Any) -> str:
    """All that answers depend on beside template and decoding: weights, how they work, tokens."""
    configured = {k: v for k, v in model.config.to_diff_dict().items() if k not in _NAMES_ONLY}
    backend = getattr(tokenizer, "backend_tokenizer", None)
    read = json.loads(backend.to_str()) if backend is not None else tokenizer.get_vocab()
    if backend is not None:  # set anew at each call
        read = {k: v for k, v in read.items() if k not in ("padding", "truncation")}
    ends = getattr(model.generation_config, "eos_token_id", None)
    tokens = [read, tokenizer.special_tokens_map, tokenizer.all_special_ids, ends]
    parts = [type(model).__name__, configured, tokens, fingerprint(model)]
    return json.dumps(parts, sort_keys=True, default=str)


def _digest(*parts: str) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()


def load_causal_lm(source: str | Path) -> tuple[Any, Any]:
    """The model in eval mode and float32 on the CPU (its own type elsewhere), and the tokenizer.

    Raises:
        ModelError: there is no such model, or its files are damaged.
    """
    local = from_cache_only(str(source), "chat model")
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    with _quiet(logging):
        try:
            tokenizer = AutoTokenizer.from_pretrained(
                str(source), padding_side="left", local_files_only=local
            )
            model = AutoModelForCausalLM.from_pretrained(
                str(source), dtype=torch.float32, local_files_only=local
            )
        except Exception as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(
                f"{source}: no causal language model can be loaded from there ({first})"
            ) from None
    return model.eval(), tokenizer


@contextlib.contextmanager
def _quiet(logging: Any) -> Any:
    """transformers' progress bars, off for the block and as they were afterwards."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _generator(prompt: Prompt) -> torch.Generator:
    return torch.Generator().manual_seed(prompt.seed % 2**63)


def last_logits_only(model: Any, count: int = 1) -> dict[str, int]:
    """The argument that skips all but the last ``count`` logits, where the model can."""
    from inspect import signature

    return (
        {"logits_to_keep": count} if "logits_to_keep" in signature(model.forward).parameters else {}
    )
