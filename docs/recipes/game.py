"""A game loop: hears where each player is, and tells all of them, 20 times a second, where everybody is.

python3 game.py ws://127.0.0.1:8000 arena TOKEN      players say {"type":"say","data":{"x":3,"y":4}}
"""
import asyncio
import json
import sys
import time

import websockets

TICK = 1 / 20  # seconds


async def hear(chat, game, players):
    async for text in chat:
        event = json.loads(text)
        if event["type"] == "message" and "data" in event and event["from"] != game:
            players[event["from"]] = event["data"]
        elif event["type"] == "leave":
            players.pop(event["from"], None)


async def tell(chat, players):
    clock = asyncio.get_running_loop().time
    due = clock()
    while True:
        await chat.send(json.dumps({"type": "say", "data": {"players": players}}))
        due = max(due + TICK, clock())  # late is late: nothing is made up for
        await asyncio.sleep(due - clock())


async def play(url, room, token):
    game, players = time.time_ns() // 1_000_000, {}
    path = f"{url}/ws/{game}?room={room}&history=0"
    async with websockets.connect(path, subprotocols=["wschat.v1", f"bearer.{token}"]) as chat:
        await asyncio.gather(hear(chat, game, players), tell(chat, players))


asyncio.run(play(*sys.argv[1:]))
