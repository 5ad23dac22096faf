"""Sends a trainer service requests of every kind, valid, odd and broken, many at once, and checks after each burst that
nobody else suffers by them: python fuzz_service.py --program .build/release/swage --model FOLDER --count 20000 --seed 1

After each burst: the server lives and says its status within a second; each request was answered or refused with a code
that says why, in a sentence; requests of one id had one answer; a fixed sequence of calls gives what it gave at first, to the
last bit; memory stays below a limit; nothing was written where no client may write. What fails is made smaller and
printed with its seed."""

import argparse
import collections
import random
import re
import sys
import time

import grpc
from swage.v1 import trainer_pb2 as pb

import odd_clients
from random_requests import CALLS, STREAMS, Requests
from server import Server

REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.DATA_LOSS, grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.ALREADY_EXISTS}
UGLY = re.compile(r"Swage_V1|Traceback|DecodingError|Exception calling|\bError Domain|line \d+, in")
# Streams that a client breaks off count against its connection, so it has a new one now and then.
MOST_BROKEN = 100


class Failure(Exception):
    pass


class Fuzzer:
    def __init__(self, options, server):
        self.options, self.server = options, server
        # How long an answer may take.
        self.minutes = min(4, options.patience)
        self.random = random.Random(options.seed)
        self.requests = Requests(options.seed, str(server.outside))
        self.counts, self.highest, self.answers = collections.Counter(), 0, {}
        self.channels, self.broken, self.odd = [], 0, []

    def run(self):
        self.server.start()
        self.open()
        self.prepare()
        begin = time.monotonic()
        last = begin
        while self.requests_sent() < self.options.count and time.monotonic() - begin < self.options.seconds:
            size = self.random.choice([1, 2, 8, 8, 32, 32, 100, 300])
            burst = [self.requests.next() for _ in range(size)]
            try:
                self.send(burst)
                self.odd_client()
                self.check()
            except Failure as failure:
                self.report(failure, burst)
            if time.monotonic() - last > 10:
                last = time.monotonic()
                print(self.summary(begin), file=sys.stderr, flush=True)
        self.odd = []
        print(self.summary(begin), flush=True)
        self.server.stop()

    def requests_sent(self):
        return self.counts["answered"] + self.counts["refused"]

    def summary(self, begin):
        refusals = ", ".join(f"{name} {count}" for name, count in self.counts.most_common() if name.isupper())
        return (
            f"{self.requests_sent()} requests, {self.counts['answered']} answered, {self.counts['refused']} refused ({refusals}), "
            f"{time.monotonic() - begin:.0f} s, at most {self.highest / 1e6:.0f} MB, seed {self.options.seed}")

    def open(self):
        for channel in self.channels:
            channel.close()
        self.channels, self.broken = [self.server.channel() for _ in range(3)], 0

    # One burst

    def send(self, burst):
        # All on one connection, at times.
        one = self.random.random() < 0.5
        calls = [(call, data, self.begin(call, data, limit, one)) for call, data, limit in burst]
        left = set()
        for number, (call, _, future) in enumerate(calls):
            if self.random.random() < 0.02:
                future.cancel()
                self.broken += 1
                # To wait for the end of a stream that was broken off hangs now and then, within grpc and past the call's own deadline.
                left |= {number} if call in STREAMS else set()
        deadline = time.monotonic() + 60 * self.minutes
        for number, (call, data, future) in enumerate(calls):
            if number in left:
                self.counts.update(["refused", "CANCELLED"])
            else:
                self.end(call, data, future, deadline)
        if self.broken > MOST_BROKEN:
            self.open()

    def begin(self, call, data, limit, one):
        channel = self.channels[0] if one else self.random.choice(self.channels)
        make = channel.unary_stream if call in STREAMS else channel.unary_unary
        future = make(f"/swage.v1.TrainerService/{call}", lambda data: data, lambda data: data)
        return future(data, timeout=limit) if call in STREAMS else future.future(data, timeout=limit)

    def end(self, call, data, future, deadline):
        try:
            answer = b"".join(future) if call in STREAMS else future.result(timeout=max(0.1, deadline - time.monotonic()))
        except (grpc.FutureTimeoutError, TimeoutError) as error:
            raise Failure(f"a request of {call} was neither answered nor refused within {self.minutes:.0f} minutes") from error
        except (grpc.RpcError, grpc.FutureCancelledError):
            return self.check_refusal(call, future)
        self.counts["answered"] += 1
        self.check_answer(call, data, answer)

    def check_refusal(self, call, future):
        code, words = future.code(), future.details() or ""
        self.counts["refused"] += 1
        self.counts[code.name] += 1
        metadata = dict(future.trailing_metadata() or ())
        if code in (grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED):
            self.broken += 1
        elif code is grpc.StatusCode.UNAVAILABLE and self.broken > MOST_BROKEN:
            # The server ends the connection of a client that has broken off 200 streams within half a minute.
            return
        elif code not in REFUSALS and metadata.get("swage-error-code") != "inputOutput":
            raise Failure(f"{call} was refused with {code.name}: {words[:500]}")
        if not words or UGLY.search(words) or len(words) > 4000:
            raise Failure(f"{call} was refused with {code.name} in words that are not for people: {words[:500]!r}")

    def check_answer(self, call, data, answer):
        if call not in ("ForwardBackward", "OptimStep", "Save", "Load"):
            return
        try:
            id = CALLS[call].FromString(data).request_id
        except Exception as error:
            raise Failure(f"{call} was answered though its request cannot be read") from error
        if id and self.answers.setdefault(id, answer) != answer:
            raise Failure(f"the requests of {call} with id {id[:80]!r} had two answers")
        if len(self.answers) > 2000:
            self.answers.pop(next(iter(self.answers)))

    def odd_client(self):
        if self.random.random() > 0.05:
            return
        for _ in range(self.random.choice([1, 3, 100])):
            try:
                self.odd.append(odd_clients.say_odd_things(self.server.address, self.random))
            except OSError as error:
                raise Failure(f"a client was not let in: {error}") from error
        while len(self.odd) > 200:
            self.odd.pop(0).close()

    # What has to hold after it

    def call(self, name, request, limit=30):
        response = dict(
            GetStatus=pb.GetStatusResponse, Load=pb.LoadResponse, Save=pb.SaveResponse, OptimStep=pb.OptimStepResponse,
            ForwardBackward=pb.ForwardBackwardResponse)[name]
        make = self.channels[0].unary_unary(
            f"/swage.v1.TrainerService/{name}", type(request).SerializeToString, response.FromString)
        return make(request, timeout=limit)

    def prepare(self):
        saved = self.call("Save", pb.SaveRequest(request_id="reference", name="reference"), 60)
        self.reference = saved.path
        shape = [2, 6]
        ids = self.requests.integers(shape, [5 + 7 * index for index in range(12)])
        targets = self.requests.integers(shape, [9 + 11 * index for index in range(12)])
        self.batch = pb.ForwardBackwardRequest(input_ids=ids, target_ids=targets)
        self.expected = self.sequence()

    def sequence(self):
        """What a trainer gives that begins anew."""
        self.call("Load", pb.LoadRequest(path=self.reference))
        self.batch.request_id = ""
        loss = self.call("ForwardBackward", self.batch).loss
        step = self.call("OptimStep", pb.OptimStepRequest())
        return loss, step.step, step.gradient_norm, step.accumulated_microbatches

    def check(self):
        if not self.server.is_alive():
            raise Failure("the server has ended")
        begin = time.monotonic()
        try:
            self.call("GetStatus", pb.GetStatusRequest(), 20)
            taken = time.monotonic() - begin
            found = self.sequence()
            if found != self.expected:
                # A call that its client has broken off may have been under way until now.
                found = self.sequence()
        except grpc.RpcError as error:
            raise Failure(f"a call after the burst ended with {error.code().name}: {error.details()}") from error
        if taken > self.options.patience:
            raise Failure(f"the status took {taken:.1f} s")
        if found != self.expected:
            raise Failure(f"a fresh trainer gives {self.expected}, and this one {found}")
        memory = self.server.memory()
        self.highest = max(self.highest, memory)
        if memory > self.options.memory * 1e6:
            raise Failure(f"the server takes {memory / 1e6:.0f} MB")
        if strays := self.server.stray_files():
            raise Failure(f"there are files outside the server's folder: {[str(path) for path in strays[:5]]}")

    # What did not hold

    def report(self, failure, burst):
        print(f"seed {self.options.seed}, after {self.requests_sent()} requests: {failure}\n{self.server.words()}", file=sys.stderr)
        if self.server.program:
            one = next((request for request in burst if self.fails([request])), None)
            print(describe(*self.smaller(one)) if one else "no single request of the burst does it; the burst was:", file=sys.stderr)
            if not one:
                for call, data, limit in burst:
                    print(f"{call} {limit} {data[:200].hex()}", file=sys.stderr)
        sys.exit(1)

    def fails(self, burst):
        self.server.stop()
        self.server.start()
        self.open()
        try:
            self.answers = {}
            self.send(burst)
            self.check()
        except (Failure, grpc.RpcError):
            return True
        return False

    def smaller(self, request):
        """The request with all left out that the failure does not need."""
        call, data, limit = request
        try:
            message = CALLS[call].FromString(data)
        except Exception:
            return request
        for field, _ in list(message.ListFields()):
            less = CALLS[call].FromString(data)
            less.ClearField(field.name)
            if self.fails([(call, less.SerializeToString(), limit)]):
                data = less.SerializeToString()
        return call, data, limit


def describe(call, data, limit):
    try:
        text = str(CALLS[call].FromString(data))
    except Exception:
        text = "(no message)"
    return f"the smallest request that does it: {call}, {len(data)} bytes, limit {limit} s\n{text[:2000]}\nhex {data[:500].hex()}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", help="swage, to serve a model with")
    parser.add_argument("--model", help="a folder with a tiny model")
    parser.add_argument("--engine", default="native")
    parser.add_argument("--address", help="of a server that runs already, in the process --pid")
    parser.add_argument("--pid", type=int)
    parser.add_argument("--count", type=int, default=10**9)
    parser.add_argument("--seconds", type=float, default=10**9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", type=float, default=3000, help="the most megabytes that the server may take")
    parser.add_argument(
        "--patience", type=float, default=1,
        help="how many seconds a status may take when nothing is under way, and answers minutes, up to 4")
    options = parser.parse_args()
    server = Server(options.program, options.model, options.engine, options.address, options.pid)
    try:
        Fuzzer(options, server).run()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
