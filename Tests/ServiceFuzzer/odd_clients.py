"""Clients that do not speak as they should: garbage, HTTP/1, half a message, huge headers, many connections that say nothing."""

import os
import socket

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\x04\0\0\0\0\0"


def connect(address):
    if address.startswith("unix:"):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(5)
        client.connect(address.removeprefix("unix:"))
    else:
        host, port = address.rsplit(":", 1)
        client = socket.create_connection((host, int(port)), 5)
    return client


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _literal(name, value):
    return b"\0" + _number(len(name)) + name + _number(len(value)) + value


def _number(count):
    return bytes([count]) if count < 127 else b"\x7f" + _rest(count - 127)


def _rest(count):
    out = bytearray()
    while count >= 128:
        out.append(count % 128 + 128)
        count //= 128
    return bytes(out) + bytes([count])


def headers(path, extra=()):
    pairs = [
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"x"), (b"content-type", b"application/grpc"),
        (b"te", b"trailers"), *extra]
    return b"".join(_literal(*pair) for pair in pairs)


def half_message():
    """A request that says it has 200 MB, sends a little, and stops."""
    begin = frame(1, 4, 1, headers(b"/swage.v1.TrainerService/ForwardBackward"))
    return PREFACE + SETTINGS + begin + frame(0, 0, 1, b"\0" + (200 << 20).to_bytes(4, "big") + b"x" * 1000)


def huge_header():
    block = headers(b"/swage.v1.TrainerService/GetStatus", [(b"x-long", b"y" * (1 << 20))])
    parts = [block[begin : begin + 16000] for begin in range(0, len(block), 16000)]
    frames = [frame(1 if index == 0 else 9, 4 if index == len(parts) - 1 else 0, 1, part) for index, part in enumerate(parts)]
    return PREFACE + SETTINGS + b"".join(frames)


def say_odd_things(address, random):
    """Sends one odd thing, and returns the connection, which may be left open."""
    client = connect(address)
    said = random.choice([
        lambda: random.randbytes(random.choice([1, 9, 300, 70000])), lambda: PREFACE + random.randbytes(300),
        lambda: b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", lambda: b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + random.randbytes(500),
        half_message, huge_header, lambda: PREFACE, lambda: b"",
        lambda: PREFACE + SETTINGS + b"".join(frame(6, 0, 0, os.urandom(8)) for _ in range(500))])()
    try:
        client.sendall(said)
    except OSError:
        # It has been shown the door.
        pass
    return client
