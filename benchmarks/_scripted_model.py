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

import uvicorn

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


class Model:
    """The ASGI application."""

    def __init__(self, median: float, kind: str) -> None:
        self.median, self.kind = median, kind

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        content = b""
        while True:
            message = await receive()
            content += message.get("body", b"")
            if not message.get("more_body"):
                break
        body = json.loads(content)
        topic, text = body["messages"][0]["content"], body["messages"][-1]["content"]
        await asyncio.sleep(delay(self.kind, self.median, text))
        answer = said(topic, text)
        usage = {"prompt_tokens": 20, "completion_tokens": 15, "total_tokens": 35}
        if body.get("stream"):
            kind, made = b"text/event-stream", streamed(answer, usage)
        else:
            message = {"role": "assistant", "content": answer}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            data = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
            made = json.dumps(data | {"choices": [choice], "usage": usage}).encode()
            kind = b"application/json"
        headers = [(b"content-type", kind), (b"content-length", str(len(made)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": made})


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


def main() -> None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    print(listener.getsockname()[1], flush=True)
    app = Model(float(sys.argv[1]), sys.argv[2])
    config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
