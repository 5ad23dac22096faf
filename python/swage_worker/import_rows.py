"""Writes the rows of a dataset as JSON lines: python -m swage_worker.import_rows, with one JSON object on standard input, `Request`.
Each line of standard output is a JSON object as well: {"rows": …, "all": …} now and then (`all` is null where nobody knows), and at
last {"rows": …, "notes": […]}, or {"error": …, "expected": …}. It ends when its input does."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from .errors import TrainerError
from .row_values import RowValues

BATCH = 512


@dataclasses.dataclass
class Request:
    """What is to be written, and where."""

    output: str
    # A file or a folder; or a name of the hub, with what follows.
    path: str | None = None
    name: str | None = None
    revision: str | None = None
    subset: str | None = None
    split: str | None = None
    columns: list[str] | None = None
    limit: int | None = None


@dataclasses.dataclass
class Table:
    """Rows in batches, each a value for every column."""

    columns: list[str]
    batches: Iterable[list[dict[str, Any]]]
    rows: int | None


def main() -> None:
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        return
    threading.Thread(target=end_with_input, daemon=True).start()
    try:
        write(Request(**json.loads(line)))
    except TrainerError as error:
        say(error=str(error), expected=error.expected)
        sys.exit(1)


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(1)


def say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def write(request: Request) -> None:
    table = local(request) if request.path is not None else from_hub(request)
    columns = chosen(request.columns, table.columns)
    every = min(request.limit, table.rows or request.limit) if request.limit is not None else table.rows
    values, written, told = RowValues(), 0, time.monotonic()
    with open(request.output, "w", encoding="utf-8", newline="\n") as file:
        for row in limited(table.batches, request.limit):
            plain = {column: values.plain(row[column], column, written + 1) for column in columns}
            file.write(json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n")
            written += 1
            if time.monotonic() - told > 0.2:
                told = time.monotonic()
                say(rows=written, all=every)
        file.flush()
        os.fsync(file.fileno())
    if written == 0:
        raise TrainerError("invalidData", "there is no row in it", "a split with rows")
    say(rows=written, notes=values.notes())


def limited(batches: Iterable[list[dict[str, Any]]], limit: int | None) -> Iterator[dict[str, Any]]:
    count = 0
    for batch in batches:
        for row in batch:
            if count == limit:
                return
            yield row
            count += 1


def chosen(wanted: list[str] | None, columns: list[str]) -> list[str]:
    unknown = [column for column in wanted or [] if column not in columns]
    if unknown:
        raise TrainerError("invalidOption", f'there is no column "{unknown[0]}"', "columns out of " + ", ".join(columns))
    return wanted or columns


def from_hub(request: Request) -> Table:
    import datasets

    datasets.disable_progress_bars()
    assert request.name is not None
    revision, split = request.revision, request.split or "train"
    try:
        builder = datasets.load_dataset_builder(request.name, request.subset, revision=revision)
        known = builder.info.splits or {}
        rows = datasets.load_dataset(request.name, request.subset, split=split, revision=revision, streaming=True)
        features = rows.features or {}
        for column, feature in features.items():
            # As they are stored, for which nobody needs what would decode them.
            if isinstance(feature, (datasets.Image, datasets.Audio, datasets.Video)):
                rows = rows.cast_column(column, type(feature)(decode=False))
        if not features:
            rows = rows._resolve_features()
    except Exception as error:  # What `datasets` raises is any of a dozen types, of several packages.
        raise refused(error, request, split) from error
    count = known[split].num_examples if split in known else None
    return Table(list(rows.features or {}), batches_of(rows, request, split), count)


def batches_of(rows: Any, request: Request, split: str) -> Iterator[list[dict[str, Any]]]:
    batches = rows.iter(batch_size=BATCH)
    while True:
        try:
            batch = next(batches, None)
        except Exception as error:  # As above.
            raise refused(error, request, split) from error
        if batch is None:
            return
        columns = list(batch)
        yield [dict(zip(columns, row, strict=True)) for row in zip(*batch.values(), strict=True)]


def refused(error: Exception, request: Request, split: str) -> TrainerError:
    """What `datasets` says, in one sentence, and what to do."""
    subset = f", --subset {request.subset}" if request.subset else ""
    said = " ".join(str(error).split()) or type(error).__name__
    expected = "a name, split and subset as the dataset's page shows them" if not isinstance(error, OSError) else None
    return TrainerError(
        "invalidData", f"{request.name}:{split}{subset} cannot be read: {said[:600]}", expected or "a dataset that can be reached and read")


def local(request: Request) -> Table:
    import pyarrow
    import pyarrow.dataset

    assert request.path is not None
    path = request.path
    try:
        if os.path.isdir(path) and not named(path, ".parquet"):
            return from_folder(path, request.split)
        if request.split is not None:
            raise TrainerError("invalidOption", f"{path} has no splits", "a path without :split")
        files = named(path, ".parquet") if os.path.isdir(path) else [path]
        kind = "parquet" if files[0].lower().endswith(".parquet") else "arrow"
        if kind == "arrow" and is_stream(path):
            return from_stream(path)
        source = pyarrow.dataset.dataset(files, format=kind)
        return Table(source.schema.names, (batch.to_pylist() for batch in source.to_batches(batch_size=BATCH)), source.count_rows())
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        said = " ".join(str(error).split())[:600]
        raise TrainerError("invalidData", f"{path} cannot be read: {said}", "a whole Parquet or Arrow file, or a folder of them") from error


def named(folder: str, ending: str) -> list[str]:
    """The files in a folder and below it, sorted."""
    found = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names if name.lower().endswith(ending)]
    return sorted(found)


def is_stream(path: str) -> bool:
    """Files of Arrow begin with a mark, and streams of it, as `datasets` writes them, without one."""
    with open(path, "rb") as file:
        return file.read(6) != b"ARROW1"


def from_stream(path: str) -> Table:
    import pyarrow

    reader = pyarrow.ipc.open_stream(pyarrow.memory_map(path))
    rows = sum(batch.num_rows for batch in pyarrow.ipc.open_stream(pyarrow.memory_map(path)))
    parts = (batch.slice(begin, BATCH) for batch in reader for begin in range(0, batch.num_rows, BATCH))
    return Table(reader.schema.names, (part.to_pylist() for part in parts), rows)


def from_folder(path: str, split: str | None) -> Table:
    """What `save_to_disk` has written."""
    import datasets

    found = datasets.load_from_disk(path)
    if isinstance(found, datasets.DatasetDict):
        if (split or "train") not in found:
            known = ", ".join(f"{path}:{name}" for name in found)
            raise TrainerError("invalidData", f"{path} has no split {split or 'train'}", f"one of {known}")
        found = found[split or "train"]
    elif split is not None:
        raise TrainerError("invalidOption", f"{path} has no splits", "a path without :split")
    rows = found.with_format("arrow")
    return Table(found.column_names, (batch.to_pylist() for batch in rows.iter(batch_size=BATCH)), found.num_rows)


if __name__ == "__main__":
    main()
