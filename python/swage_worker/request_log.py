"""What is carried out when, and what has been: calls take turns in the order in which they came, and a request that comes
again is answered and not carried out again."""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import Cancelled, IsCancelled, check

if TYPE_CHECKING:
    import grpc

Answer = TypeVar("Answer")

# How many calls may wait; how much of what was answered is remembered; how many cancellations of what has not come.
WAITING, ANSWERS, ANSWER_BYTES, CANCELLATIONS, LONGEST_ID = 256, 1 << 14, 64 << 20, 1024, 256


@dataclass
class Request:
    call: str
    # The contexts of those who wait for it.
    callers: list[grpc.ServicerContext] = field(default_factory=list)
    is_answered: bool = False
    answer: Any = None
    bytes: int = 0


class RequestLog:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.waiting = 0
        # Those who wait for their turn; the first is at work.
        self.line: collections.deque[object] = collections.deque()
        self.requests: dict[str, Request] = {}
        self.answered: collections.deque[str] = collections.deque()
        self.answered_bytes = 0
        self.cancelled: collections.OrderedDict[str, None] = collections.OrderedDict()

    def once(
        self, id: str, call: str, context: grpc.ServicerContext, body: Callable[[IsCancelled], Answer],
        bytes: Callable[[Answer], int | None],
    ) -> Answer:
        """What `body` returns, of the first time if the request has come before.

        `body` is given a function that tells whether nobody wants its answer any more; `bytes` says of an answer how much it
        takes to keep it, or None for one that is not kept. Only what succeeded is kept: a call that failed has changed
        nothing, and of those who ask for it again one carries it out."""
        check(len(id.encode()) <= LONGEST_ID, "invalidOption", f"the request's id has {len(id.encode())} bytes", f"at most {LONGEST_ID}")
        # A call that ends while it waits gives its place up.
        context.add_callback(self._wake)
        with self.changed:
            check(self.waiting < WAITING, "busy", f"{WAITING} calls wait here already, and this one was not taken", "fewer at once")
            self.waiting += 1
        try:
            return self._once(id, call, context, body, bytes)
        finally:
            with self.changed:
                self.waiting -= 1

    def _once(
        self, id: str, call: str, context: grpc.ServicerContext, body: Callable[[IsCancelled], Answer],
        bytes: Callable[[Answer], int | None],
    ) -> Answer:
        with self.changed:
            request = self._join(id, call, context)
            if request.is_answered:
                return request.answer
            try:
                self._await_turn(lambda: self._is_unwanted(id, request))
            except Cancelled:
                self._forget(id, request)
                raise
        try:
            answer = body(lambda: self._is_unwanted(id, request))
        except BaseException:
            with self.changed:
                self._forget(id, request)
                self._end_turn()
            raise
        with self.changed:
            self._keep(id, request, answer, bytes(answer))
            self._end_turn()
        return answer

    def cancel(self, id: str) -> None:
        """Ends the request if it is under way, or when it comes. One that has been carried out stays so."""
        check(id, "invalidOption", "the request that is to be cancelled has no id", "the request_id of a call")
        check(len(id.encode()) <= LONGEST_ID, "invalidOption", f"the request's id has {len(id.encode())} bytes", f"at most {LONGEST_ID}")
        with self.changed:
            if id in self.requests and self.requests[id].is_answered:
                return
            self.cancelled[id] = None
            if len(self.cancelled) > CANCELLATIONS:
                self.cancelled.popitem(last=False)
            self.changed.notify_all()

    def _join(self, id: str, call: str, context: grpc.ServicerContext) -> Request:
        """The request, new or answered. Waits as long as another caller has it under way."""
        while True:
            request = self.requests.get(id) if id else None
            if request is None:
                break
            check(
                request.call == call, "invalidOption",
                f'the request id "{id}" has come before, for {request.call}, and comes again for {call}', "another id for every call")
            if request.is_answered:
                return request
            request.callers.append(context)
            self.changed.wait()
            if request.is_answered:
                return request
            request.callers.remove(context)
            if not context.is_active():
                raise Cancelled
        if id in self.cancelled or not context.is_active():
            raise Cancelled
        request = Request(call, [context])
        if id:
            self.requests[id] = request
        return request

    def _await_turn(self, is_unwanted: IsCancelled) -> None:
        place = object()
        self.line.append(place)
        while self.line[0] is not place:
            if is_unwanted():
                self.line.remove(place)
                self.changed.notify_all()
                raise Cancelled
            self.changed.wait()
        if is_unwanted():
            self._end_turn()
            raise Cancelled

    def _end_turn(self) -> None:
        self.line.popleft()
        self.changed.notify_all()

    def _is_unwanted(self, id: str, request: Request) -> bool:
        return id in self.cancelled or not any(caller.is_active() for caller in list(request.callers))

    def _forget(self, id: str, request: Request) -> None:
        if self.requests.get(id) is request:
            del self.requests[id]
        self.changed.notify_all()

    def _keep(self, id: str, request: Request, answer: object, bytes: int | None) -> None:
        request.is_answered, request.answer, request.callers = True, answer, []
        if not id:
            return
        if bytes is None or bytes > ANSWER_BYTES // 4:
            return self._forget(id, request)
        request.bytes = bytes
        self.answered.append(id)
        self.answered_bytes += bytes
        while len(self.answered) > ANSWERS or self.answered_bytes > ANSWER_BYTES:
            self.answered_bytes -= self.requests.pop(self.answered.popleft()).bytes

    def _wake(self) -> None:
        with self.changed:
            self.changed.notify_all()
