"""What goes wrong, in the words of Swift's TrainerError, and how it travels."""

import grpc

_STATUSES = {
    "invalidShape": grpc.StatusCode.INVALID_ARGUMENT,
    "invalidBatch": grpc.StatusCode.INVALID_ARGUMENT,
    "invalidLoss": grpc.StatusCode.INVALID_ARGUMENT,
    "invalidOption": grpc.StatusCode.INVALID_ARGUMENT,
    "tokenOutOfRange": grpc.StatusCode.OUT_OF_RANGE,
    "nothingAccumulated": grpc.StatusCode.FAILED_PRECONDITION,
    "nonFinite": grpc.StatusCode.FAILED_PRECONDITION,
    "checkpointNotFound": grpc.StatusCode.NOT_FOUND,
    "checkpointMismatch": grpc.StatusCode.FAILED_PRECONDITION,
    "corruptFile": grpc.StatusCode.DATA_LOSS,
    "inputOutput": grpc.StatusCode.INTERNAL,
    "notAllowed": grpc.StatusCode.PERMISSION_DENIED,
    "unsupported": grpc.StatusCode.UNIMPLEMENTED,
}


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
        context.abort(_STATUSES.get(self.code, grpc.StatusCode.INTERNAL), str(self))


class Cancelled(Exception):
    """The caller has ended the call, and nothing has changed."""


def check(holds, code, message, expected=None):
    if not holds:
        raise TrainerError(code, message, expected)
