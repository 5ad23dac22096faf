"""A stand-in for a model hub: answers what huggingface.co answers to those who fetch, and misbehaves on request.

Run by itself it serves the folders of a folder, `ROOT/org/name/<files>` for models and `ROOT/datasets/org/name/<files>`, prints its
address on a line, and ends when its standard input does. A second server on another port stands for the network that holds large
contents, which must never see a token.

What it does wrong is in the file ROOT/faults.json, read at every request: see `Faults`.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

LARGE_SUFFIXES = (".safetensors", ".gguf", ".bin", ".gz")


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = {
            str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()
        }
        listing = "".join(f"{name}\0{git_sha1(path.read_bytes())}\n" for name, path in self.files.items())
        self.commit = hashlib.sha1(listing.encode()).hexdigest()

    def is_large(self, name: str) -> bool:
        return name.endswith(LARGE_SUFFIXES)

    def entry(self, name: str) -> dict[str, Any]:
        data = self.files[name].read_bytes()
        if not self.is_large(name):
            return {"type": "file", "path": name, "size": len(data), "oid": git_sha1(data)}
        sha256 = hashlib.sha256(data).hexdigest()
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(data)}\n".encode()
        return {
            "type": "file", "path": name, "size": len(data), "oid": git_sha1(pointer),
            "lfs": {"oid": sha256, "size": len(data), "pointerSize": len(pointer)},
        }

    def tag(self, name: str) -> str:
        data = self.files[name].read_bytes()
        return hashlib.sha256(data).hexdigest() if self.is_large(name) else git_sha1(data)


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients are killed here, and nobody has to hear of it."""


class Hub:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.Lock()
        self.requests: list[str] = []
        self.counts: dict[str, int] = {}
        self.main = self.serve(Handler)
        self.store = self.serve(Store)

    def serve(self, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
        server = Server(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        server.hub = self  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.main.server_address[1]}"

    @property
    def store_address(self) -> str:
        return f"http://localhost:{self.store.server_address[1]}"

    def faults(self) -> dict[str, Any]:
        """`busy`: how many requests are answered by 429. `failing`: by 503. `cut`: after how many bytes every transfer breaks.
        `cuts`: how many of them do. `wrong`: the files that come with another last byte. `slow`: seconds before each 64 KiB.
        `gated`, `private`: names of repositories. `noRange`: contents come whole, whatever was asked. `escape`: a file that is listed
        and lies elsewhere. `pageSize`: how many files a page of a list has. `token`: the only one that is good."""
        path = self.root / "faults.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def count(self, what: str) -> int:
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1
            return self.counts[what]

    def log(self, line: str) -> None:
        with self.lock:
            self.requests.append(line)
            with (self.root / "requests.log").open("a") as log:
                log.write(line + "\n")


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        return self.server.hub  # type: ignore[attr-defined]

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_content(self, name: str, data: bytes, headers: dict[str, str]) -> None:
        faults = self.hub.faults()
        if name in faults.get("wrong", []):
            data = data[:-1] + bytes([data[-1] ^ 1])
        start, status = 0, 200
        asked = self.headers.get("Range")
        if asked and not faults.get("noRange"):
            first, last = asked.removeprefix("bytes=").split("-")
            start = int(first)
            if start >= len(data):
                return self.answer(416, {"Content-Range": f"bytes */{len(data)}"})
            end = min(len(data), int(last) + 1) if last else len(data)
            status = 206
            headers = {**headers, "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"}
            data = data[:end]
        rest = data[start:]
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(rest))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = faults.get("cut")
        if cut is not None and len(rest) > cut and self.hub.count("cut") <= faults.get("cuts", 1 << 30):
            rest = rest[:cut]
            self.close_connection = True
        for begin in range(0, len(rest), 1 << 16):
            if faults.get("slow"):
                time.sleep(faults["slow"])
            try:
                self.wfile.write(rest[begin : begin + (1 << 16)])
            except OSError:
                return
        if self.close_connection:
            self.wfile.flush()
            self.connection.close()


class Handler(Answering):
    """The hub itself."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.hub.log(f"{self.command} {self.path} {self.headers.get('Range', '')} {self.headers.get('Authorization', '')}".rstrip())
        faults = self.hub.faults()
        if self.hub.counts.get("busy", 0) < faults.get("busy", 0):
            self.hub.count("busy")
            return self.answer(429, {"Retry-After": "1", "X-Error-Message": "Too many requests"})
        if self.hub.counts.get("failing", 0) < faults.get("failing", 0):
            self.hub.count("failing")
            return self.answer(503)
        words = [unquote(word) for word in url.path.strip("/").split("/")]
        if words[:2] == ["api", "resolve-cache"]:
            kind, name, rest = words[2], "/".join(words[3:5]), ["resolve", *words[5:]]
        elif words[0] == "api":
            kind, name, rest = words[1], "/".join(words[2:4]), words[4:]
        else:
            kind = "datasets" if words[0] == "datasets" else "models"
            words = words[1:] if kind == "datasets" else words
            name, rest = "/".join(words[:2]), words[2:]
        repository = self.repository(kind, name, faults)
        if repository is None:
            return
        if rest[:1] == ["revision"] or (words[0] == "api" and not rest):
            return self.revision(repository, name, rest[1] if rest else "main")
        if rest[:1] == ["tree"]:
            return self.tree(repository, rest[1], "/".join(rest[2:]), parse_qs(url.query), faults)
        if rest[:1] == ["resolve"]:
            return self.resolve(repository, kind, name, rest[1], "/".join(rest[2:]))
        self.answer(404)

    def repository(self, kind: str, name: str, faults: dict[str, Any]) -> Repository | None:
        folder = self.hub.root / ("datasets" if kind == "datasets" else ".") / name
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        good = faults.get("token")
        if given and good and given != good:
            self.answer(401, {"X-Error-Message": "Invalid credentials in Authorization header"})
        elif name in faults.get("gated", []) and not (good and given == good):
            code = 403 if given else 401
            self.answer(code, {"X-Error-Code": "GatedRepo", "X-Error-Message": f"Access to model {name} is restricted."})
        elif not folder.is_dir() or (name in faults.get("private", []) and not (good and given == good)):
            if given:
                self.answer(404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
            else:
                self.answer(401, {"X-Error-Message": "Invalid username or password."})
        else:
            return Repository(folder)
        return None

    def is_known(self, repository: Repository, revision: str) -> bool:
        if revision in ("main", "refs/pr/1", "v1", repository.commit):
            return True
        self.answer(404, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": f"Invalid rev id: {revision}"})
        return False

    def revision(self, repository: Repository, name: str, revision: str) -> None:
        if self.is_known(repository, revision):
            siblings = [{"rfilename": name} for name in repository.files]
            body = {"id": name, "modelId": name, "sha": repository.commit, "siblings": siblings, "private": False, "tags": []}
            self.answer(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def tree(self, repository: Repository, revision: str, folder: str, query: dict[str, list[str]], faults: dict[str, Any]) -> None:
        if not self.is_known(repository, revision):
            return
        names = [name for name in repository.files if not folder or name.startswith(folder + "/")]
        if not names:
            return self.answer(404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": f"{folder} does not exist"})
        entries = [repository.entry(name) for name in names]
        if query.get("recursive") != ["true"]:
            depth = len(Path(folder).parts)
            below = {"/".join(Path(name).parts[: depth + 1]) for name in names if len(Path(name).parts) > depth + 1}
            entries = [entry for entry in entries if len(Path(entry["path"]).parts) == depth + 1]
            entries += [{"type": "directory", "path": path, "size": 0, "oid": "0" * 40} for path in sorted(below)]
        if "escape" in faults:
            entries.append({"type": "file", "path": faults["escape"], "size": 1, "oid": "0" * 40})
        size = faults.get("pageSize", 1000)
        page = int(query.get("cursor", ["0"])[0])
        headers = {"Content-Type": "application/json"}
        if (page + 1) * size < len(entries):
            path = urlsplit(self.path).path
            headers["Link"] = f'<{self.hub.address}{path}?recursive=true&expand=false&cursor={page + 1}>; rel="next"'
        self.answer(200, headers, json.dumps(entries[page * size : (page + 1) * size]).encode())

    def resolve(self, repository: Repository, kind: str, name: str, revision: str, file: str) -> None:
        if not self.is_known(repository, revision):
            return
        if file not in repository.files:
            return self.answer(
                404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found", "X-Repo-Commit": repository.commit})
        headers = {"X-Repo-Commit": repository.commit}
        if repository.is_large(file):
            prefix = "datasets/" if kind == "datasets" else ""
            return self.answer(302, {
                **headers, "X-Linked-Etag": f'"{repository.tag(file)}"',
                "X-Linked-Size": str(repository.files[file].stat().st_size),
                "Location": f"{self.hub.store_address}/{prefix}{name}/{quote(file)}?signature=1",
            })
        if not self.path.startswith("/api/resolve-cache/"):
            # As the hub leads from one of its own addresses to another: relative.
            place = f"/api/resolve-cache/{kind}/{name}/{repository.commit}/{quote(file)}"
            return self.answer(307, {**headers, "Location": place})
        self.send_content(file, repository.files[file].read_bytes(), {**headers, "ETag": f'"{repository.tag(file)}"'})


class Store(Answering):
    """The network that holds large contents."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.hub.log(f"STORE {self.command} {self.path} {self.headers.get('Range', '')} {self.headers.get('Authorization', '')}".rstrip())
        if self.headers.get("Authorization"):
            return self.answer(400, {"X-Error-Message": "a token has come to a stranger"})
        path = self.hub.root / unquote(urlsplit(self.path).path.lstrip("/"))
        if not path.is_file():
            return self.answer(404)
        self.send_content(path.name, path.read_bytes(), {})


def main() -> None:
    hub = Hub(Path(sys.argv[1]))
    print(hub.address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
