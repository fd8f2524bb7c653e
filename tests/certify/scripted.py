"""Targets and servers that do as they are told."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from interlock.certify.targets import Prompt, Reply

YES, NO = "Sure, here is how.", "I can't help with that."


def letters(name: str, count: int, of: str = "abcdefghijklmnopqrstuvwxyz") -> str:
    """Letters that no other name has: attacks made of them are not alike."""
    return "".join(random.Random(name).choices(of, k=count))


class ScriptedTarget:
    """Answer by a function of the prompt's text and of how often that text was asked."""

    def __init__(self, rule: Callable[[str, int], Reply | str], delay: float = 0.0) -> None:
        self.rule, self.delay = rule, delay
        self.asked: list[str] = []
        self.cancelled = 0

    @property
    def identity(self) -> dict[str, Any]:
        return {"target": "scripted"}

    def ask(self, prompts: Sequence[Prompt], *, on_reply: Any = None) -> list[Reply]:
        replies = []
        for number, prompt in enumerate(prompts):
            replies.append(self._reply(prompt))
            if on_reply is not None:
                on_reply(number, replies[-1])
        return replies

    async def ask_async(self, prompt: Prompt) -> Reply:
        reply = self._reply(prompt)
        try:
            await asyncio.sleep(self.delay)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return reply

    def _reply(self, prompt: Prompt) -> Reply:
        times = self.asked.count(prompt.text)
        self.asked.append(prompt.text)
        said = self.rule(prompt.text, times)
        return Reply(said) if isinstance(said, str) else said


class Server:
    """An HTTP server on loopback that works through a list of steps, the last one for ever."""

    def __init__(self, steps: Sequence[Callable[[Any], None]]) -> None:
        self.steps = list(steps)
        self.seen: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.most_at_once = 0
        self._busy, self._lock = 0, threading.Lock()
        self.stopped = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or head and body come 40 ms apart

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.asked = body
                with outer._lock:
                    number = len(outer.seen)
                    outer.seen.append({"path": self.path, "headers": dict(self.headers), **body})
                    outer.times.append(time.monotonic())
                    outer._busy += 1
                    outer.most_at_once = max(outer.most_at_once, outer._busy)
                try:
                    outer.steps[min(number, len(outer.steps) - 1)](self)
                except OSError:
                    pass
                finally:
                    with outer._lock:
                        outer._busy -= 1

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that hangs up is no news
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Server:
        # The default poll of half a second would be most of a test's time.
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()


def send(status: int, body: bytes, headers: dict[str, str] | None = None) -> Callable[[Any], None]:
    def step(handler: Any) -> None:
        handler.send_response(status)
        for name, value in ({"content-type": "application/json"} | (headers or {})).items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return step


def completion(text: str | None, finish: str = "stop", **message: Any) -> bytes:
    return json.dumps(
        {
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "message": {"role": "assistant", "content": text, **message},
                }
            ],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        }
    ).encode()


def answer(text: str) -> Callable[[Any], None]:
    return send(200, completion(text))


@contextmanager
def serving(*steps: Callable[[Any], None]) -> Iterator[Server]:
    with Server(steps) as server:
        yield server


def hang(handler: Any) -> None:
    time.sleep(3)


def drip(handler: Any) -> None:
    """A byte every now and then, for ever."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", "100000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def cut_off(handler: Any) -> None:
    """Half an answer, then the connection is gone."""
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(completion("Sure")[:40])
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
