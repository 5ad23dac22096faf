"""One machine of a mesh: python -m swage_worker.titan.host tcp://HOST:PORT SCRATCH. Runs the ranks that a TitanTrainer on another
machine (or this one) starts here, until it is stopped."""

import sys
import threading

from . import log  # before anything of Monarch

# isort: split
from monarch.actor import start_worker_loop_forever

from ..__main__ import end_with_input, outlive_signals


def main() -> None:
    outlive_signals()
    threading.Thread(target=end_with_input, args=[sys.argv[2]], daemon=True).start()
    running = start_worker_loop_forever(ca="trust_all_connections", address=sys.argv[1])
    log.remove()
    print("ready", flush=True)
    running.get()


if __name__ == "__main__":
    main()
