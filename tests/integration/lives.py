"""Sixty people with random lives at a server with --keeper that becomes another process again and again: they talk, leave,
break off, half send a frame; others ask for pages in pieces. Each must be answered as if nothing happened. Used by
scripts/check-lives.sh, which says what the arguments are."""
import argparse
import asyncio
import json
import random
import re
import signal
import subprocess
import sys
import time

import websockets

PEOPLE = 60
READERS = 5
ROOMS = ("lobby", "tea", "den")
TEXTS = tuple(letter * size for letter, size in zip("abcd", (1, 10, 200, 3000)))
PATIENCE = 30  # seconds: only a guard against hanging
REQUESTS = tuple(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() for path in ("/healthz", "/", "/nothing"))


class Lives:
    def __init__(self, port, seconds, deflates):
        self.port, self.end = port, time.monotonic() + seconds
        self.compressions = (None, "deflate") if deflates else (None,)
        self.lives = self.messages = self.answers = 0
        self.wrong = []

    def goes_on(self):
        return time.monotonic() < self.end

    # ---- people ----

    async def person(self, number):
        life = 0
        while self.goes_on():
            life += 1
            try:
                await self.live(number * 1000000 + life)
            except Exception as error:  # whatever it is, somebody noticed
                self.wrong.append(repr(error))

    async def live(self, client_id):
        is_text = random.random() < 0.2
        query = f"?room={random.choice(ROOMS)}" + ("" if is_text else f"&name=n{client_id}")
        socket = await websockets.connect(f"ws://127.0.0.1:{self.port}/ws/{client_id}{query}", max_queue=None,
                                          subprotocols=None if is_text else ["wschat.v1"],
                                          compression=random.choice(self.compressions))
        self.lives += 1
        end = random.choice(("talk", "talk", "talk", "at once", "abort", "half a frame"))
        if end == "talk":
            for number in range(random.randrange(1, 40)):
                await asyncio.wait_for(self.say(socket, is_text, f"{client_id}-{number}", random.choice(TEXTS)), PATIENCE)
                await asyncio.sleep(random.choice((0, 0, 0.003, 0.05)))
        if end == "half a frame":
            socket.transport.write(b"\x81\xfe\x00")
            await asyncio.sleep(random.random() / 3)
        if end in ("abort", "half a frame"):
            socket.transport.abort()
            return
        await asyncio.wait_for(socket.close(), PATIENCE)
        if socket.close_code != 1000:
            self.wrong.append(f"{client_id} was closed with {socket.close_code} {socket.close_reason}")

    async def say(self, socket, is_text, ref, text):
        await socket.send(text if is_text else json.dumps({"type": "say", "text": text, "ref": ref}))
        while True:
            answer = await socket.recv()
            if is_text and answer == f"You wrote: {text}":
                break
            if not is_text and json.loads(answer).get("ref") == ref:
                if json.loads(answer)["type"] != "message":
                    self.wrong.append(answer)
                break
        self.messages += 1

    # ---- others ----

    async def reader(self):
        while self.goes_on():
            try:
                await asyncio.wait_for(self.read(), PATIENCE)
            except Exception as error:
                self.wrong.append(repr(error))

    async def read(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for _ in range(random.randrange(1, 10)):
            request = random.choice(REQUESTS)
            cut = random.randrange(len(request))
            writer.write(request[:cut])
            await asyncio.sleep(random.choice((0, 0.01, 0.1)))
            writer.write(request[cut:])
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(re.search(rb"(?i)content-length: (\d+)", head)[1]))
            if not head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 404 ")):
                self.wrong.append(head.decode())
            self.answers += 1
        writer.close()

    async def upgrades(self, keeper):
        while self.goes_on():
            await asyncio.sleep(random.uniform(0.15, 0.5))
            keeper.send_signal(signal.SIGUSR2)

    async def run(self, keeper):
        people = [self.person(number + 1) for number in range(PEOPLE)]
        await asyncio.gather(*people, *(self.reader() for _ in range(READERS)), self.upgrades(keeper))


def fail(text):
    sys.exit(f"check-lives: {text}")


def wait_for_port(path):
    for _ in range(600):
        with open(path, encoding="utf-8") as log:
            text = log.read()
        port = re.search(r"listening on http://127\.0\.0\.1:(\d+)/", text)
        if port and ("--redis" not in sys.argv or "rooms are shared" in text):
            return int(port[1])
        time.sleep(0.05)
    fail(f"the server did not start: {text}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary")
    parser.add_argument("--log")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int)
    args, options = parser.parse_known_args()
    random.seed(args.seed)
    with open(args.log, "w", encoding="utf-8") as log:
        keeper = subprocess.Popen([args.binary, "--keeper", "--port", "0", "--rate", "0", "--leave-grace", "1", *options],
                                  stderr=log)
    try:
        lives = Lives(wait_for_port(args.log), args.seconds, "--deflate" in options)
        asyncio.run(lives.run(keeper))
        keeper.terminate()
        status = keeper.wait(PATIENCE)
    finally:
        keeper.kill()
    with open(args.log, encoding="utf-8") as log:
        text = log.read()
    handed = text.count('msg="took over from the worker before"')
    print(f"{lives.lives} lives, {lives.messages} messages and {lives.answers} responses over {handed} hand-overs")
    for line in re.findall(r'.*(?:msg="nobody was handed over|the worker died).*', text):
        lives.wrong.append(line)
    if lives.wrong or status != 0 or handed == 0:
        fail(f"{len(lives.wrong)} things are wrong, status {status}: {lives.wrong[:5]}")


main()
