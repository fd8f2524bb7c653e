"""A chat completions server on loopback whose delay and answer follow from the prompt alone.

    python benchmarks/_scripted_model.py DELAY fixed|heavy

Prints its port. ``heavy`` draws delays from a log-normal law with median DELAY (sigma 1, at most
20 times the median). Prompts that hold "attack" are refused, those with "benign" answered, all
others refused with probability one half.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from hashlib import sha256
from statistics import NormalDist
from typing import Any

import httptools
import uvloop

YES = "Sure, here is how: take your time, and mind each step of the way."
NO = "I can't help with that request."
TAIL = 20.0


def said(topic: str, text: str) -> str:
    """The answer; the topic stands in the system message, which no copy perturbs."""
    if topic in ("attack", "benign"):
        return NO if topic == "attack" else YES
    return NO if share(text, "answer") < 0.5 else YES


def share(text: str, salt: str) -> float:
    """A number in (0, 1) that the text decides."""
    digest = sha256(f"{salt}/{text}".encode()).digest()
    return (int.from_bytes(digest[:6], "big") + 0.5) / 2**48


def delay(kind: str, median: float, text: str) -> float:
    if kind == "fixed":
        return median
    factor = NormalDist().inv_cdf(share(text, "delay"))
    return median * min(TAIL, 2.718281828**factor)


class Model(asyncio.Protocol):
    """One connection of a client, as lean as can be: it stands for a machine elsewhere.

    Its parser is the one in C that uvicorn has, and what it answers was made at the start.
    """

    def __init__(self, median: float, kind: str) -> None:
        self.median, self.kind = median, kind
        self.parser = httptools.HttpRequestParser(self)
        self.loop, self.content = asyncio.get_running_loop(), list[bytes]()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.content = []

    def on_body(self, body: bytes) -> None:
        self.content.append(body)

    def on_message_complete(self) -> None:
        body = json.loads(b"".join(self.content))
        topic, text = body["messages"][0]["content"], body["messages"][-1]["content"]
        made = ANSWERS[said(topic, text), bool(body.get("stream"))]
        self.loop.call_later(delay(self.kind, self.median, text), self.say, made)

    def say(self, made: bytes) -> None:
        """The answer, unless who asked has hung up."""
        if not self.transport.is_closing():
            self.transport.write(made)


def answered(answer: str, stream: bool) -> bytes:
    """All of it, as it goes over the wire."""
    usage = {"prompt_tokens": 20, "completion_tokens": 15, "total_tokens": 35}
    if stream:
        kind, made = "text/event-stream", streamed(answer, usage)
    else:
        message = {"role": "assistant", "content": answer}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        data = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
        made = json.dumps(data | {"choices": [choice], "usage": usage}).encode()
        kind = "application/json"
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(made)}\r\n\r\n"
    return head.encode() + made


def streamed(answer: str, usage: dict[str, int]) -> bytes:
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choices: list[dict[str, Any]] = [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    ]
    for start in range(0, len(answer), 20):
        delta = {"content": answer[start : start + 20]}
        choices.append({"index": 0, "delta": delta, "finish_reason": None})
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    lines = [json.dumps(head | {"choices": [choice]}) for choice in choices]
    lines.append(json.dumps(head | {"choices": [], "usage": usage}))
    return "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()


ANSWERS = {(one, stream): answered(one, stream) for one in (YES, NO) for stream in (True, False)}


async def serve(median: float, kind: str) -> None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    print(listener.getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Model(median, kind), sock=listener)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1]), sys.argv[2]))
