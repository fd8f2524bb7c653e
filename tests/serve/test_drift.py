"""The drift test: false alarms are as rare as stated, and changes are found."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interlock.certify.bounds.confidence_sequence import MeanBounds
from interlock.serve.drift import DriftWatch, Seen
from tests.serve.running import ASK, running
from tests.serve.scripted_upstream import NO, YES, Scripted
from tests.serve.test_embedded import card


@pytest.mark.parametrize(
    "mean",
    [0.1, 0.5, pytest.param(0.9, marks=pytest.mark.slow)],  # the last is the first's mirror image
)
def test_bounds_hold_at_all_times_together(mean: float) -> None:
    """Of 100 runs, each watched after every value over several windows, at most 10 % may fail."""
    rng = np.random.default_rng(int(mean * 10))
    failures = 0
    for _ in range(100):
        bounds = MeanBounds(0.9, (mean, mean), window=120)
        failed = False
        for x in rng.random(300) < mean:
            bounds.observe(float(x), float(x))
            failed |= not bounds.lower <= mean <= bounds.upper
        failures += failed
    assert failures <= 10 + 3 * 3  # three standard deviations of Binomial(100, 0.1)


def test_dependent_values_do_not_fool_it() -> None:
    """Whole stretches of equal values, so long as each has the mean given the past."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(100):
        bounds = MeanBounds(0.9, (0.5, 0.5), window=1000)
        spread = 0.5
        for _ in range(300):
            x = 0.5 + spread * rng.choice([-1, 1])
            spread = 0.5 if x > 0.5 else 0.1  # the next one's spread follows from this one
            bounds.observe(x, x)
        alarms += bounds.alarm is not None
    assert alarms <= 10 + 3 * 3


def test_a_change_is_found_also_after_a_long_time() -> None:
    rng = np.random.default_rng(1)
    bounds = MeanBounds(0.99, (0.0, 0.2), window=500)
    for x in rng.random(2000) < 0.1:
        bounds.observe(float(x), float(x))
    assert bounds.alarm is None
    assert bounds.lower < 0.1 < bounds.upper < 0.3
    for x in rng.random(1000) < 0.5:
        bounds.observe(float(x), float(x))
    assert bounds.alarm is not None
    assert bounds.alarm.startswith("above 0.2: at least 0.")


def test_unseen_copies_are_no_evidence() -> None:
    """Early stop shows 6 of 11 votes; what was not seen may have been either."""
    bounds = MeanBounds(0.99, (0.8, 1.0), window=400)
    for _ in range(400):
        bounds.observe(5 / 11, 1.0)
    assert bounds.alarm is None
    assert bounds.estimate == pytest.approx((5 / 11, 1.0))
    for _ in range(200):
        bounds.observe(0.0, 5 / 11)
    assert bounds.alarm is not None


def test_the_card_is_compared_with_what_is_held_against_it() -> None:
    watch = DriftWatch.of(0.99, card(), None)
    for _ in range(400):
        watch.observe(Seen(0, 3, 5, "released", certified=False))
    assert watch.alarms == {}
    for _ in range(60):
        watch.observe(Seen(0, 3, 5, "released", certified=True))
    assert list(watch.alarms) == ["certified_blocked"]
    fine = DriftWatch.of(0.99, card(), None)
    for number in range(300):
        blocked = number % 10 > 0
        outcome = "blocked" if blocked else "released"
        fine.observe(Seen(3 * blocked, 3 * (not blocked), 5, outcome, certified=True))
    assert fine.alarms == {}
    lost = DriftWatch.of(0.99, card(), None)
    for _ in range(400):  # a failing upstream is no change of the model
        lost.observe(Seen(0, 0, 5, "undecided", certified=True))
    assert lost.alarms == {}


@pytest.mark.parametrize("not_ready", [pytest.param(False, marks=pytest.mark.slow), True])
def test_readyz_and_a_metric_say_so(tmp_path: Path, not_ready: bool) -> None:
    from interlock.certify import Perturbation

    settings = {"target": "endpoint", "model": "m", "max_tokens": 9, "temperature": 0.0}

    async def go() -> None:
        upstream = Scripted(lambda _: NO)
        async with running(tmp_path, upstream) as probe:
            url = probe.guard.deployment.upstream.name
            made = card(target_identity=settings | {"url": url}, perturbation="swap", rate=0.1)
            assert made.perturbing == Perturbation("swap", 0.1)
            given: dict[str, Any] = {
                "certificate": str(made.save(tmp_path / f"card-{not_ready}.json")),
                "uncertified": False,
                "drift": {"not_ready": not_ready, "confidence": 0.9},
                "ledger": {"url": f"sqlite:///{tmp_path}/one.sqlite"},
            }
            body = {"model": "m", "messages": ASK, "temperature": 0, "max_tokens": 9}

            async def ask(guard: Any, count: int, **headers: str) -> None:
                for _ in range(count):
                    headers |= {"authorization": "Bearer boss"} if headers else {}
                    told = (await guard.post(body, **headers)).json()["interlock"]
                    assert told["certificate_applies"]

            async with running(tmp_path, url, admin=("boss",), **given) as guard:
                await ask(guard, 20, x_interlock_probe="1")
                state = (await guard.http.get("/readyz")).json()
                assert (state["ready"], state["drifted"]) == (True, False)
                upstream.rule = lambda _: YES
                await ask(guard, 15)  # ordinary traffic may well be answered
                assert not (await guard.http.get("/readyz")).json()["drifted"]
                await ask(guard, 40, x_interlock_probe="1")
                await says(guard)
            async with running(tmp_path, url, admin=("boss",), **given) as again:  # it remembers
                await says(again)
                for headers, status in (({}, 401), ({"authorization": "Bearer boss"}, 200)):
                    answer = await again.http.post("/interlock/acknowledge", headers=headers)
                    assert answer.status_code == status
                assert (await again.http.get("/readyz")).json()["alarms"] == {}
                text = (await again.http.get("/metrics")).text
                assert 'interlock_guard_drift{of="certified_blocked"} 0.0' in text
            async with running(tmp_path, url, **given) as later:  # that, too
                assert (await later.http.get("/readyz")).json()["alarms"] == {}
                answer = await later.http.post("/interlock/acknowledge")
                assert answer.status_code == 403  # without admin keys it is nobody's
                await ask(later, 12, x_interlock_probe="1")  # and so are probes
                assert (await later.http.get("/readyz")).json()["alarms"] == {}
                assert not any(entry.probe for entry in later.entries()[:12])

    async def says(guard: Any) -> None:
        ready = await guard.http.get("/readyz")
        assert ready.status_code == (503 if not_ready else 200)
        assert ready.json()["drifted"]
        assert "below 0.8" in json.dumps(ready.json()["alarms"]["certified_blocked"])
        text = (await guard.http.get("/metrics")).text
        assert 'interlock_guard_drift{of="certified_blocked"} 1.0' in text
        assert 'interlock_guard_drift{of="traffic_copies_refused"} 0.0' in text

    asyncio.run(asyncio.wait_for(go(), 240))
