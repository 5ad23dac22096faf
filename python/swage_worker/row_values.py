"""Values of columns as values of JSON."""

from __future__ import annotations

import datetime
import decimal
import math
import uuid
from typing import Any

from .errors import TrainerError


class RowValues:
    """Makes values plain, and counts what JSON has no word for."""

    def __init__(self) -> None:
        self._not_numbers: dict[str, int] = {}

    def notes(self) -> list[str]:
        return [f"{count} of {column} are no finite numbers, and null here" for column, count in self._not_numbers.items()]

    def plain(self, value: Any, column: str, row: int) -> Any:
        """Raises TrainerError for bytes that are no text: those of images, sounds and the like."""
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            if math.isfinite(value):
                return value
            self._not_numbers[column] = self._not_numbers.get(column, 0) + 1
            return None
        if isinstance(value, dict):
            return {str(key): self.plain(member, f"{column}.{key}", row) for key, member in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.plain(member, column, row) for member in value]
        if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, datetime.timedelta):
            return value.total_seconds()
        if isinstance(value, (decimal.Decimal, uuid.UUID)):
            return str(value)
        if hasattr(value, "tolist"):  # NumPy's.
            return self.plain(value.tolist(), column, row)
        if isinstance(value, bytes):
            try:
                return value.decode()
            except UnicodeDecodeError:
                pass
        kind = "bytes that are no text" if isinstance(value, bytes) else f"a value of the type {type(value).__name__}"
        raise TrainerError("invalidData", f"row {row} has {kind} in {column}", "--columns that name the others")
