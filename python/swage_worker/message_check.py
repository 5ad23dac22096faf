"""Says of a request that is no message of its call what it is, in place of gRPC's own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from .errors import TrainerError

_UNREADABLE = object()


class MessageCheck(grpc.ServerInterceptor):
    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler: Any = continuation(details)
        if handler is None or handler.request_streaming:
            return handler
        call = details.method.rsplit("/", 1)[-1]

        def read(data: bytes) -> Any:
            try:
                return handler.request_deserializer(data)
            except DecodeError:
                return _UNREADABLE

        def checked(answer: Callable[[Any, grpc.ServicerContext], Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
            def run(request: Any, context: grpc.ServicerContext) -> Any:
                if request is _UNREADABLE:
                    TrainerError(
                        "invalidData", f"the request of {call} cannot be read", "one message, as proto/swage/v1/trainer.proto has it",
                    ).abort(context)
                return answer(request, context)

            return run

        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(checked(handler.unary_stream), read, handler.response_serializer)
        return grpc.unary_unary_rpc_method_handler(checked(handler.unary_unary), read, handler.response_serializer)
