from __future__ import annotations

import asyncio
import json
import statistics
import time

import _scripted_model
import guard_load
import guard_profile
from interlock.serve.completion import Completion


def test_the_scripted_model_streams_what_it_says() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    answer = Completion()
    for line in _scripted_model.streamed(_scripted_model.YES, usage).decode().split("\n\n"):
        if line and not line.endswith("[DONE]"):
            answer.add_chunk(json.loads(line.removeprefix("data: ")))
    assert answer.reply().text == _scripted_model.YES
    assert answer.usage == usage


def test_heavy_delays_have_the_median_and_a_tail() -> None:
    found = [_scripted_model.delay("heavy", 0.5, str(i)) for i in range(2000)]
    assert 0.45 < statistics.median(found) < 0.55
    assert max(found) > 3
    assert max(found) <= 0.5 * _scripted_model.TAIL
    assert _scripted_model.delay("fixed", 0.5, "x") == 0.5


def test_full_votes_follow_the_topic() -> None:
    assert guard_load.full_vote("benign", 5)
    assert not guard_load.full_vote("attack", 5)
    mixed = [guard_load.full_vote("mixed", number) for number in range(40)]
    assert 2 < sum(mixed) < 38


def test_rows_compare_both_ways_pair_by_pair() -> None:
    bare = guard_load.Block(seconds=[0.5] * 99 + [1.0], took=10)
    kept = guard_load.Block(seconds=[0.51] * 99 + [0.9], took=10, failed=1, work=0.2)
    slow = guard_load.Block(seconds=[0.8] * 99 + [1.0], took=10)  # both in a busy minute
    both = guard_load.Block(seconds=[0.83] * 99 + [0.9], took=10, failed=1, work=0.4)
    row = guard_load._row("fixed", "10", [(bare, kept), (bare, kept), (slow, both)])
    assert row[0] == "fixed, 10"
    assert row[4:6] == ["+10.0 (+10.0 to +30.0)", "-100.0"]
    assert row[-2:] == ["2.7", "0 / 3"]


def test_clients_at_random_pause_and_count_no_pause() -> None:
    begun: list[float] = []

    async def ask(number: int, block: guard_load.Block) -> bool:
        begun.append(time.perf_counter())
        return number != 3

    asked = time.perf_counter()
    block = asyncio.run(guard_load.drive(5, range(5), ask, 0.05))
    assert (len(block.seconds), block.failed) == (4, 1)
    assert sum(block.seconds) < max(begun) - asked
    assert max(begun) - asked > 0.03


def test_what_runs_is_counted_for_the_innermost_step() -> None:
    stack = ["fold", "RefusalPhrases._judge", "_streamed", "HttpUpstream.ask", "hold_vote"]
    assert guard_profile.step_of(stack) == "judging answers"
    assert guard_profile.step_of(stack[2:]) == "reading streams"
    assert guard_profile.step_of(["run_forever"]) == guard_profile.REST
