"""What goes wrong, in the words of Swift's TrainerError, and how it travels."""

from .statuses import STATUSES


class TrainerError(Exception):
    """`code` is one of TrainerError's; `expected` is what would have been right."""

    def __init__(self, code, message, expected=None):
        super().__init__(message)
        self.code, self.expected = code, expected

    def __reduce__(self):
        return TrainerError, (self.code, str(self), self.expected)

    def abort(self, context):
        metadata = [("swage-error-code", self.code)]
        if self.expected:
            metadata.append(("swage-expected-bin", self.expected.encode()))
        context.set_trailing_metadata(metadata)
        # Whoever evaluates losses alone needs no gRPC.
        import grpc

        context.abort(getattr(grpc.StatusCode, STATUSES.get(self.code, "INTERNAL")), str(self))


class Cancelled(Exception):
    """The caller has ended the call, and nothing has changed."""


def check(holds, code, message, expected=None):
    if not holds:
        raise TrainerError(code, message, expected)
