"""One side of a benchmark, in a process of its own that waits for the next job and then works alone on the machine."""

import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
THREADS = int(os.environ.get("THREADS", os.cpu_count()))


class Worker:
    def __init__(self, command, **variables):
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(THREADS), "TQDM_DISABLE": "1"} | variables
        self.command = command
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def tell(self, **job):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()

    def run(self, **job):
        self.tell(**job)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(self.command)} ended with {self.process.wait()} at the job {next(iter(job))}")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def ours(program, model, *options, **variables):
    return Worker([program, str(model), str(THREADS), *options], **variables)


def peer(model):
    return Worker([sys.executable, "-B", str(HERE / "peer.py"), str(model), str(THREADS)])


def engine(program, model, name):
    """Ours behind the protocol alone: native, served or titan."""
    return Worker([program.replace("SwageBenchmarks", "EngineBenchmarks"), str(model), name])


def direct_titan(model):
    """TorchTitan driven by its own step, in the environment that `swage setup titan` has made."""
    home = pathlib.Path(os.environ.get("SWAGE_HOME", pathlib.Path.home() / ".swage")) / "environments" / "titan"
    return Worker([str(home / "bin" / "python"), "-B", str(HERE / "peer_titan.py"), str(model)], PYTHONPATH=str(home / "modules"))


def trl(model, steps):
    return Worker([sys.executable, "-B", str(HERE / "peer_grpo.py"), str(model), str(THREADS), str(steps)])
