#!/usr/bin/env python3
"""Makes a table (Markdown, on stdout) and a chart (SVG) of what scripts/bench.sh measured.

usage: report.py RESULTS MACHINE CHART [DOCUMENT]

With a document, its part between the lines `<!-- NAME -->` and `<!-- end -->` becomes the table; NAME is `table`, or
`growth` for the works of --growth.

Each figure is the median over the rounds. A ratio is the median of the rounds' own ratios, with the smallest and the
largest behind it: wschat and its floor took turns of some 100 ms there, so what else the machine did then touches both.
"""

import io
import shlex
import sys
from contextlib import redirect_stdout
from statistics import median
from xml.sax.saxutils import escape

NAMES = {
    "floor-plain": "floor, plain",
    "floor-batch": "floor, batch",
    "floor-defer": "floor, deferred",
    "before": "wschat, before",
    "wschat": "wschat",
    "v1-plain": "wschat, plain frames",
    "v1-deflate": "wschat, --deflate on",
    "socket-readers": "wschat, WebSocket readers",
    "event-readers": "wschat, event stream listeners",
    "journal-interval": "wschat --journal, interval",
    "journal-always": "wschat --journal, always",
    "bun": "Bun (uWebSockets)",
    "bun-deflate": "Bun, one compressor for all, no context",
    "bun-context": "Bun, a compressor for each client",
    "ws": "Node.js, ws",
    "ws-deflate": "Node.js, ws, a compressor for each client",
    "ws-once": "Node.js, ws, packed once, no context",
    "lws": "libwebsockets",
    "fastapi": "FastAPI, uvicorn",
}

# What each work is compared with, and what wschat is to reach: CPU as a multiple of that floor.
WORKS = {
    "room-1000x10": ("1 000 clients, 10 senders, window 1, 64 B", "floor-batch", 1.10),
    "room-200x100": ("200 clients, 100 senders, window 8, 64 B", "floor-batch", 1.25),
    "room-1000x1": ("1 000 clients, 1 sender, window 1, 64 B", "floor-plain", 1.05),
    "open-1000x60": ("1 000 clients, 60 messages/s, 64 B", "floor-plain", 1.05),
    "room-500x10-4k": ("500 clients, 10 senders, window 1, 4 KiB", "floor-batch", 1.10),
    "room-500x1-64k": ("500 clients, 1 sender, window 1, 64 KiB", "floor-batch", 1.10),
    "v1-1000x10": ("wschat.v1: 1 000 clients, 10 senders, window 1, 64 B", "v1-plain", 1.05),
    "v1-1000x1": ("wschat.v1: 1 000 clients, 1 sender, window 1, 64 B", "v1-plain", 1.05),
    "events-1000x10": ("event streams: 1 000 listeners, 10 senders, window 1, 64 B", "socket-readers", 1.05),
    "events-1000x1": ("event streams: 1 000 listeners, 1 sender, window 1, 64 B", "socket-readers", 1.05),
    "echo-64": ("echo, 50 clients, depth 4, 64 B", "floor-batch", 1.05),
    "echo-256-deflate": ("echo, permessage-deflate both ways, 50 clients, depth 4, 256 B", "v1-plain", None),
    "echo-1m": ("echo, 4 clients, depth 1, 1 MiB", "floor-batch", 1.05),
    "echo-16m": ("echo, 2 clients, depth 1, 16 MiB", "floor-batch", None),
    "echo-16m-languages": ("echo, 2 clients, depth 1, 16 MiB of German, Chinese and emoji", "floor-batch", None),
    "connect": ("5 000 handshakes, 64 at a time", "floor-batch", 1.10),
    "connect-deferred": ("5 000 handshakes, 64 at a time, both deferred", "floor-defer", None),
    "churn": ("100 members, others join and leave", "floor-batch", None),
    "journal-interval": ("--journal-sync interval: 1 000 clients, 10 senders, window 1, 64 B", "wschat", 1.10),
    "journal-always": ("--journal-sync always: 200 clients, 100 senders, window 8, 64 B", "wschat", 1.10),
}

FAULTS = ("missing", "gaps", "repeats", "broken")


class Results:
    """Runs by work, server and round; a run is a dict of texts."""

    def __init__(self, path):
        self.runs = {}
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                run = dict(word.split("=", 1) for word in shlex.split(line) if "=" in word)
                rounds = self.runs.setdefault(run["work"], {}).setdefault(run["server"], {})
                rounds[int(run["round"])] = run

    def values(self, work, server, key):
        rounds = self.runs.get(work, {}).get(server, {})
        return {n: float(run[key]) for n, run in rounds.items() if key in run and run["count"] != "0"}

    def median(self, work, server, key):
        values = self.values(work, server, key)
        return median(values.values()) if values else None

    def ratios(self, work, server, other, key="cpu_us"):
        mine, theirs = self.values(work, server, key), self.values(work, other, key)
        return [mine[n] / theirs[n] for n in mine if theirs.get(n)]

    def ratio(self, work, server, other, key="cpu_us"):
        ratios = self.ratios(work, server, other, key)
        return median(ratios) if ratios else None

    def faults(self, work, server):
        """What went wrong in any round, in words."""
        rounds = self.runs[work][server].values()
        total = sum(int(run.get(key, 0)) for run in rounds for key in FAULTS)
        why = next((run["why"] for run in rounds if "why" in run), "")
        words = [f"{total} faults {why}".strip()] if total else []
        if none := sum(run.get("count", "0") == "0" for run in rounds):
            words.append(f"nothing arrived in {none} of {len(rounds)} rounds")
        if any(run.get("order") == "differs" for run in rounds):
            words.append("order differs")
        bound = [run.get("bottleneck") for run in rounds]
        if bound.count("generator") * 2 > len(bound):
            words.append("the generator was the bottleneck")
        return ", ".join(words)


def number(value, digits=3):
    """A figure with at least so many digits that count."""
    if value is None:
        return ""
    places = 0
    while places < 4 and abs(value) * 10**places < 10 ** (digits - 1):
        places += 1
    return f"{value:,.{places}f}".replace(",", " ")


def seconds(microseconds):
    if microseconds is None:
        return ""
    return f"{number(microseconds)} µs" if microseconds < 1000 else f"{number(microseconds / 1e3)} ms"


def spread(ratios):
    if not ratios:
        return ""
    text = f"{median(ratios):.2f}"
    return text if len(ratios) < 2 else f"{text} ({min(ratios):.2f} to {max(ratios):.2f})"


def print_work(results, work):
    title, floor, _ = WORKS[work]
    wire = WORKS[work][1] in ("v1-plain", "socket-readers")
    echo = work.startswith("echo-") and work != "echo-64" and not wire
    print(f"\n### {title}\n")
    print("| server | CPU µs each | × floor | each second | p50 | p99 | p99.9 | max |" + (" MB/s |" if echo else " bytes each |" if wire else ""))
    print("|---|--:|--:|--:|--:|--:|--:|--:|" + ("--:|" if echo or wire else ""))
    notes = []
    for server in (s for s in NAMES if s in results.runs[work]):
        cells = [NAMES[server]]
        cells.append(number(results.median(work, server, "cpu_us")))
        cells.append(spread(results.ratios(work, server, floor)))
        cells.append(number(results.median(work, server, "per_second"), 4))
        cells += [seconds(results.median(work, server, key)) for key in ("p50_us", "p99_us", "p999_us", "max_us")]
        if echo:
            cells.append(number(results.median(work, server, "mb_per_s")))
        if wire:
            cells.append(number(results.median(work, server, "wire_bytes")))
        print("| " + " | ".join(cells) + " |")
        if faults := results.faults(work, server):
            notes.append(f"{NAMES.get(server, server)}: {faults}.")
    if notes:
        print("\n" + " ".join(notes))


def print_memory(results):
    servers = [s for s in NAMES if results.median("idle", s, "bytes_per_client")]
    if not servers:
        return
    print("\n### Memory of the process for each idle client, 10 000 clients\n")
    print("| server | bytes |\n|---|--:|")
    for server in servers:
        print(f"| {NAMES[server]} | {number(results.median('idle', server, 'bytes_per_client'))} |")


def print_targets(results):
    rows = []
    for work, (title, floor, target) in WORKS.items():
        served = {"v1-plain": "v1-deflate", "socket-readers": "event-readers", "wschat": work}.get(floor, "wschat")
        ratio = results.ratio(work, served, floor)
        if target and ratio:
            rows.append((title, f"CPU ≤ {target:.2f} × {NAMES[floor]}", f"{ratio:.2f}", ratio <= target))
    lag = results.ratio("open-1000x60", "wschat", "floor-plain", "p99_us")
    if lag:
        rows.append(("open loop, p99", "≤ 1.10 × floor, plain", f"{lag:.2f}", lag <= 1.10))
    flow = results.ratio("echo-1m", "wschat", "floor-batch", "mb_per_s")
    if flow:
        rows.append(("echo 1 MiB, MB/s", "≥ 0.9 × floor", f"{flow:.2f}", flow >= 0.9))
    pace = results.ratio("journal-always", "wschat", "journal-always", "per_second")
    if pace:
        rows.append(("--journal-sync always, deliveries each second", "without a journal ≤ 1.3 ×", f"{pace:.2f}", pace <= 1.3))
    memory = results.median("idle", "wschat", "bytes_per_client")
    if memory:
        rows.append(("idle client", "≤ 512 bytes", f"{memory:.0f}", memory <= 512))
    for peer in ("ws", "fastapi"):
        times = results.ratio("room-1000x10", peer, "wschat")
        if times:
            rows.append((f"{NAMES[peer]} against wschat", "≥ 10 × the CPU", f"{times:.1f}", times >= 10))
    if rows:
        print("\n### What wschat is to reach\n\n| work | to reach | reached | |\n|---|---|--:|---|")
        for title, goal, reached, is_met in rows:
            print(f"| {title} | {goal} | {reached} | {'yes' if is_met else '**no**'} |")


def print_growth(results):
    print("\n| work | wschat, CPU µs each | floor, CPU µs each | × floor | MB/s |\n|---|--:|--:|--:|--:|")
    for work in results.runs:
        cells = [number(results.median(work, server, "cpu_us")) for server in ("wschat", "floor-plain")]
        cells.append(spread(results.ratios(work, "wschat", "floor-plain")))
        cells.append(number(results.median(work, "wschat", "mb_per_s")))
        print(f"| {work.replace('-', ': ', 1)} | " + " | ".join(cells) + " |")
        for server in results.runs[work]:
            if faults := results.faults(work, server):
                print(f"\n{NAMES[server]}, {work}: {faults}.\n", file=sys.stderr)


def print_comparison(results):
    """wschat beside another build of it; above 1 it is dearer now."""
    print("\n| work | before, CPU µs each | now | × before |\n|---|--:|--:|--:|")
    for work in (w for w in results.runs if w != "idle"):
        cells = [number(results.median(work, server, "cpu_us"), 4) for server in ("before", "wschat")]
        print(f"| {work} | " + " | ".join(cells) + f" | {spread(results.ratios(work, 'wschat', 'before'))} |")
    for server in ("before", "wschat"):
        if memory := results.median("idle", server, "bytes_per_client"):
            print(f"\n{NAMES[server]}: {memory:.0f} bytes for each idle client.")


# ---- The chart ----

ROW, BAR, LEFT, WIDTH, RIGHT = 26, 16, 170, 430, 150
PANELS = (
    ("room-1000x10", "cpu_us", "µs", "CPU for each delivery: 1 000 clients, 10 of them send"),
    ("room-200x100", "cpu_us", "µs", "CPU for each delivery: 200 clients, 100 of them send, 8 messages under way"),
    ("idle", "bytes_per_client", "bytes", "Memory for each idle client"),
)
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.note { font-size: 12px; fill: #57606a }
.mine { font-weight: 600 }
.bar { fill: #8c959f } .bar.floor { fill: #d0d7de } .bar.mine { fill: #0969da }
"""


def draw_panel(results, panel, top):
    work, key, unit, title = panel
    rows = [(s, results.median(work, s, key)) for s in NAMES if results.median(work, s, key) is not None]
    if key != "cpu_us":
        rows = [row for row in rows if not row[0].startswith("floor")]
    if not rows:
        return [], top
    largest = max(value for _, value in rows)
    parts = [f'<text class="title" x="16" y="{top + 18}">{escape(title)}</text>']
    mine = results.median(work, "wschat", key)
    y = top + 30
    for server, value in rows:
        kind = "mine" if server == "wschat" else "floor" if server.startswith("floor") else ""
        text = f"{number(value)} {unit}"
        if mine and not kind:
            text += f"  ({number(value / mine, 2)} × wschat)"
        parts.append(f'<text class="{kind}" x="{LEFT - 10}" y="{y + 13}" text-anchor="end">{NAMES[server]}</text>')
        length = max(1.5, value / largest * WIDTH)
        parts.append(f'<rect class="bar {kind}" x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2"/>')
        parts.append(f'<text class="{kind}" x="{LEFT + length + 8:.1f}" y="{y + 13}">{text}</text>')
        y += ROW
    return parts, y + 14


def draw(results, path):
    parts, y = [], 8
    for panel in PANELS:
        more, y = draw_panel(results, panel, y)
        parts += more
    if not parts:
        return
    width = LEFT + WIDTH + RIGHT + 40
    parts.append(f'<text class="note" x="16" y="{y + 8}">Shorter is better. Server on one core, load generator on'
                 " the other; medians of scripts/bench.sh.</text>")
    with open(path, "w", encoding="utf-8") as svg:
        svg.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + 24}"'
                  f' viewBox="0 0 {width} {y + 24}" role="img" aria-label="wschat beside other servers">\n'
                  f"<style>{STYLE}</style>\n"
                  f'<rect width="{width}" height="{y + 24}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n")


def put_into(document, name, text):
    with open(document, encoding="utf-8") as file:
        before, _, rest = file.read().partition(f"<!-- {name} -->\n")
    after = rest.partition("<!-- end -->\n")[2]
    with open(document, "w", encoding="utf-8") as file:
        file.write(f"{before}<!-- {name} -->\n{text}<!-- end -->\n{after}")


def main():
    results = Results(sys.argv[1])
    is_comparison = any("before" in servers for servers in results.runs.values())
    is_growth = not any(work in WORKS or work == "idle" for work in results.runs)
    text = io.StringIO()
    with open(sys.argv[2], encoding="utf-8") as lines, redirect_stdout(text):
        print("; ".join(line.strip().replace("=", " ", 1) for line in lines))
        if is_comparison:
            print_comparison(results)
        elif is_growth:
            print_growth(results)
        else:
            print_targets(results)
            for work in (w for w in WORKS if w in results.runs):
                print_work(results, work)
            print_memory(results)
    print(text.getvalue(), end="")
    if not is_growth and not is_comparison:
        draw(results, sys.argv[3])
    if len(sys.argv) > 4:
        put_into(sys.argv[4], "growth" if is_growth else "table", text.getvalue())


if __name__ == "__main__":
    main()
