"""A studio with a tiny model, and a page that asks it."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi.testclient import TestClient
from httpx import Response
from PIL import Image

from interlock.studio.app import TOKEN, build_app
from interlock.studio.studio import Given, Studio

SECRET = "the-token-of-this-run"
HOST = "http://127.0.0.1:8090"


def picture(
    seed: int = 0, size: tuple[int, int] = (24, 20), kind: str = "PNG", **more: Any
) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, kind, **more)
    return stored.getvalue()


@dataclass
class Page:
    """What the page's script does, without a browser."""

    client: TestClient
    studio: Studio

    def ask(self, path: str, **body: Any) -> Response:
        return self.client.post(f"/api/{path}", json=body, headers={TOKEN: SECRET})

    def get(self, path: str) -> Response:
        return self.client.get(f"/api/{path}", headers={TOKEN: SECRET})

    def upload(self, stored: bytes, name: str = "photo.png") -> Response:
        head = {TOKEN: SECRET, "content-type": "application/octet-stream"}
        return self.client.put("/api/photo", content=stored, params={"name": name}, headers=head)

    def part(self, name: str) -> Any:
        said = self.get(f"parts/{name}")
        return said.json()["part"] if said.status_code == 200 else None

    def state(self) -> Any:
        return self.get("state").json()

    def ended(self, kind: str) -> Any:
        """The job, once it has ended."""
        end = time.monotonic() + 100
        while time.monotonic() < end:
            job = self.state()["jobs"][kind]
            if job["state"] not in ("running", "stopping"):
                return job
            time.sleep(0.01)
        raise AssertionError(f"{kind} did not end")

    def done(self, kind: str) -> None:
        job = self.ended(kind)
        assert (job["state"], job["error"]) == ("done", "")

    def shown(self, stored: bytes | None = None) -> None:
        """A photo is there and explained."""
        said = self.upload(picture() if stored is None else stored)
        assert said.status_code == 200, said.text
        self.done("explain")


def error_of(said: Response) -> str:
    """The line that a refusal says."""
    line: str = said.json()["error"]["message"]
    assert "\n" not in line
    return line


@contextmanager
def asking(model: str = "tests.tiny:tiny", **given: Any) -> Iterator[Page]:
    studio = Studio(Given(model=model, **given))
    with TestClient(build_app(studio, SECRET), base_url=HOST) as client:
        yield Page(client, studio)
