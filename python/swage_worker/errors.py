"""What goes wrong, in the words of Swift's TrainerError, and how it travels."""

from __future__ import annotations

import contextlib
import re
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from .statuses import STATUSES

if TYPE_CHECKING:
    import grpc

# What a long work is given, to ask now and then whether nobody wants its answer any more.
IsCancelled = Callable[[], bool]


class TrainerError(Exception):
    """`code` is one of TrainerError's; `expected` is what would have been right."""

    def __init__(self, code: str, message: str, expected: str | None = None) -> None:
        super().__init__(message)
        self.code, self.expected = code, expected

    def __reduce__(self) -> tuple[Any, ...]:
        return TrainerError, (self.code, str(self), self.expected)

    def abort(self, context: grpc.ServicerContext) -> NoReturn:
        metadata: list[tuple[str, str | bytes]] = [("swage-error-code", self.code)]
        if self.expected:
            metadata.append(("swage-expected-bin", shortened(self.expected).encode(errors="replace")))
        context.set_trailing_metadata(tuple(metadata))
        # Whoever evaluates losses alone needs no gRPC.
        import grpc

        context.abort(getattr(grpc.StatusCode, STATUSES.get(self.code, "INTERNAL")), shortened(str(self)))


def shortened(text: str) -> str:
    """At most a page of it: what a caller has sent, and an error names, may be of any length, and headers may not."""
    return text if len(text) <= 1000 else f"{text[:600]} … {text[-200:]}"


class Cancelled(Exception):
    """The caller has ended the call, and nothing has changed."""


def check(holds: object, code: str, message: str, expected: str | None = None) -> None:
    if not holds:
        raise TrainerError(code, message, expected)


@contextlib.contextmanager
def failing_in_words() -> Iterator[None]:
    """Turns what Python and torch raise into one sentence of our own."""
    try:
        yield
    except (TrainerError, Cancelled):
        raise
    except OSError as error:
        raise TrainerError(
            "inputOutput", f"{error.filename or 'a file'}: {error.strerror or error}", "a path that can be read and written") from error
    except MemoryError as error:
        raise TrainerError("tooLarge", "there is not enough memory for this call", "less at once, or shorter") from error
    except Exception as error:
        if "embedded null" in str(error):
            raise TrainerError("invalidOption", "a path holds a zero byte", "a path that can be read and written") from error
        words = sentence(str(error)) or type(error).__name__
        traceback.print_exc()
        if "memory" in words:
            raise TrainerError("tooLarge", "there is not enough memory for this call", "less at once, or shorter") from error
        raise TrainerError("engineFailed", f"the engine failed: {words}") from error


def sentence(text: str) -> str:
    """What a text of others says in one line: of a report with tracebacks its last error, of others the beginning."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not any("Traceback" in line for line in lines):
        return next(iter(lines), "")
    last = max(index for index, line in enumerate(lines) if "Traceback" in line)
    errors = [line for line in lines[last + 1 :] if re.match(r"[\w.]*(Error|Exception|Cancelled)\b", line)]
    return next(iter(errors), lines[-1])
