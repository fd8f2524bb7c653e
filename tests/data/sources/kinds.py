"""The same pictures stored as each kind of source."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import fsspec
import numpy as np
from PIL import Image

CLASSES = ("cat", "dog", "owl")


def png(number: int, side: int = 8) -> bytes:
    """A picture whose colour tells its number."""
    colour = (number % 256, number // 256 % 256, 77)
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, "PNG")
    return buffer.getvalue()


def noise(number: int, side: int) -> bytes:
    """A picture that does not compress."""
    pixels = np.random.default_rng(number).integers(0, 255, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def number_of(image: Image.Image) -> int:
    red, green, _ = image.getpixel((0, 0))
    return red + 256 * green


@dataclass(frozen=True)
class Stored:
    """What to open."""

    kind: str
    path: str
    options: dict[str, object]


def put(path: str, content: bytes) -> None:
    with fsspec.open(path, "wb", auto_mkdir=True) as file:
        file.write(content)


def as_folder(root: str, images: Sequence[bytes]) -> Stored:
    """In the order of the images: the classes take turns in blocks."""
    size = -(-len(images) // len(CLASSES))
    for k, image in enumerate(images):
        put(f"{root}/{CLASSES[k // size]}/{k:06}.png", image)
    return Stored("folder", root, {})


def as_csv(root: str, images: Sequence[bytes]) -> Stored:
    lines = ["file,label"]
    for k, image in enumerate(images):
        put(f"{root}/images/{k:06}.png", image)
        lines.append(f"images/{k:06}.png,{k % 3}")
    put(f"{root}/labels.csv", "\n".join(lines).encode())
    return Stored("csv", root, {"classes": list(CLASSES)})


def as_parquet(root: str, images: Sequence[bytes], rows: int = 100, files: int = 2) -> Stored:
    import pyarrow
    from pyarrow import parquet

    size = -(-len(images) // files)
    for f in range(files):
        part = range(f * size, min((f + 1) * size, len(images)))
        cells = {"image": [images[k] for k in part], "label": [k % 3 for k in part]}
        buffer = io.BytesIO()
        # Pages are checked against 64 kB after every 8 rows: a page cannot be read in part.
        parquet.write_table(
            pyarrow.table(cells), buffer, row_group_size=rows, compression="none",
            data_page_size=1 << 16, write_batch_size=8,
        )  # fmt: skip
        put(f"{root}/part-{f}.parquet", buffer.getvalue())
    return Stored("parquet", root, {"classes": list(CLASSES)})


def as_tars(root: str, images: Sequence[bytes], shards: int = 2) -> Stored:
    size = -(-len(images) // shards)
    for s in range(shards):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for k in range(s * size, min((s + 1) * size, len(images))):
                add(tar, f"{k:06}.png", images[k])
                add(tar, f"{k:06}.cls", str(k % 3).encode())
        put(f"{root}/shard-{s:03}.tar", buffer.getvalue())
    return Stored("webdataset", root, {"classes": list(CLASSES)})


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def as_datasets(root: str, images: Sequence[bytes]) -> Stored:
    import datasets

    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=list(CLASSES))}
    )

    def rows() -> Iterator[dict[str, object]]:
        for k, image in enumerate(images):
            yield {"image": {"bytes": image, "path": None}, "label": k % 3}

    saved = datasets.Dataset.from_list(list(rows()), features=features)
    saved.save_to_disk(root)
    return Stored("datasets", root, {})


def as_prompts(root: str, images: Sequence[bytes]) -> Stored:
    rows = [{"prompt": f"how do I {k}?", "goal": f"g{k}"} for k in range(len(images))]
    put(f"{root}/prompts.jsonl", "\n".join(map(json.dumps, rows)).encode())
    return Stored("prompts", f"{root}/prompts.jsonl", {})


WRITERS: dict[str, Callable[[str, Sequence[bytes]], Stored]] = {
    "folder": as_folder,
    "csv": as_csv,
    "parquet": as_parquet,
    "webdataset": as_tars,
    "datasets": as_datasets,
}
"""Kinds of images."""
