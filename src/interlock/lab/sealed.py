"""Parquet whose every byte is checked when it is read: a flipped one is an error, never a value.

Pages carry the checksums that Parquet has for them. The footer, which says where each column lies,
has none; so a digest of all that the file holds stands between the last page and the footer, where
no reader looks. Files stay plain Parquet for every other library.
"""

from __future__ import annotations

import io
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_TAIL = 8  # the footer's length, and the magic number
_MARK = b"interlock:sha256"
_SEAL = len(_MARK) + 32


def writer(file: io.BytesIO, schema: pa.Schema) -> pq.ParquetWriter:
    """Writes tables into a buffer, with a checksum for each page; ``sealed`` when it is closed."""
    return pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True)


def sealed(content: bytes) -> bytes:
    """A Parquet file with the digest of all its bytes before the footer."""
    start = _footer(content)
    return content[:start] + _MARK + sha256(content).digest() + content[start:]


def written(table: pa.Table) -> bytes:
    """A table as the bytes of a sealed file."""
    buffer = io.BytesIO()
    with writer(buffer, table.schema) as parquet:
        parquet.write_table(table)
    return sealed(buffer.getvalue())


def read(path: Path, schema: pa.Schema, columns: Any = None) -> pa.Table:
    """The table of a file, or some columns of it.

    Args:
        path: of a file that was sealed, or of one without a seal: an earlier version's.
        schema: that it must have.
        columns: names; all when None.

    Raises:
        OSError: the file cannot be read.
        pa.ArrowException: it is damaged.
    """
    content = path.read_bytes()
    start = _footer(content) - _SEAL
    seal = content[start : start + _SEAL] if start > 0 else b""
    if seal.startswith(_MARK):
        plain = content[:start] + content[start + _SEAL :]
        if seal != _MARK + sha256(plain).digest():
            raise pa.ArrowInvalid("its bytes are not those that were written")
    file = pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True)
    if not file.schema_arrow.equals(schema):
        raise pa.ArrowInvalid("its columns are not those that were written")
    return file.read(columns)


def _footer(content: bytes) -> int:
    """Where the footer starts."""
    length = int.from_bytes(content[-_TAIL:-4], "little")
    return len(content) - _TAIL - length
