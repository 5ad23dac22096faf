"""Says of a request that is no message of its call what it is, in place of gRPC's own words."""

import grpc
from google.protobuf.message import DecodeError

from .errors import TrainerError

_UNREADABLE = object()


class MessageCheck(grpc.ServerInterceptor):
    def intercept_service(self, continuation, details):
        handler = continuation(details)
        if handler is None or handler.request_streaming:
            return handler
        call = details.method.rsplit("/", 1)[-1]

        def read(data):
            try:
                return handler.request_deserializer(data)
            except DecodeError:
                return _UNREADABLE

        def checked(answer):
            def run(request, context):
                if request is _UNREADABLE:
                    TrainerError(
                        "invalidData", f"the request of {call} cannot be read", "one message, as proto/swage/v1/trainer.proto has it",
                    ).abort(context)
                return answer(request, context)

            return run

        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(checked(handler.unary_stream), read, handler.response_serializer)
        return grpc.unary_unary_rpc_method_handler(checked(handler.unary_unary), read, handler.response_serializer)
