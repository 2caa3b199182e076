#!/usr/bin/env python3
"""Records a real session of `wschat join` as an SVG that moves: scripts/record-terminal.py SVG (scripts/pictures.sh does).

Two people chat on a server that is started for this. What the program writes to its terminal is read as a terminal would, as
far as the program goes: CR, LF, CSI J, C, A and m. Each line of the screen is drawn for as long as it stood there.
WSCHAT_BIN picks another binary."""
import fcntl
import html
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

WSCHAT = os.environ.get("WSCHAT_BIN", "./wschat")
COLUMNS, ROWS = 76, 15
WIDTH, HEIGHT, LEFT, TOP = 8.43, 20, 18, 46  # px of a character, and where the first one stands
COLOURS = {"31": "#ff8a98", "32": "#7ee0a8", "33": "#f0c36a", "34": "#8fb4ff", "35": "#e79bff", "36": "#6fd7e6"}
TOKEN = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\x1b.|([\r\n\a])|([^\x1b\r\n\a])", re.S)


class Screen:
    def __init__(self):
        self.rows = [[] for _ in range(ROWS)]  # of (character, style)
        self.x = self.y = 0
        self.style = ""

    def write(self, text):
        for codes, command, control, character in TOKEN.findall(text):
            if character:
                self.put(character)
            elif control == "\r":
                self.x = 0
            elif control == "\n":
                self.down()
            elif command:
                self.command(command, codes)

    def put(self, character):
        row = self.rows[self.y]
        row.extend([(" ", "")] * (self.x + 1 - len(row)))
        row[self.x] = (character, self.style)
        self.x += 1

    def down(self):
        if self.y < ROWS - 1:
            self.y += 1
        else:
            self.rows = self.rows[1:] + [[]]

    def command(self, command, codes):
        if command == "C":
            self.x += int(codes or 1)
        elif command == "A":
            self.y -= int(codes or 1)
        elif command == "J":
            self.rows[self.y] = self.rows[self.y][: self.x]
            for y in range(self.y + 1, ROWS):
                self.rows[y] = []
        elif command == "m":
            self.style = "" if codes in ("", "0") else codes
        elif not codes.startswith("?"):
            raise ValueError(f"a terminal is asked for CSI {codes}{command}")

    def lines(self):
        return [tuple(row) for row in self.rows]


class Film:
    """What stood in which line from when to when."""

    def __init__(self):
        self.screen = Screen()
        self.now = 0.0
        self.pieces = []  # (row, from, to, line)
        self.since = [0.0] * ROWS
        self.last = self.screen.lines()

    def show(self, seconds):
        for row, (old, new) in enumerate(zip(self.last, self.screen.lines())):
            if old != new:
                self.pieces.append((row, self.since[row], self.now, old))
                self.since[row] = self.now
        self.last = self.screen.lines()
        self.now += seconds

    def all_pieces(self):
        ends = [(row, self.since[row], self.now, line) for row, line in enumerate(self.last)]
        return [piece for piece in self.pieces + ends if piece[3] and piece[2] > piece[1]]


class Session:
    def __init__(self, film, *arguments):
        self.film = film
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LANG="C.UTF-8")
            os.environ.pop("NO_COLOR", None)
            os.execv(WSCHAT, [WSCHAT, *arguments])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.text = ""

    def until(self, part, pause):
        """Reads until the program has written this, and shows it for a while."""
        end = time.monotonic() + 20
        while part not in self.text:
            if time.monotonic() > end:
                raise TimeoutError(f"{part!r} does not come; there is {self.text!r}")
            self.read(0.1)
        while self.read(0.15):
            pass
        self.film.screen.write(self.text)
        self.text = ""
        self.film.show(pause)

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        self.text += os.read(self.fd, 65536).decode()
        return True

    def type(self, text, pause=0.09):
        typed = ""
        for character in text:
            typed += character
            os.write(self.fd, character.encode())
            self.until(typed, pause)

    def press(self, key, part, pause):
        os.write(self.fd, key.encode())
        self.until(part, pause)


class Friend:
    def __init__(self, url, name):
        self.process = subprocess.Popen([WSCHAT, "join", url, "--room", "tea", "--name", name, "--quiet"], stdin=subprocess.PIPE)

    def say(self, text):
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def leave(self):
        self.process.stdin.close()
        self.process.wait()


def play(film, url):
    shown = "$ wschat join ws://127.0.0.1:8000 --room tea --name Ada"  # the port here is one that was free
    for end in range(3, len(shown) + 1):
        film.screen.write(f"\r\x1b[J{shown[:end]}")
        film.show(0.04)
    film.screen.write("\r\n")
    film.show(0.3)
    ada = Session(film, "join", url, "--room", "tea", "--name", "Ada")
    ada.until("leaves", 1.2)
    bob = Friend(url, "Bob Ross")
    ada.until("joined", 1)
    bob.say("Hello @Ada! The kettle is on.")
    ada.until("kettle", 1.4)
    ada.type("lovely, @Bo")
    ada.press("\t", "Bob Ross", 0.9)
    ada.type("☕")
    ada.press("\r", ": lovely", 1.2)
    bob.say("Green, or black?")
    ada.until("black?", 1)
    ada.type("/msg Bob Ross black, with milk")
    ada.press("\r", "milk", 1.4)
    ada.type("/who")
    ada.press("\r", "Ada", 1.6)
    bob.leave()
    ada.until("left the chat", 1.2)
    ada.type("/room lobby")
    ada.press("\r", "you are in lobby", 2.5)
    os.close(ada.fd)
    os.waitpid(ada.pid, 0)


def draw_line(line):
    runs = []
    for character, style in line:
        if runs and runs[-1][1] == style:
            runs[-1][0] += character
        else:
            runs.append([character, style])
    spans = []
    for text, style in runs:
        codes = style.split(";")
        colour = next((COLOURS[code] for code in codes if code in COLOURS), "#99a0ae" if "2" in codes else "")
        marks = (f' fill="{colour}"' if colour else "") + (' font-weight="bold"' if "1" in codes else "")
        text = html.escape(text, quote=False)
        spans.append(f"<tspan{marks}>{text}</tspan>" if marks else text)
    return "".join(spans)


def draw(film):
    width, height = round(LEFT * 2 + COLUMNS * WIDTH), TOP + ROWS * HEIGHT
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        'aria-label="A chat in a terminal, with names that Tab completes">',
        "<style>text { font: 14px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #e8eaf0; white-space: pre; }</style>",
        f'<rect width="{width}" height="{height}" rx="10" fill="#14161b"/>',
        *(f'<circle cx="{20 + 18 * i}" cy="18" r="5.5" fill="#3a3f4b"/>' for i in range(3)),
    ]
    for row, start, end, line in sorted(film.all_pieces()):
        is_last = end == film.now
        times = f"0;{start / film.now:.4f}" + ("" if is_last else f";{end / film.now:.4f}")
        values = ("visible;visible" if start == 0 else "hidden;visible") + ("" if is_last else ";hidden")
        out.append(
            f'<text x="{LEFT}" y="{TOP + row * HEIGHT}" visibility="{"visible" if is_last else "hidden"}">{draw_line(line)}'
            f'<animate attributeName="visibility" calcMode="discrete" dur="{film.now:.1f}s" repeatCount="indefinite" '
            f'keyTimes="{times}" values="{values}"/></text>'
        )
    return "\n".join([*out, "</svg>"]) + "\n"


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: scripts/record-terminal.py SVG")
    server = subprocess.Popen([WSCHAT, "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        url = re.search(r"http://([\d.:]+)", server.stderr.readline())[1]
        film = Film()
        play(film, f"ws://{url}")
    finally:
        server.terminate()
        server.wait()
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write(draw(film))


main()
