"""Talks in rooms of a server with --journal that is killed again and again, and checks that what came back is there once
and in its order. Used by scripts/check-journal.sh, which says what the arguments are."""
import argparse
import json
import random
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time

WRITERS = 2  # in each room


def fail(text):
    sys.exit(f"check-journal: {text}")


def seq_of(pos):
    return int(pos.rsplit("-", 1)[1])


class Writer:
    """A seat that says 0, 1, 2, ... and hears the others of its room."""

    def __init__(self, number, room, goal, window):
        self.id = number + 1
        self.room = f"room{room}"
        self.goal, self.window = goal, window
        self.sent = self.heard = 0  # of its own
        self.last = {}  # the last number of each writer of the room
        self.pos = self.key = self.sock = None
        self.data = b""
        self.is_ready = False  # it has heard all that it missed
        self.resent = 0

    def connect(self, port):
        query = f"room={self.room}" + (f"&since={self.pos}&key={self.key}" if self.key else "")
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.sendall(
            f"GET /ws/{self.id}?{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Protocol: wschat.v1\r\n\r\n".encode())
        self.data, self.is_ready = b"", False
        while b"\r\n\r\n" not in self.data:
            more = self.sock.recv(65536)
            if not more:
                fail(f"writer {self.id} was not let in")
            self.data += more
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            fail(f"writer {self.id} was answered {head[:80]!r}")
        self.absorb()
        self.sock.setblocking(False)

    def frames(self):
        """The whole frames that have come."""
        data, at = self.data, 0
        while len(data) - at >= 2:
            length, begin = data[at + 1] & 127, at + 2
            if length == 126:
                if len(data) - at < 4:
                    break
                length, begin = struct.unpack_from(">H", data, at + 2)[0], at + 4
            if len(data) < begin + length:
                break
            yield data[at], data[begin:begin + length]
            at = begin + length
        self.data = data[at:]

    def welcome(self, event):
        if self.key and not event["recovered"]:
            fail(f"writer {self.id} could not go on at {self.pos}")
        if not self.key:
            self.pos = event["pos"]
        self.key = event["key"]
        # Frames keep their order: what it says to itself comes back behind all that it missed.
        self.send('{"type":"say","text":"-","to":%d}' % self.id)

    def message(self, event):
        number = int(event["text"])
        if number != self.last.get(event["from"], -1) + 1:
            fail(f"{self.room} heard {number} of {event['from']} behind {self.last.get(event['from'])}")
        self.last[event["from"]] = number
        self.heard += event["from"] == self.id

    def take(self, event):
        if event["type"] == "welcome":
            self.welcome(event)
        elif event["type"] == "message":
            self.message(event)
        elif event["type"] == "direct":
            self.is_ready = True
            self.resent += self.sent - self.heard
            self.sent = self.heard  # what never came back is said again
        elif event["type"] == "leave" or (event["type"] == "join" and self.is_ready and self.resent):
            fail(f"{self.room} was told {event}")
        elif event["type"] == "error":
            fail(f"writer {self.id} was told {event}")
        if "pos" in event and event["type"] != "welcome":
            if seq_of(event["pos"]) <= seq_of(self.pos):
                fail(f"{event['pos']} came behind {self.pos}")
            self.pos = event["pos"]

    def read(self):
        """Returns False at the end of the connection."""
        try:
            more = self.sock.recv(1 << 20)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        self.data += more
        self.absorb()
        return bool(more)

    def hear_out(self):
        """What the dead said is still on its way."""
        self.sock.setblocking(True)
        while self.read():
            pass
        self.sock.close()

    def absorb(self):
        for first, payload in self.frames():
            if first == 0x81:
                self.take(json.loads(payload))
            elif first == 0x88:
                fail(f"writer {self.id} was closed: {payload!r}")

    def write(self):
        end = min(self.goal, self.heard + self.window)
        if not self.is_ready or self.sent >= end:
            return
        texts = ['{"type":"say","text":"%d"}' % number for number in range(self.sent, end)]
        self.sent = end
        self.send(*texts)

    def send(self, *texts):
        self.sock.setblocking(True)
        try:
            self.sock.sendall(b"".join(bytes((0x81, 0x80 | len(text))) + b"\0\0\0\0" + text.encode() for text in texts))
        except ConnectionError:
            pass  # it is read as the end of the connection
        self.sock.setblocking(False)


def start(options, port):
    server = subprocess.Popen(
        [options.binary, "--port", str(port), "--journal", options.folder, "--journal-sync", options.sync, "--rate", "0", "--rate-bytes", "0",
         "--history", "4000", "--ping-interval", "0", "--leave-grace", "60", "--log-level", "warning"] + options.more, stderr=subprocess.PIPE)
    line = b""
    while b"listening" not in line:
        line = server.stderr.readline()
        if not line:
            fail("the server did not start")
        sys.stderr.buffer.write(line if b"listening" not in line else b"")
    return server


def live(writers, server, until):
    """Talks until so many messages came back, then kills the server and hears what is left."""
    selector = selectors.DefaultSelector()
    for writer in writers:
        selector.register(writer.sock, selectors.EVENT_READ, writer)
    while sum(writer.heard for writer in writers) < until:
        for writer in writers:
            writer.write()
        ready = selector.select(20)
        if not ready:
            fail("nothing came for 20 s")
        for key, _ in ready:
            if not key.data.read():
                fail("the server has ended")
    server.send_signal(signal.SIGKILL)
    server.wait()
    server.stderr.close()
    for writer in writers:
        writer.hear_out()


def main():
    parser = argparse.ArgumentParser()
    for name, kind in (("binary", str), ("folder", str), ("kills", int), ("messages", int), ("sync", str), ("seed", int)):
        parser.add_argument("--" + name, type=kind, required=True)
    parser.add_argument("--rooms", type=int, default=2)
    parser.add_argument("more", nargs="*")
    options = parser.parse_args()
    random.seed(options.seed)
    count = WRITERS * options.rooms
    goal = options.messages // count
    writers = [Writer(number, number % options.rooms, goal, 64) for number in range(count)]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    steps = sorted(random.randrange(goal * count) for _ in range(options.kills - 1)) + [goal * count]
    began = time.monotonic()
    for step in steps:
        server = start(options, port)
        try:
            for writer in writers:
                writer.connect(port)
            live(writers, server, step)
        finally:
            server.kill()
    if any(writer.heard != goal for writer in writers):
        fail("somebody did not hear all of its own")
    print(f"{goal * count} messages acknowledged over {len(steps)} kills ({options.sync}): none lost, none doubled, "
          f"in order; {sum(writer.resent for writer in writers)} without an answer were said again; "
          f"{time.monotonic() - began:.1f} s")


main()
