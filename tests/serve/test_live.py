"""A released answer is given as it comes: after the decision, judged as far as it goes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.certify import ModelJudge, RefusalPhrases, Verdict
from interlock.serve.completion import Completion
from interlock.serve.live import AHEAD, LiveAnswer, Pace, reads_beginnings
from interlock.serve.vote import Ballot
from tests.serve.running import ASK, Running, running
from tests.serve.scripted_upstream import NO, YES, Exchange, Scripted, last_user_text
from tests.serve.test_settings import Clock

TEXT = ASK[0]["content"]
LONG = "Take a sheet of paper and fold it in half, then press the crease and turn it round. " * 3
ODD = "Uzmi list papira i presavij ga, pa zatim okreni na drugu stranu i ponovi sve to. "
BASE64 = "SGVsbG8gd29ybGQsIHRoaXMgaXMgYSBsb25nIGJhc2U2NCBzdHJpbmcgdGhhdCBoaWRlcyBpdHMgbWVhbmluZw=="
UNSEEN = "".join(chr(0xE0000 + ord(c)) for c in "fold it once more and press it")
TEXTS = {
    "code": "Sure:\n\n```python\ndef f(x):\n    return [y ** 2 for y in x if y > 0]\n```\nIt squares.",
    "json": '{"name": "kite", "parts": ["paper", "string", {"count": 3}], "ok": true}',
    "url": "See https://example.org/a/b?x=1&y=%20z#part for all of it.",
    "sum": "17 + 25 = 42",
    "order": "Your order number is AB-10-44921-X.",
    "chinese": "先把纸对折，然后把两个角折到中间，最后把边缘压紧就可以了。",
    "short": "Paris",
    "refusal": "I'm sorry, but I can't help with that.",
    "reasoned": "<think>They want a kite. I should explain it.</think>Sure, fold the paper in half.",
}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": ASK},
    "/v1/completions": {"prompt": TEXT},
    "/v1/responses": {"input": TEXT},
    "/v1/messages": {"messages": ASK, "max_tokens": 500},
}


def run(work: Any) -> None:
    asyncio.run(asyncio.wait_for(work, 120))


def is_original(exchange: Exchange) -> bool:
    return last_user_text(exchange.body) == TEXT


class Stage:
    """An upstream whose copies and whose original's second half wait for a word."""

    def __init__(self, text: str = LONG, cut: int = 4) -> None:
        self.text, self.cut = text, cut
        self.copies, self.rest = asyncio.Event(), asyncio.Event()
        self.ended = False

    async def __call__(self, exchange: Exchange) -> None:
        if not is_original(exchange):
            await self.copies.wait()
            await exchange.stream_well()
            return
        await exchange.start()
        await exchange.chunk({"role": "assistant", "content": ""})
        pieces = [self.text[i : i + self.cut] for i in range(0, len(self.text), self.cut)]
        for i, piece in enumerate(pieces):
            if i == len(pieces) // 2:
                await self.rest.wait()
            await exchange.chunk({"content": piece})
        await self.end(exchange)
        self.ended = True

    async def end(self, exchange: Exchange) -> None:
        await exchange.chunk({}, "stop")
        await exchange.done()


class Reader:
    """Reads a stream as it comes."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines: list[str] = []
        self.text = ""
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for line in self.response.aiter_lines():
            self.lines.append(line)
            if line.startswith("data: {"):
                self.text += text_of(json.loads(line[6:]))
            self._news.set()

    async def until(self, holds: Any) -> None:
        while not holds():
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 20)

    async def end(self) -> list[Any]:
        await self.task
        return [json.loads(line[6:]) for line in self.lines if line.startswith("data: {")]


def text_of(event: Any) -> str:
    """The text of an event of any wire."""
    if "error" in event:
        return ""
    if "choices" in event:
        choices = event["choices"]
        return "".join(c.get("text") or c.get("delta", {}).get("content") or "" for c in choices)
    if event["type"] in ("response.output_text.delta", "response.refusal.delta"):
        return str(event["delta"])
    return str(event["delta"].get("text", "")) if event["type"] == "content_block_delta" else ""


class Asking:
    """One streaming request under way."""

    def __init__(self, guard: Running, path: str = "/v1/chat/completions", **more: Any) -> None:
        body = BODIES[path] | {"model": "m", "stream": True} | more
        self._request = guard.http.stream("POST", path, json=body)

    async def __aenter__(self) -> Reader:
        self.reader = Reader(await self._request.__aenter__())
        return self.reader

    async def __aexit__(self, *_: Any) -> None:
        self.reader.task.cancel()
        await asyncio.wait({self.reader.task})
        await self._request.__aexit__(None, None, None)


@pytest.mark.parametrize("path", BODIES)
def test_tokens_come_after_the_decision_and_before_the_end(tmp_path: Path, path: str) -> None:
    async def go() -> None:
        stage = Stage()
        upstream = Scripted(lambda _: YES, stage)
        async with (
            running(tmp_path, upstream, vote={"head": 0.05}) as guard,
            Asking(guard, path) as reader,
        ):
            await reader.until(lambda: ": the vote is under way" in reader.lines)
            assert reader.response.headers["x-interlock-outcome"] == "pending"
            await asyncio.sleep(0.1)  # half of the original's answer is there by now
            assert not stage.copies.is_set()
            assert reader.text == ""
            assert guard.entries() == []
            stage.copies.set()
            await reader.until(lambda: len(reader.text) > len(LONG) // 4)
            assert not stage.ended  # it still waits
            assert LONG.startswith(reader.text)
            assert [e.outcome for e in guard.entries()] == ["released"]
            stage.rest.set()
            await reader.end()
            assert reader.text == LONG
            (entry,) = guard.entries()
            assert entry.completion_tokens >= len(YES.split()) * 4  # the original's included

    run(go())


@pytest.mark.parametrize("path", BODIES)
def test_a_pause_of_the_upstream_leaves_no_stream_silent(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a proxy between would give it up in the middle of an answer."""
    monkeypatch.setattr("interlock.serve.app.COMMENTS", 0.05)

    async def go() -> None:
        stage = Stage()
        stage.copies.set()
        async with (
            running(tmp_path, Scripted(lambda _: YES, stage)) as guard,
            Asking(guard, path) as reader,
        ):
            await reader.until(lambda: reader.text)
            seen = len(reader.lines)

            def kept_open() -> int:
                later = reader.lines[seen:]
                return sum(line.startswith(":") or line == "event: ping" for line in later)

            await reader.until(lambda: kept_open() >= 3)
            stage.rest.set()
            await reader.end()
            assert reader.text == LONG

    run(go())


@pytest.mark.parametrize("leaves", [False, True])
def test_a_stream_is_paid_for_when_it_ends_or_its_client_leaves(
    tmp_path: Path, leaves: bool
) -> None:
    async def go() -> None:
        stage = Stage()
        limits = {"tokens_per_minute": 100_000}
        async with running(tmp_path, Scripted(lambda _: YES, stage), limits=limits) as guard:
            guard.guard.quotas._clock = Clock()  # nothing comes back meanwhile
            asking = Asking(guard)
            reader = await asking.__aenter__()
            stage.copies.set()
            await reader.until(lambda: reader.text)
            bucket = guard.guard.quotas._buckets[None, "tokens"]
            aside = 100_000 - bucket.level
            if not leaves:
                stage.rest.set()
                await reader.end()
            await asking.__aexit__()
            while guard.guard.admission.active:
                await asyncio.sleep(0.01)
            spent = 100_000 - bucket.level
            (entry,) = guard.entries()
            assert aside > spent > 0  # what was set aside is given back, what it cost is not
            if not leaves:
                assert spent == pytest.approx(entry.prompt_tokens + entry.completion_tokens, abs=50)

    run(go())


CASES = [("/v1/chat/completions", kind) for kind in TEXTS]
CASES += [(path, kind) for path in BODIES for kind in ("code", "chinese")]


def test_what_is_given_is_the_upstreams_own(tmp_path: Path) -> None:
    async def go() -> None:
        stage = Stage(cut=3)
        stage.copies.set()
        upstream = Scripted(lambda _: YES, stage)
        async with running(tmp_path, upstream, vote={"head": 0.02}) as guard:
            for path, kind in CASES:
                stage.text = TEXTS[kind]
                stage.rest.clear()
                async with Asking(guard, path) as reader:
                    stage.rest.set()
                    await reader.end()
                    assert reader.text == TEXTS[kind], path

    run(go())


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([*TEXTS.values(), ODD, NO, BASE64]), min_size=1, max_size=4),
    st.lists(st.integers(1, 60), min_size=1),
    st.integers(0, 3),
)
def test_all_that_is_given_begins_a_text_that_the_judge_could_tell(
    texts: list[str], cuts: list[int], hurry: int
) -> None:
    judge, text, told = RefusalPhrases(), "\n".join(texts), list[str]()

    class Noting(RefusalPhrases):
        def __call__(self, asked: Any, answers: Any) -> list[Verdict]:
            verdicts = judge(asked, answers)
            told.extend(answers if verdicts != [Verdict.LOST] else [])
            return verdicts

    async def go() -> None:
        live, answer, shown = LiveAnswer(Noting(), Pace()), Completion(), ""
        live._pace.rest = lambda _: 0.0  # type: ignore[method-assign]

        async def collect() -> None:
            nonlocal shown
            while await live.ready():
                shown += "".join(piece["delta"]["content"] for piece in live.taken())
                assert any(one.startswith(shown) and len(one) >= len(shown) + AHEAD for one in told)

        work, start, i = asyncio.create_task(collect()), 0, 0
        while start < len(text):
            cut = cuts[i % len(cuts)]
            answer.add_chunk({"choices": [{"delta": {"content": text[start : start + cut]}}]})
            live.grew(answer)
            assert i >= hurry or shown == ""  # before the decision
            if i == hurry:
                live.released(Ballot(None, (), (), 0, 0, None))  # type: ignore[arg-type]
            start, i = start + cut, i + 1
            for _ in range(3):
                await asyncio.sleep(0)
        live.end()
        await work
        if shown:
            assert text == shown + "".join(piece["delta"]["content"] for piece in live.rest())

    asyncio.run(go())


@pytest.mark.parametrize("text", [ODD, BASE64])
def test_nothing_is_given_of_what_the_judge_cannot_tell(tmp_path: Path, text: str) -> None:
    async def go() -> None:
        stage = Stage(text, cut=len(text) // 2)
        stage.copies.set()
        async with (
            running(tmp_path, Scripted(lambda _: YES, stage), vote={"head": 0.02}) as guard,
            Asking(guard) as reader,
        ):
            stage.rest.set()
            (error,) = await reader.end()
            assert error["error"]["code"] == "unjudged"
            assert [e.outcome for e in guard.entries()] == ["undecided"]

    run(go())


def begun(stage: Stage, after: Any) -> Any:
    """Let the copies release, and once the first half is given let ``after`` happen."""

    async def end(exchange: Exchange) -> None:
        await after(exchange)

    stage.end = end  # type: ignore[method-assign]
    stage.copies.set()
    return stage


async def breaks_off(exchange: Exchange) -> None:
    raise RuntimeError("told to break off")


async def says_nothing(exchange: Exchange) -> None:
    await asyncio.sleep(60)


async def withholds(exchange: Exchange) -> None:
    await exchange.chunk({}, "content_filter")
    await exchange.done()


async def hides(exchange: Exchange) -> None:
    for _ in range(12):
        await exchange.chunk({"content": UNSEEN})
    await exchange.chunk({}, "stop")
    await exchange.done()


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("after", "code"),
    [(breaks_off, "broken_off"), (says_nothing, "broken_off"), (hides, "unjudged")],
)
def test_an_answer_without_its_end_says_so(
    tmp_path: Path, path: str, after: Any, code: str
) -> None:
    async def go() -> None:
        stage = begun(Stage(), after)
        upstream = Scripted(lambda _: YES, stage)
        vote = {"head": 0.02, "copy_timeout": 0.5}
        async with running(tmp_path, upstream, vote=vote) as guard, Asking(guard, path) as reader:
            await reader.until(lambda: reader.text)
            stage.rest.set()
            *_, error = await reader.end()
            assert "event: error" in reader.lines[-4:]
            assert error["interlock"]["votes"]["complied"] >= 3
            if path == "/v1/messages":
                assert error["type"] == "error"
            else:
                assert error["error"]["code"] == code
            assert (LONG + UNSEEN * 12).startswith(reader.text)
            (entry,) = guard.entries()
            assert entry.outcome == "released"  # part of it was given: that stays on record
            asked = [b for b in upstream.seen if last_user_text(b) == TEXT]
            assert len(asked) == 1  # there is no second answer
            assert entry.calls == len(upstream.seen)

    run(go())


def test_an_answer_that_the_upstream_withholds_ends_as_filtered(tmp_path: Path) -> None:
    async def go() -> None:
        stage = begun(Stage(), withholds)
        async with (
            running(tmp_path, Scripted(lambda _: YES, stage), vote={"head": 0.02}) as guard,
            Asking(guard) as reader,
        ):
            await reader.until(lambda: reader.text)
            stage.rest.set()
            chunks = await reader.end()
            assert chunks[-1]["choices"][0]["finish_reason"] == "content_filter"
            assert chunks[-1]["interlock"]["outcome"] == "filtered"
            assert [e.outcome for e in guard.entries()] == ["filtered"]

    run(go())


def test_a_client_that_leaves_takes_the_call_along(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def go() -> None:
        stage = Stage()
        stage.copies.set()
        upstream = Scripted(lambda _: YES, stage)
        async with running(tmp_path, upstream, vote={"head": 0.02}) as guard:
            async with Asking(guard) as reader:
                await reader.until(lambda: reader.text)
                assert upstream.busy == 1
            for _ in range(100):
                await asyncio.sleep(0.02)
                if not upstream.busy and not guard.guard.admission.active:
                    break
            assert (upstream.busy, upstream.left) == (0, 1)
            assert guard.guard.admission.active == 0
            assert guard.guard.pace.answers == 0
            assert [e.outcome for e in guard.entries()] == ["released"]

    with caplog.at_level("WARNING"):
        run(go())
    assert [record.getMessage() for record in caplog.records] == []


def test_a_refused_prompt_gives_nothing_of_an_answer_that_is_there(tmp_path: Path) -> None:
    async def go() -> None:
        stage = Stage()
        stage.rest.set()
        async with (
            running(tmp_path, Scripted(lambda _: NO, stage), vote={"head": 0.02}) as guard,
            Asking(guard) as reader,
        ):
            while not stage.ended:
                await asyncio.sleep(0.01)
            stage.copies.set()
            await reader.end()
            assert reader.text == "I can't help with that."

    run(go())


@pytest.mark.parametrize("live", [True, False])
def test_usage_counts_the_original_and_the_switch_holds_the_answer_back(
    tmp_path: Path, live: bool
) -> None:
    async def go() -> None:
        stage = Stage()
        stage.copies.set()
        upstream = Scripted(lambda _: YES, stage)
        vote = {"head": 0.02, "live": live}
        options = {"stream_options": {"include_usage": True}}
        async with (
            running(tmp_path, upstream, vote=vote) as guard,
            Asking(guard, **options) as reader,
        ):
            await reader.until(lambda: reader.text if live else reader.lines)
            await asyncio.sleep(0.1)
            assert bool(reader.text) is live
            stage.rest.set()
            chunks = await reader.end()
            assert reader.text == LONG
            usage, (entry,) = chunks[-1]["usage"], guard.entries()
            assert chunks[-1]["choices"] == []
            assert usage["completion_tokens"] == entry.completion_tokens
            assert (
                usage["prompt_tokens"] == entry.prompt_tokens == 7 * (entry.completion_tokens // 9)
            )
            last = chunks[-2]["interlock"] if live else chunks[0]["interlock"]
            assert last["calls"] == entry.calls

    run(go())


def test_a_judge_that_is_a_model_is_asked_about_the_whole_alone() -> None:
    assert reads_beginnings(RefusalPhrases())
    assert not reads_beginnings(ModelJudge(SimpleNamespace(identity={})))  # type: ignore[arg-type]


CALLS = [
    {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": ""}},
    {"index": 0, "function": {"arguments": '{"at": '}},
    {"index": 1, "id": "c2", "type": "function", "function": {"name": "say", "arguments": "{"}},
    {"index": 0, "function": {"arguments": '"the kite"}'}},
    {"index": 1, "function": {"arguments": '"what": "it is red"}'}},
]


@pytest.mark.parametrize("path", [p for p in BODIES if p != "/v1/completions"])
def test_calls_of_tools_come_in_order(tmp_path: Path, path: str) -> None:
    async def calls(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk({"role": "assistant", "content": "I will look at it."})
        for call in CALLS:
            await exchange.chunk({"tool_calls": [call]})
            await asyncio.sleep(0.02)
        await exchange.chunk({}, "tool_calls")
        await exchange.done()

    async def go() -> None:
        async with (
            running(tmp_path, Scripted(lambda _: YES, calls), vote={"head": 0.02}) as guard,
            Asking(guard, path) as reader,
        ):
            events = await reader.end()
            assert reader.text == "I will look at it."
            made = calls_of(events)
            assert made == [
                ("c1", "look", {"at": "the kite"}),
                ("c2", "say", {"what": "it is red"}),
            ]

    run(go())


TAKEN_BACK = (
    ({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": ODD, "arguments": ""}}]},
     {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "look", "arguments": "{}"}}]}),
    ({"name": ODD}, {"name": "Ann"}),
    ({"audio": {"transcript": [ODD]}}, {"audio": {"transcript": "none"}}),
    ({"audio": {"transcript": {"said": ODD}}}, {"audio": None}, {"audio": "none"}),
    ({"x": [{"index": 0, "y": [ODD]}]}, {"x": [{"index": 0, "y": "none"}]}),
)  # fmt: skip


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("deltas", TAKEN_BACK)
def test_what_a_stream_takes_back_is_judged_with_what_stands(
    tmp_path: Path, path: str, deltas: Any
) -> None:
    """A piece that a later one replaces would be given as it came; here no judge can tell it."""

    async def takes_back(exchange: Exchange) -> None:
        if not is_original(exchange):
            await exchange.stream_well()
            return
        await exchange.start()
        await exchange.chunk({"role": "assistant", "content": "Fold it. "})
        for delta in deltas:
            await exchange.chunk(delta)
        await exchange.chunk({}, "stop")
        await exchange.done()

    async def go() -> None:
        for live in (True, False):
            async with (
                running(
                    tmp_path, Scripted(lambda _: YES, takes_back), vote={"live": live}
                ) as guard,
                Asking(guard, path) as reader,
            ):
                await reader.end()
                said = "".join(reader.lines)
                assert ODD not in said
                assert json.dumps(ODD)[1:-1] not in said
                assert "event: error" in said or reader.response.status_code == 503

    run(go())


def calls_of(events: list[Any]) -> list[Any]:
    if "choices" in events[0]:
        whole = Completion()
        for chunk in events:
            whole.add_chunk(chunk)
        calls = whole.message["tool_calls"]
        return [
            (c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls
        ]
    if events[0]["type"] == "message_start":
        made: dict[int, Any] = {}
        open_block = None
        for event in events:
            if event["type"] == "content_block_start":
                assert open_block is None
                open_block = event["index"]
                block = event["content_block"]
                made[open_block] = (block.get("id"), block.get("name"), [])
            elif event["type"] == "content_block_delta":
                assert event["index"] == open_block
                made[open_block][2].append(event["delta"].get("partial_json", ""))
            elif event["type"] == "content_block_stop":
                open_block = None
        return [(i, n, json.loads("".join(parts))) for i, n, parts in made.values() if i]
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    output = events[-1]["response"]["output"]
    done = [e["item"] for e in events if e["type"] == "response.output_item.done"]
    assert output == done
    calls = [item for item in output if item["type"] == "function_call"]
    return [(c["call_id"], c["name"], json.loads(c["arguments"])) for c in calls]
