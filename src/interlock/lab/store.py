"""Results on disk: one row for each value, in Parquet, with a journal that loses nothing.

A finished job is a line of ``journal.jsonl`` the moment it is done; from time to time the journal
becomes a shard ``rows/rows-000001.parquet`` and starts anew. Whatever instant a run is killed at,
every finished job is in one of the two, and one that is in both counts once. Nothing is ordered or
found by a clock.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import IO, Any
from zlib import crc32

import pyarrow as pa
import pyarrow.compute as pc

from interlock._files import make_folder, write_atomically
from interlock.errors import OutputError
from interlock.lab.sealed import read, written

SCHEMA = pa.schema(
    [
        ("row", pa.string()),
        ("item", pa.string()),
        ("task", pa.string()),
        ("model", pa.string()),
        ("data", pa.string()),
        ("method", pa.string()),
        ("condition", pa.string()),
        ("options", pa.string()),
        ("seed", pa.int64()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("seconds", pa.float64()),
        ("metric_seconds", pa.float64()),
        ("error", pa.string()),
        ("artefact", pa.string()),
        ("made", pa.string()),
        ("made_artefact", pa.string()),
        ("code", pa.string()),
        ("version", pa.string()),
        ("torch", pa.string()),
        ("engine", pa.string()),
        ("device", pa.string()),
        ("threads", pa.int64()),
        ("host", pa.string()),
        ("utc", pa.string()),
    ]
)
SHARD_ROWS = 5000
SHARD_SECONDS = 300.0

Row = dict[str, Any]


class Store:
    """The rows and artefacts of one folder. One process writes; any number may read.

    Args:
        folder: of the study; made when it is written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows = folder / "rows"
        self._journal_path = folder / "journal.jsonl"
        self._journal: IO[bytes] | None = None
        self._pending: list[Row] = []
        self._since = 0.0

    def recover(self) -> None:
        """Take up what a killed run left: its journal becomes a shard. For the writer alone.

        Raises:
            OutputError: something cannot be read or written.
        """
        make_folder(self._rows)
        for pattern in (".*.part", "rows/.*.part", "artefacts/*/.*.part"):
            for part in self.folder.glob(pattern):
                part.unlink(missing_ok=True)
        left = self._left(_journalled(self._journal_path))
        if left:
            self._write_shard(left)
        self._open()

    def _left(self, journalled: Sequence[Row]) -> list[Row]:
        """Rows of the journal that are in no shard, each once."""
        left = {row["row"]: row for row in journalled}
        for shard in self._shards() if left else ():
            for name in _read(shard, ["row"])["row"].to_pylist():
                left.pop(name, None)
        return list(left.values())

    def _open(self) -> None:
        try:
            self._journal = self._journal_path.open("wb", buffering=0)
        except OSError as error:
            raise OutputError(
                f"{self._journal_path}: cannot be written ({error.strerror})"
            ) from None
        self._pending, self._since = [], time.monotonic()

    def add(self, rows: Sequence[Row]) -> None:
        """Keep the rows of one job; in the journal when this returns.

        Raises:
            OutputError: the disk is full, or gone. What was added before is kept.
        """
        assert self._journal is not None, "recover() opens the journal"
        text = b"".join(_line(row) for row in rows)
        start = self._journal.tell()
        try:
            written = self._journal.write(text)
            if written != len(text):  # a disk that fills up takes a part
                self._journal.write(text[written:])
        except OSError as error:
            self._journal.truncate(start)
            self._journal.seek(start)
            raise OutputError(
                f"{self._journal_path}: cannot be written ({error.strerror}); what is finished is "
                "kept, and the same command goes on from there"
            ) from None
        self._pending += rows
        age = time.monotonic() - self._since
        if len(self._pending) >= SHARD_ROWS or age >= SHARD_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Turn the journal into a shard.

        Raises:
            OutputError: it cannot be written; the journal is kept.
        """
        if self._journal is None:
            return
        if self._pending:
            self._write_shard(self._pending)
            self._journal.seek(0)
            self._journal.truncate(0)
        self._pending, self._since = [], time.monotonic()

    def close(self) -> None:
        """Flush, and leave nothing but Parquet."""
        self.flush()
        if self._journal is not None:
            self._journal.close()
            self._journal = None
            self._journal_path.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Let go of the journal as it is; the next run takes it up."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def finished(self) -> tuple[set[str], set[str]]:
        """Names of the rows with a value, and of those that failed. For the writer."""
        good, bad = set[str](), set[str]()
        for shard in self._shards():
            table = _read(shard, ["row", "error"])
            fine = pc.is_null(table["error"])
            good.update(table.filter(fine)["row"].to_pylist())
            bad.update(table.filter(pc.invert(fine))["row"].to_pylist())
        return good, bad

    def forget(self, rows: Collection[str]) -> None:
        """Take rows out, so that they are computed again. Shard by shard, each atomically.

        Args:
            rows: their names.
        """
        wanted = pa.array(rows, pa.string())
        for shard in self._shards():
            gone = pc.is_in(_read(shard, ["row"])["row"], wanted)
            if not pc.any(gone).as_py():
                continue
            kept = _read(shard).filter(pc.invert(gone))
            if len(kept):
                write_atomically(shard, written(kept))
            else:
                shard.unlink()

    def made(self, names: Collection[str]) -> dict[str, str]:
        """What jobs shared, name -> artefact, as far as it was kept and is still there."""
        wanted, artefacts = pa.array(names, pa.string()), dict[str, str]()
        for shard in self._shards():
            table = _read(shard, ["made", "made_artefact"])
            kept = pc.and_(
                pc.is_in(table["made"], wanted), pc.not_equal(table["made_artefact"], "")
            )
            for row in (
                table.filter(kept).group_by(["made", "made_artefact"]).aggregate([]).to_pylist()
            ):
                artefacts[row["made"]] = row["made_artefact"]
        return {name: file for name, file in artefacts.items() if self.artefact(file).is_file()}

    def why(self, item: str) -> str:
        """The error of an item, or that it is not there."""
        for shard in self._shards():
            table = _read(shard, ["item", "error"])
            for row in table.filter(pc.equal(table["item"], item)).to_pylist():
                if row["error"]:
                    return str(row["error"])
        return "it is not there"

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows, those of a running run too.

        Raises:
            OutputError: a shard is damaged.
        """
        journalled = _journalled(self._journal_path)  # first: a row only moves from here to a shard
        left = pa.Table.from_pylist(self._left(journalled), SCHEMA)
        tables = [_read(shard, columns) for shard in self._shards()]
        return pa.concat_tables([*tables, left if columns is None else left.select(columns)])

    def artefact(self, name: str) -> Path:
        """Where an artefact of that name lies: ``artefacts/ab/cdef….npz``."""
        return self.folder / "artefacts" / name[:2] / name[2:]

    def content(self, name: str) -> bytes:
        """What an artefact holds.

        Raises:
            OutputError: it cannot be read, or is damaged.
        """
        path = self.artefact(name)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise OutputError(f"{path}: cannot be read ({error.strerror})") from None
        if sha256(content).hexdigest() != name.partition(".")[0]:
            raise OutputError(f"{path}: is damaged; remove it, and it is made again")
        return content

    def keep(self, files: Mapping[str, bytes]) -> None:
        """Write artefacts that are not there yet.

        Raises:
            OutputError: one cannot be written.
        """
        for name, content in files.items():
            path = self.artefact(name)
            if not path.is_file():
                make_folder(path.parent)
                write_atomically(path, content)

    def _shards(self) -> list[Path]:
        return sorted(self._rows.glob("rows-*.parquet"))

    def _write_shard(self, rows: Iterable[Row]) -> None:
        last = max((int(path.stem.rpartition("-")[2]) for path in self._shards()), default=0)
        table = pa.Table.from_pylist(list(rows), SCHEMA)
        write_atomically(self._rows / f"rows-{last + 1:06}.parquet", written(table))


def _read(shard: Path, columns: Sequence[str] | None = None) -> pa.Table:
    try:
        return read(shard, SCHEMA, columns)
    except FileNotFoundError:  # a reader beside a writer: the shard was taken out just now
        table = SCHEMA.empty_table()
        return table if columns is None else table.select(columns)
    except (OSError, pa.ArrowException) as error:
        first = str(error).splitlines()[0]
        raise OutputError(
            f"{shard}: cannot be read ({first}); remove it, and its items are computed again"
        ) from None


def _journalled(path: Path) -> list[Row]:
    """The whole lines of a journal; the last one of a killed run may be half."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({os.strerror(error.errno or 0)})") from None
    rows = []
    for line in lines[:-1]:
        check, _, text = line.partition(b" ")
        if check == _checksum(text):  # a damaged line is as good as none: it is computed again
            rows.append(json.loads(text))
    return rows


def _line(row: Row) -> bytes:
    text = json.dumps(row, separators=(",", ":")).encode()
    return b"%s %s\n" % (_checksum(text), text)


def _checksum(text: bytes) -> bytes:
    return b"%08x" % crc32(text)
