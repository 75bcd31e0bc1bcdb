"""Reads Arrow files, which are Feather files too, and Arrow streams."""

from __future__ import annotations

from pathlib import Path

from glasscell.data.parquet import require_pyarrow
from glasscell.data.rawtable import FrameSource, open_frame
from glasscell.errors import DataError

MAGIC = (b"ARROW1", b"FEA1")
STREAM = b"\xff\xff\xff\xff"
"""How a stream begins; the length of its schema follows."""


def open_arrow(path: Path, head: bytes) -> FrameSource | None:
    """Open an Arrow file or stream as the frame that was written, with its index.

    Args:
        path: The file.
        head: Its first bytes.

    Raises:
        DataError: pyarrow is not installed, or the file is damaged.
    """
    if not head.startswith((*MAGIC, STREAM)):
        return None
    pyarrow = require_pyarrow(path, "Arrow files")
    from pyarrow.feather import read_table

    try:
        if head.startswith(STREAM):
            with pyarrow.ipc.open_stream(str(path)) as stream:
                table = stream.read_all()
        else:
            table = read_table(str(path), memory_map=False)
        return open_frame(table.to_pandas(), path.name)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise DataError(
            f"{path}: expected an Arrow (Feather) file, got a damaged one ({reason}); write it "
            "again"
        ) from error
