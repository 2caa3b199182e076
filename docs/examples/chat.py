"""A wschat.v1 client for Python 3 and its websockets: it comes back by itself, says and shows each line once."""
import asyncio, contextlib, json, random, time, urllib.parse, uuid, websockets

class Chat:
    def __init__(self, server, query, show):  # chat = Chat("ws://127.0.0.1:8000", {"name": "ada"}, print)
        self.server, self.query, self.show, self.id = server, query, show, time.time_ns() // 10**6
        self.unsent, self.socket, self.is_live, self.pause = {}, None, False, 0.5  # unsent: ref → text
        self.protocols = ["wschat.v1"]

    async def run(self):
        code = None
        while code != 4000:  # another connection of ours took the seat over
            if code == 4009:  # somebody has our id
                self.id = time.time_ns() // 10**6 + random.randrange(1000)
            if code == 1009:  # too long for the server
                self.unsent.pop(next(iter(self.unsent), None), None)
            with contextlib.suppress(OSError, asyncio.TimeoutError, websockets.WebSocketException):
                url = f"{self.server}/ws/{self.id}?{urllib.parse.urlencode(self.query)}"
                async with websockets.connect(url, subprotocols=self.protocols) as self.socket:
                    async for data in self.socket:
                        await self.receive(json.loads(data))
            self.is_live, code, self.socket = False, self.socket and self.socket.close_code, None
            if code == 1001:  # the server goes away, and all come back
                self.pause = 4
            await asyncio.sleep(random.random() * self.pause)
            self.pause = min(2 * self.pause, 15)

    async def receive(self, frame):
        self.query["since"] = frame.get("pos", self.query.get("since", ""))  # where to go on after a break
        if frame["type"] == "welcome":
            self.protocols = ["wschat.v1", f"key.{frame['key']}"]  # in the query it would stand in logs of proxies
            self.sync, self.pause = uuid.uuid4().hex, 0.5
            await self.say("", self.sync, to=self.id)  # a note to ourselves: it comes back behind all that we missed
        elif frame.get("ref") == self.sync:
            self.is_live = True
            for ref, text in [*self.unsent.items()]:
                await self.say(text, ref)
        else:
            self.unsent.pop(frame.get("ref"), None)
            self.show(frame)

    async def say(self, text, ref=None, **to):
        ref = ref or uuid.uuid4().hex
        if not to:
            self.unsent[ref] = text  # until it comes back
        if self.is_live or to:
            with contextlib.suppress(websockets.ConnectionClosed):
                await self.socket.send(json.dumps({"type": "say", "text": text, "ref": ref, **to}))
