#!/usr/bin/env python3
"""Compressed messages of every kind to a verbatim echo and back, by the client of python3-websockets.

usage: sections.py WSCHAT [MESSAGES]

Modelled on what conformance suites do for permessage-deflate: sizes from 16 bytes to 128 KiB, text and binary, one frame or
several, all parameters that a client may offer, MESSAGES (1000) of each up to 4 KiB and a tenth of that of longer ones. Exit
status 1 where one comes back other than it was, in another order, or not at all.
"""

import asyncio
import itertools
import random
import re
import subprocess
import sys

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

SIZES = (0, 1, 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072)
OFFERS = [
    dict(zip(("server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits",
              "client_max_window_bits"), values))
    for values in itertools.product((False, True), (False, True), (None, 9, 12, 15), (None, True, 9, 15))
]
WORDS = ("the room is open and everybody can hear what is said here äöü 消息 👍 tea please; {\"type\":\"say\"} 0123456789 "
         "once more with feeling").split(" ")


def text_of(size, draw):
    """About so many bytes of words: exactly so many where that can be."""
    words, length = [], 0
    while length < size:
        word = draw.choice(WORDS)
        words.append(word)
        length += len(word.encode()) + 1
    data = " ".join(words).encode()[:size]
    while True:
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            data = data[:error.start] + b"x" * (len(data) - error.start)


def message_of(size, is_text, draw):
    if is_text:
        return text_of(size, draw)
    return draw.randbytes(size) if draw.random() < 0.3 else text_of(size, draw).encode()


def in_pieces(message, draw):
    """The message as it is, or cut in some."""
    if draw.random() < 0.5 or len(message) < 2:
        return message
    step = max(1, len(message) // draw.randint(2, 9))
    return [message[at:at + step] for at in range(0, len(message), step)]


async def echo(url, offer, size, is_text, count):
    draw = random.Random(f"{offer} {size} {is_text}")
    sent = asyncio.Queue()
    factory = ClientPerMessageDeflateFactory(**offer)
    async with websockets.connect(url, compression=None, extensions=[factory], max_size=None, max_queue=None,
                                  ping_interval=None) as socket:
        if not socket.extensions:
            raise RuntimeError("compression was not agreed on")

        async def say():
            for _ in range(count):
                message = message_of(size, is_text, draw)
                await sent.put(message)
                await socket.send(in_pieces(message, draw))

        saying = asyncio.create_task(say())
        for number in range(count):
            back = await socket.recv()
            if back != await sent.get():
                raise RuntimeError(f"message {number} came back changed")
        await saying


async def run(url, messages):
    failures = done = 0
    for offer in OFFERS:
        for size, is_text in itertools.product(SIZES, (True, False)):
            count = messages if size <= 4096 else max(1, messages // 10)
            try:
                await asyncio.wait_for(echo(url, offer, size, is_text, count), 300)
            except Exception as error:  # whatever it is, the next is tried
                print(f"{offer}, {size} bytes, {'text' if is_text else 'binary'}: {error!r}")
                failures += 1
            done += 1
    print(f"{done} cases, {failures} failed")
    return failures


def main():
    server = subprocess.Popen([sys.argv[1], "--port", "0", "--echo", "verbatim", "--deflate", "on", "--max-message", "1m",
                               "--rate", "0", "--rate-bytes", "0", "--log-level", "info"], stderr=subprocess.PIPE, text=True)
    try:
        port = next(match[1] for match in (re.search(r"http://127\.0\.0\.1:(\d+)/", line) for line in server.stderr)
                    if match)
        failures = asyncio.run(run(f"ws://127.0.0.1:{port}/ws", int(sys.argv[2]) if len(sys.argv) > 2 else 1000))
    finally:
        server.terminate()
        server.wait()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
