"""A worker: python -m swage_worker ENGINE SCRATCH. Its first line of standard input is a JSON object, the engine's options and the
`address` to serve at, and `scratch`, a folder of its own. It ends when that input does, however the process at the other
end has died, and removes the folder; a signal that is meant for both, such as Ctrl-C's, does not end it."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from .engine import Engine
from .errors import TrainerError, check
from .generated.swage.v1 import trainer_pb2_grpc as rpc
from .message_check import MessageCheck
from .options import HuggingFaceOptions, TitanOptions
from .request_log import WAITING
from .service import TrainerService

MAXIMUM_MESSAGE = 256 << 20


def main() -> None:
    outlive_signals()
    scratch, line = sys.argv[2], sys.stdin.readline()
    if not line.endswith("\n"):
        # Whoever started this has been killed before it had made the folder ready, or said all.
        return shutil.rmtree(scratch, ignore_errors=True)
    threading.Thread(target=end_with_input, args=[scratch], daemon=True).start()
    try:
        options = _options(sys.argv[1], line)
        engine = _engine(options)
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
    if not server.add_insecure_port(options.address):
        sys.exit(f"{options.address} cannot be served")
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


def _options(name: str, line: str) -> HuggingFaceOptions | TitanOptions:
    kinds: dict[str, type[HuggingFaceOptions] | type[TitanOptions]] = dict(huggingface=HuggingFaceOptions, titan=TitanOptions)
    check(name in kinds, "invalidOption", f"there is no engine {name}", f"one of {', '.join(kinds)}")
    return kinds[name].of(json.loads(line))


def _engine(options: HuggingFaceOptions | TitanOptions) -> Engine:
    # Imported here, for an environment has the packages of one engine alone.
    if isinstance(options, HuggingFaceOptions):
        from .hf import HuggingFaceEngine

        return HuggingFaceEngine(options)
    from .titan.engine import TitanEngine

    return TitanEngine(options)


def outlive_signals() -> None:
    """The other end may have a checkpoint to save first. What is started here inherits this."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def end_with_input(scratch: str) -> NoReturn:
    while sys.stdin.read(1 << 12):
        pass
    # Nothing is left that would want an answer, and a product may be under way that nothing else ends. Ranks, and what
    # else was started, would still write into the folder: all of them end before it goes.
    subprocess.Popen(
        ["/bin/sh", "-c", 'folder=$1; shift; kill -9 "$@"; rm -rf -- "$folder"', "sh", scratch, *_children(), str(os.getpid())],
        stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(10)
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(0)


def _children() -> list[str]:
    """The processes that this one has started."""
    found: list[str] = []
    for thread in os.listdir("/proc/self/task"):
        # Threads end meanwhile: an import has many, for a moment.
        with contextlib.suppress(OSError):
            found += pathlib.Path("/proc/self/task", thread, "children").read_text().split()
    return found


if __name__ == "__main__":
    main()
