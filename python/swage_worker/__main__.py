"""A worker: python -m swage_worker ENGINE. Its first line of standard input is a JSON object, the engine's options and the
`address` to serve at, and `scratch`, a folder of its own. It ends when that input does, however the process at the other
end has died, and removes the folder."""

import concurrent.futures
import json
import os
import shutil
import sys
import threading

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from .errors import TrainerError
from .generated.swage.v1 import trainer_pb2_grpc as rpc
from .message_check import MessageCheck
from .request_log import WAITING
from .service import TrainerService

MAXIMUM_MESSAGE = 256 << 20


def main():
    options = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_input, args=[options["scratch"]], daemon=True).start()
    try:
        engine = _engine(sys.argv[1], options)
    except TrainerError as error:
        sys.exit(str(error) + (f"; expected {error.expected}" if error.expected else ""))
    limits = [
        ("grpc.max_receive_message_length", MAXIMUM_MESSAGE), ("grpc.max_send_message_length", -1),
        ("grpc.max_concurrent_streams", WAITING)]
    # Every call that waits has a thread, and there are others for those that end it or ask how it is.
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2 * WAITING), interceptors=[MessageCheck()], options=limits)
    rpc.add_TrainerServiceServicer_to_server(TrainerService(engine), server)
    status = health.HealthServicer()
    for name in ("", "swage.v1.TrainerService"):
        status.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    if not server.add_insecure_port(options["address"]):
        sys.exit(f"{options['address']} cannot be served")
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


def _engine(name, options):
    if name == "huggingface":
        from .hf import HuggingFaceEngine

        return HuggingFaceEngine(options)
    if name == "titan":
        from .titan.engine import TitanEngine

        return TitanEngine(options)
    sys.exit(f"there is no engine {name}")


def end_with_input(scratch=None):
    while sys.stdin.read(1 << 12):
        pass
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)
    # Nothing is left that would want an answer, and a product may be under way that nothing else ends.
    os._exit(0)


if __name__ == "__main__":
    main()
