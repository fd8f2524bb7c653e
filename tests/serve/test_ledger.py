"""Decisions on record: in SQLite, in a PostgreSQL of the test's own, and after a kill."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from interlock.cli import app
from interlock.errors import OptionError
from interlock.serve.ledger import Ledger, Retention
from interlock.serve.ledger_table import Entry, EntryError, LedgerError
from tests.serve.running import ASK, running
from tests.serve.scripted_upstream import YES, Scripted, listening

INSTALLED = Path("/usr/lib/postgresql")  # Debian's place, a folder for each version
BINARIES = max(INSTALLED.glob("*/bin"), key=lambda path: int(path.parent.name), default=INSTALLED)
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ENTRY = Entry(
    answer_id="a", request_id="r", time=NOW, prompt_sha256="ab" * 32, prompt_characters=7,
    model="m", outcome="released", complied=3, refused=1, lost=0, cancelled=1, copies=7, calls=5,
    seed=2**48 - 1, certificate=None, milliseconds=12.5, prompt_tokens=70, completion_tokens=20,
    probe=False, replica="host:1",
)  # fmt: skip


def entries(count: int) -> list[Entry]:
    return [
        replace(
            ENTRY,
            answer_id=f"a{i}",
            request_id=f"r{i}",
            time=NOW + timedelta(seconds=i),
            outcome="blocked" if i % 3 == 0 else "released",
            certificate="c1" if i % 2 else None,
        )
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The address of an empty PostgreSQL, started for these tests by an ordinary user."""
    if not (BINARIES / "initdb").is_file():
        pytest.skip(f"PostgreSQL is not installed in {BINARIES}")
    folder = Path(tempfile.mkdtemp(prefix="interlock-pg-"))  # below tmp_path only root may pass
    run: dict[str, Any] = {"check": True, "capture_output": True, "cwd": "/"}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        run |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
        shutil.chown(folder, "nobody", "nogroup")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    subprocess.run([BINARIES / "initdb", "-D", data, "-U", "guard", "-A", "trust", "-N"], **run)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    control = [BINARIES / "pg_ctl", "-D", data, "-w", "-t", "120"]
    run_quietly = run | {"capture_output": False, "stdout": subprocess.DEVNULL}
    start = [*control, "-o", options, "-l", folder / "log", "start"]
    subprocess.run(start, **run_quietly)  # its server would keep a pipe open
    try:
        yield f"postgresql+psycopg://guard@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **run)
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.sqlite"
    found: str = request.getfixturevalue("postgres")
    return found


def test_what_is_recorded_comes_back(url: str) -> None:
    made = entries(200)

    async def go() -> None:
        ledger = Ledger(url)
        await asyncio.gather(*(ledger.record(entry) for entry in made))
        await ledger.record(made[3])  # a repeated commit does no harm
        await ledger.aclose()

    asyncio.run(go())
    ledger = Ledger(url)
    assert list(ledger.read()) == made[::-1]
    assert [e.answer_id for e in ledger.read(limit=2)] == ["a199", "a198"]
    assert list(ledger.read(since=NOW + timedelta(seconds=197))) == made[:196:-1]
    assert list(ledger.read(outcome="blocked", certificate="c1")) == made[195::-6]
    assert list(ledger.read(request_id="r5")) == [made[5]]
    ledger.close()


def test_replicas_share_one_ledger(postgres: str) -> None:
    folder_url = postgres.rpartition("/")[0] + "/template1"

    async def go() -> None:
        one, two = Ledger(folder_url), Ledger(folder_url)
        mine = [replace(e, replica="one") for e in entries(50)]
        yours = [replace(e, answer_id=e.answer_id + "b", replica="two") for e in entries(50)]
        both = [one.record(e) for e in mine] + [two.record(e) for e in yours]
        await asyncio.gather(*both)
        assert {e.replica for e in two.read()} == {"one", "two"}
        assert len(list(one.read())) == 100
        await one.aclose()
        await two.aclose()

    asyncio.run(go())


def test_too_many_waiting_are_refused(tmp_path: Path) -> None:
    async def go() -> None:
        ledger = Ledger(f"sqlite:///{tmp_path}/l.sqlite", waiting=3)
        results = await asyncio.gather(
            *(ledger.record(entry) for entry in entries(5)), return_exceptions=True
        )
        assert [type(r) for r in results] == [type(None)] * 3 + [LedgerError] * 2
        assert {e.answer_id for e in ledger.read()} == {"a0", "a1", "a2"}
        await ledger.aclose()

    asyncio.run(go())


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("nonsense", OptionError),
        ("mysql+pymysql://user:secret@h/x", OptionError),
        ("postgresql+psycopg://user:secret@h:port/x", OptionError),
        ("sqlite:////nowhere/at/all/l.sqlite", LedgerError),
        ("postgresql+psycopg://user:secret@127.0.0.1:9/x", LedgerError),
    ],
)
def test_a_ledger_that_cannot_be_opened(url: str, error: Any) -> None:
    with pytest.raises(error) as caught:
        Ledger(url)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_table_of_something_else_is_told_at_once(url: str) -> None:
    engine = sa.create_engine(url.replace("/postgres", "/template1"))
    with engine.begin() as connection:
        connection.execute(sa.text("drop table if exists interlock_decisions"))
        connection.execute(sa.text("create table interlock_decisions (answer_id text)"))
    with pytest.raises(LedgerError, match="column"):
        Ledger(str(engine.url))
    with engine.begin() as connection:
        connection.execute(sa.text("drop table interlock_decisions"))
    engine.dispose()


def command(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["guard", "ledger", *arguments])


def test_the_command_queries_and_exports(tmp_path: Path) -> None:
    url, made = f"sqlite:///{tmp_path}/ledger.sqlite", entries(30)

    async def go() -> None:
        ledger = Ledger(url)
        await asyncio.gather(*(ledger.record(entry) for entry in made))
        await ledger.aclose()

    asyncio.run(go())
    found = command("--ledger", url, "--outcome", "blocked", "--limit", "3", "--json")
    assert found.exit_code == 0
    told = json.loads(found.stdout)
    assert (told["decisions"], told["outcomes"]) == (3, {"blocked": 3})
    assert [e["answer_id"] for e in told["entries"]] == ["a27", "a24", "a21"]
    table, lines = tmp_path / "out.csv", tmp_path / "out.jsonl"
    assert command("--ledger", url, "--export", str(table)).exit_code == 0
    with table.open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["answer_id"] for row in rows] == [e.answer_id for e in made[::-1]]
    assert rows[0]["time"] == made[-1].time.isoformat()
    config = tmp_path / "guard.toml"
    config.write_text(f'[ledger]\nurl = "{url}"\n')
    since = ("--since", "2026-01-02T03:04:30")
    assert command("--config", str(config), *since, "--export", str(lines)).exit_code == 0
    assert len(lines.read_text().splitlines()) == 5
    text = command("--ledger", url, "--request-id", "r4").stdout
    assert "3 for, 1 against, 0 lost of 7" in text
    assert "1 decisions: 1 released" in text


def test_the_command_names_what_is_wrong(tmp_path: Path) -> None:
    missing = command("--ledger", f"sqlite:///{tmp_path}/none.sqlite")
    assert missing.exit_code == 1
    assert "there is no such ledger" in missing.stderr
    assert not (tmp_path / "none.sqlite").exists()
    assert command("--export", "x.txt").exit_code == 1
    config = tmp_path / "guard.toml"
    for wrong, said in (
        ("ledger = 3", "ledger: give a table"),
        ("[ledger]\nurl = 3", "ledger.url"),
    ):
        config.write_text(wrong)
        assert said in command("--config", str(config)).stderr
    assert command("--outcome", "maybe").exit_code == 2


def start_guard(upstream: str, ledger: str, *more: str) -> tuple[subprocess.Popen[str], str]:
    arguments = ["--upstream", upstream, "--uncertified", "--copies", "3", "--port", "0"]
    arguments += ["--ledger", ledger, "--json", *more]
    process = subprocess.Popen(
        [sys.executable, "-m", "interlock.cli", "guard", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    told = ""
    while not told.endswith("}\n"):
        line = process.stdout.readline()
        assert line, "the guard did not start"
        told += line
    return process, json.loads(told)["url"]


@pytest.mark.slow
def test_a_killed_guard_has_every_answer_on_record(tmp_path: Path) -> None:
    killed_under_load(f"sqlite:///{tmp_path}/ledger.sqlite", (signal.SIGKILL, signal.SIGTERM))


@pytest.mark.slow
def test_a_killed_guard_on_postgresql(postgres: str) -> None:
    killed_under_load(postgres, (signal.SIGKILL,) * 3 + (signal.SIGTERM,))


def killed_under_load(url: str, ends: Sequence[signal.Signals]) -> None:
    """kill -9 in the middle of load; then SIGTERM, which loses no request at all."""
    answered: list[str] = []
    failed: list[str] = []

    async def client(http: httpx.AsyncClient, name: str, stop: asyncio.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            request_id = f"{name}-{number}"
            body = {"model": "m", "messages": ASK}
            try:
                response = await http.post(
                    "/v1/chat/completions", json=body, headers={"x-request-id": request_id}
                )
            except httpx.HTTPError:
                failed.append(request_id)
                return
            assert response.status_code == 200
            answered.append(response.headers["x-request-id"])

    async def load(base: str, end: Any, process: Any, enough: int) -> None:
        stop, before = asyncio.Event(), len(answered)
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=60) as http:
            name = f"{time.time_ns()}"
            tasks = [asyncio.create_task(client(http, f"{name}-{i}", stop)) for i in range(8)]
            while len(answered) < before + enough:
                await asyncio.sleep(0.005)
            if end is signal.SIGTERM:
                stop.set()
            process.send_signal(end)
            await asyncio.gather(*tasks)

    async def go() -> None:
        async with listening(Scripted(lambda _: YES, pause=0.001)) as upstream:
            for end in ends:
                process, base = await asyncio.to_thread(start_guard, f"{upstream}/v1", url)
                try:
                    await load(base, end, process, 60)
                    lost_before = len(failed)
                    await asyncio.to_thread(process.wait, 60)
                finally:
                    process.kill()
                if end is signal.SIGTERM:
                    assert process.returncode == 0
                    assert len(failed) == lost_before

    asyncio.run(asyncio.wait_for(go(), 280))
    ledger = Ledger(url)
    kept = {entry.request_id for entry in ledger.read()}
    ledger.close()
    assert len(answered) >= 60 * len(ends)
    assert len(set(answered)) == len(answered)
    assert set(answered) <= kept
    assert failed  # the kills did hit requests


@pytest.mark.parametrize("torn", [{"model": "\ud800"}, {"prompt_tokens": 10**30}])
def test_one_that_cannot_be_stored_takes_no_neighbours_along(url: str, torn: Any) -> None:
    made = [replace(e, answer_id=f"{e.answer_id}{torn}") for e in entries(5)]
    odd = replace(made[2], answer_id="odd", **torn)

    async def go() -> None:
        ledger = Ledger(url)
        results = await asyncio.gather(
            *(ledger.record(entry, 20.0) for entry in [*made[:2], odd, *made[2:]]),
            return_exceptions=True,
        )
        assert [type(r) for r in results] == [type(None)] * 2 + [EntryError] + [type(None)] * 3
        assert {e.answer_id for e in ledger.read()} >= {e.answer_id for e in made}
        await ledger.aclose()

    asyncio.run(go())


def test_a_ledger_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what could not be put on record was not answered; it is found working again."""
    go_on = threading.Event()
    monkeypatch.setattr("interlock.serve.guard.PUT_ON_RECORD", 0.2)

    async def go() -> None:
        vote = {"copies": 3, "deadline": 1.0}
        async with running(tmp_path, Scripted(lambda _: YES), vote=vote) as guard:
            ledger = guard.guard.ledger
            insert: Any = ledger._insert

            def hang(rows: Any) -> None:
                go_on.wait(60)
                insert(rows)

            ledger._insert = hang  # type: ignore[method-assign]
            response = await guard.post()
            assert response.status_code == 503
            assert response.json()["error"]["code"] == "ledger_unavailable"
            ready = await guard.http.get("/readyz")
            assert (ready.status_code, ready.json()["checks"]["ledger"]) == (503, False)
            go_on.set()
            while (await guard.http.get("/readyz")).status_code != 200:  # no request is needed
                await asyncio.sleep(0.01)
            assert len(guard.entries()) == 1

    asyncio.run(asyncio.wait_for(go(), 120))


def test_old_rows_go_in_the_background(url: str) -> None:
    """By age and by number, while decisions are recorded; many at the same moment, too."""
    now = datetime.now(UTC)
    made = [
        replace(ENTRY, answer_id=f"p{i:04}", request_id="p", time=now - timedelta(days=i // 100))
        for i in range(900)
    ]

    def kept(ledger: Ledger) -> list[str]:
        return [e.answer_id for e in ledger.read(request_id="p")]

    async def go() -> None:
        ledger = Ledger(url)
        with ledger._engine.begin() as connection:
            connection.execute(sa.text("delete from interlock_decisions"))
        await asyncio.gather(*(ledger.record(entry) for entry in made))
        ledger.keep_pruned(pause=0.02)
        await asyncio.sleep(0.1)
        assert len(kept(ledger)) == 900  # all, unless told otherwise
        ledger.retention = Retention(days=4.5)
        later = now + timedelta(seconds=1)
        new = [replace(ENTRY, answer_id=f"n{i}", request_id="n", time=later) for i in range(50)]
        await asyncio.gather(*(ledger.record(entry, 20.0) for entry in new))
        while len(kept(ledger)) > 500:
            await asyncio.sleep(0.02)
        assert sorted(kept(ledger)) == [e.answer_id for e in made[:500]]
        ledger.retention = Retention(rows=130)  # of rows of one moment those go that come first
        other = Ledger(url)  # a replica that does the same
        other.retention = Retention(rows=130)
        other.keep_pruned(pause=0.02)
        while len(list(ledger.read())) > 130:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert len(list(ledger.read())) == 130
        assert len(list(ledger.read(request_id="n"))) == 50
        assert sorted(kept(ledger)) == [e.answer_id for e in made[20:100]]
        await other.aclose()
        await ledger.aclose()

    asyncio.run(asyncio.wait_for(go(), 120))


@pytest.mark.parametrize("given", [{"max_rows": 3}, {"max_days": 2.5}])
def test_a_guard_removes_what_it_is_not_to_keep(tmp_path: Path, given: Any) -> None:
    """From its start on, as its settings say; without any it keeps all."""
    url, now = f"sqlite:///{tmp_path}/kept.sqlite", datetime.now(UTC)

    async def go() -> None:
        ledger = Ledger(url)
        ledger._insert(
            [replace(ENTRY, answer_id=f"d{i}", time=now - timedelta(days=i)) for i in range(9)]
        )
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream, ledger={"url": url}):
            await asyncio.sleep(0.3)
            assert len(list(ledger.read())) == 9
        async with running(tmp_path, upstream.url, ledger={"url": url, **given}):
            while len(list(ledger.read())) > 3:
                await asyncio.sleep(0.02)
        assert [entry.answer_id for entry in ledger.read()] == ["d0", "d1", "d2"]
        ledger.close()

    asyncio.run(asyncio.wait_for(go(), 60))


def test_rows_that_cannot_be_removed_stop_nothing(tmp_path: Path) -> None:
    async def go() -> None:
        ledger, lines = Ledger(f"sqlite:///{tmp_path}/l.sqlite"), list[str]()
        await asyncio.gather(*(ledger.record(entry) for entry in entries(3)))
        with ledger._engine.begin() as connection:
            connection.execute(
                sa.text(
                    "create trigger no before delete on interlock_decisions "
                    "begin select raise(abort, 'never'); end"
                )
            )
        ledger.retention = Retention(rows=1)
        ledger.keep_pruned(pause=0.01, on_error=lines.append)
        while len(lines) < 2:
            await asyncio.sleep(0.01)
        await ledger.record(replace(ENTRY, answer_id="after"))
        assert len(list(ledger.read())) == 4
        assert lines[0].endswith("old decisions cannot be removed (never)")
        await ledger.aclose()

    asyncio.run(asyncio.wait_for(go(), 60))


def test_a_ledger_of_before_gets_the_new_columns(url: str) -> None:
    later = {field.name for field in fields(Entry) if field.default is not MISSING}
    assert {"key", "estimated_tokens"} <= later
    url = url.replace("/postgres", "/template1")
    Ledger(url).close()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("drop table interlock_decisions"))
    old = Ledger(url)
    old._insert([ENTRY])
    with engine.begin() as connection:
        for name in later:
            connection.execute(sa.text(f"alter table interlock_decisions drop column {name}"))
    engine.dispose()
    old.close()
    ledger = Ledger(url)
    ledger._insert([replace(ENTRY, answer_id="b", key="ann", estimated_tokens=5)])
    assert list(ledger.read(key="ann")) == [
        replace(ENTRY, answer_id="b", key="ann", estimated_tokens=5)
    ]
    assert ENTRY in list(ledger.read())
    ledger.close()


def test_prompts_are_kept_as_hashes_under_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has the ledger cannot try guesses; who has the secret finds equal prompts equal."""

    async def hashes() -> list[str]:
        async with running(tmp_path, Scripted(lambda _: YES)) as guard:
            await guard.post()
            await guard.post()
            return [entry.prompt_sha256 for entry in guard.entries()]

    monkeypatch.delenv("INTERLOCK_GUARD_SECRET", raising=False)
    first, second = asyncio.run(hashes()), asyncio.run(hashes())
    assert len(set(first)) == len(set(second)) == 1
    assert first != second  # another secret at each start
    monkeypatch.setenv("INTERLOCK_GUARD_SECRET", "word")
    assert asyncio.run(hashes()) == asyncio.run(hashes())
    text = ASK[0]["content"]
    guesses = {sha256(g.encode()).hexdigest() for g in (text, json.dumps([text]), json.dumps(text))}
    assert not guesses & {*first, *second}
