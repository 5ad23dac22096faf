"""A server under test: `swage serve` in a folder of its own, or one that runs already."""

import os
import pathlib
import subprocess
import tempfile
import time

import grpc

OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]


class Server:
    """`program` serves `model` on `engine`; where it is None, the process `pid` does, at `address`."""

    def __init__(self, program=None, model=None, engine="native", address=None, pid=None):
        # The server runs in a folder of its own.
        self.program, self.model = program and os.path.abspath(program), model and os.path.abspath(model)
        self.engine, self.pid = engine, pid
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="swage-fuzz-"))
        self.outside = self.folder / "outside"
        self.outside.mkdir()
        self.address, self.process = address, None

    def start(self):
        if self.program is None:
            return
        (self.folder / "served").mkdir(exist_ok=True)
        self.address = f"unix:{self.folder}/socket"
        # That of a server that was ended before says nothing of this one.
        (self.folder / "socket").unlink(missing_ok=True)
        self.log = open(self.folder / "log", "ab")
        command = [
            self.program, "serve", "--model", self.model, "--engine", self.engine, "--listen", self.address, "--checkpoints",
            f"{self.folder}/served/checkpoints", "--threads", "1", "--learning-rate", "1e-3"]
        self.process = subprocess.Popen(command, cwd=self.folder / "served", stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.pid = self.process.pid
        deadline = time.monotonic() + 120
        while not os.path.exists(f"{self.folder}/socket"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the server did not start:\n{self.words()}")
            time.sleep(0.05)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def is_alive(self):
        return os.path.exists(f"/proc/{self.pid}") and (self.process is None or self.process.poll() is None)

    def words(self):
        """The end of what it has written."""
        path = self.folder / "log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def channel(self):
        return grpc.insecure_channel(self.address, OPTIONS)

    def memory(self):
        """The resident bytes of the server and of the processes that it has started."""
        return sum(map(_resident, _family(self.pid)))

    def stray_files(self):
        """What lies where no client may write."""
        strays = [path for path in self.folder.rglob("*") if path.is_file()]
        expected = [self.folder / "log", self.folder / "socket"]
        return [path for path in strays if path not in expected and self.folder / "served/checkpoints" not in path.parents]


def _family(pid):
    family = [pid]
    for parent in family:
        for children in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                family += map(int, children.read_text().split())
            except OSError:
                pass
    return family


def _resident(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
