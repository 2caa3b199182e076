#!/usr/bin/env python3
"""How deep are the calls of the system below a function? usage: call_depth.py FUNCTION MAX CALLGRAPH...

Reads the call graphs of `gcc -fcallgraph-info -O0` (VCG, one for each source file): calls as they stand in the source,
also those of inline functions. A call by a pointer is followed to all functions that may be behind it:

- those that are ever put into a member of that name (`.input = http_input`, `->ready = stream_on_ready`),
- those that stand in a table (`{"GET", api_answer}`) of the struct that has this member,
- those that are handed to the function whose parameter it is, by whatever name.

Prints the longest chain to each call of the system, without repeating a function. Fails where one is longer than MAX
calls, or where nobody can be found behind a pointer.
"""

import collections
import os
import re
import sys

SYSTEM = set(
    """accept4 bind clock_nanosleep close connect dup2 dup3 epoll_create1 epoll_ctl epoll_wait eventfd execve
    faccessat fallocate fcntl fdatasync flock fork fstat fstatat fsync ftruncate getdents64 getpeername getrandom
    getrlimit getrusage getsockname getsockopt ioctl kill listen lseek mkdir mkdirat nanosleep open openat opendir poll
    pread pwrite read readdir recv recvmsg renameat rewinddir send sendmsg sendto setrlimit setsockopt shutdown sigaction
    signalfd socket socketpair stat syscall unlink unlinkat waitpid write writev""".split()
)


class Tree:
    """The sources, and the names in them."""

    def __init__(self, folders):
        self.text = {}
        for folder in folders:
            for where, _, names in os.walk(folder):
                for name in names:
                    if name.endswith((".c", ".h")):
                        with open(os.path.join(where, name), encoding="utf-8") as file:
                            self.text[os.path.join(where, name)] = file.read()

    def called(self, place):
        """The name that is called at "file:line:column", a member or a parameter."""
        file, line, column = place.rsplit(":", 2)
        lines = self.text[file].split("\n")
        at, name, word = "\n".join([lines[int(line) - 1][int(column) - 1 :]] + lines[int(line) :]), None, None
        while at:
            if match := re.match(r"\w+", at):
                word, at = match[0], at[match.end() :]
            elif match := re.match(r"->|\.", at):
                at = at[match.end() :]
            elif at[0] in "([":
                name = word if at[0] == "(" and word else name
                depth = end = 0
                for end, character in enumerate(at):
                    depth += (character in "([") - (character in ")]")
                    if depth == 0:
                        break
                at = at[end + 1 :]
            else:
                break
        return name


class Graph:
    def __init__(self, tree, files):
        self.tree = tree
        self.calls = collections.defaultdict(set)
        self.indirect = collections.defaultdict(set)
        self.by_name = collections.defaultdict(set)
        for file in files:
            with open(file, encoding="utf-8") as lines:
                for line in lines:
                    self.read(line)
        self.members = collections.defaultdict(set)
        for file, text in tree.text.items():
            for member, value in re.findall(r"(?:\.|->)(\w+)\s*=\s*&?(\w+)\s*[,;}]", text):
                self.members[member] |= self.visible(value, file)

    def read(self, line):
        if match := re.match(r'edge: { sourcename: "([^"]*)" targetname: "([^"]*)"(?: label: "([^"]*)")?', line):
            caller, callee, place = match.groups()
            if callee == "__indirect_call":
                self.indirect[caller].add(place)
            else:
                self.calls[caller].add(callee)
        elif (match := re.match(r'node: { title: "([^"]*)"', line)) and "shape : ellipse" not in line:
            self.by_name[match[1].split(":")[-1]].add(match[1])

    def visible(self, name, file):
        """The functions of that name that a file can mean."""
        own = {f for f in self.by_name.get(name, ()) if f.startswith(file + ":")}
        return own or {f for f in self.by_name.get(name, ()) if ":" not in f}

    def handed_to(self, function, seen=()):
        """Functions among the arguments of its callers, or of theirs, who hand them on."""
        found, function = set(), function.split(":")[-1]
        for file, text in self.tree.text.items():
            for arguments in re.findall(r"\b" + function + r"\(([^;{]*)\)", text):
                for word in re.findall(r"\b\w+\b(?!\()", arguments):
                    found |= self.visible(word, file)
        if not found and function not in seen:
            for caller in [c for c, callees in self.calls.items() if function in {f.split(":")[-1] for f in callees}]:
                found |= self.handed_to(caller, (*seen, function))
        return found

    def in_tables(self, member):
        """Functions in the tables of structs with that member, and those that are assigned to it from parameters."""
        found = set()
        declares = re.compile(r"struct (\w+) \{[^}]*\(\*(?:const )?" + member + r"\)")
        names = {name for text in self.tree.text.values() for name in declares.findall(text)}
        for file, text in self.tree.text.items():
            for name in names:
                for table in re.findall(r"struct " + name + r" [^;{()]*= \{(.*?)\};", text, re.S):
                    for word in re.findall(r"\b\w+\b(?!\()", table):
                        found |= self.visible(word, file)
            for value in re.findall(r"(?:\.|->)" + member + r"\s*=\s*(\w+)\s*[,;}]", text):
                for function in re.findall(r"\n(?:\w[^\n;{}]*[ *])?(\w+)\([^;{}]*\b" + value + r"\)?[^;{}]*\)\n\{", text):
                    found |= self.handed_to(function)
        return found

    def behind(self, caller, place):
        found = set()
        for name in self.names_called(place):
            found |= self.members.get(name) or self.in_tables(name)
        return found or self.handed_to(caller)

    def names_called(self, place):
        """Where gcc tells the place of a statement only, all members that are called in its line."""
        name = self.tree.called(place)
        if name is not None and name not in self.by_name:
            return [name]
        file, line, _ = place.rsplit(":", 2)
        return re.findall(r"(?:->|\.)(\w+)\(", self.tree.text[file].split("\n")[int(line) - 1])

    def callees(self, function):
        """Direct ones and, once it is asked for, those behind its pointers."""
        for place in self.indirect.pop(function, ()):
            found = self.behind(function, place)
            if not found:
                sys.exit(f"{place}: nobody is known who could be called here")
            self.calls[function] |= found
        return self.calls.get(function, ())


def longest_chains(graph, root):
    """For each call of the system, and whoever makes it, the longest chain that was found."""
    best, reached, stack = {}, {}, [(root, (root,))]
    while stack:
        function, chain = stack.pop()
        for callee in graph.callees(function):
            if callee in SYSTEM:
                key = (function, callee)
                if len(chain) > len(best.get(key, ())):
                    best[key] = chain
            elif callee in chain or reached.get(callee, 0) > len(chain):
                continue
            elif callee.split(":")[-1] in graph.by_name:
                reached[callee] = len(chain) + 1
                stack.append((callee, chain + (callee,)))
    return best


def main():
    root, most = sys.argv[1], int(sys.argv[2])
    graph = Graph(Tree(("src", "include")), sys.argv[3:])
    (start,) = graph.by_name[root]
    chains = longest_chains(graph, start)
    deepest = max(len(chain) for chain in chains.values())
    for (_, call), chain in sorted(chains.items(), key=lambda item: -len(item[1])):
        if len(chain) > most or "-v" in os.environ.get("DEPTH_FLAGS", ""):
            print(f"{len(chain):3}  {' > '.join(f.split(':')[-1] for f in chain)} > {call}")
    if deepest > most:
        sys.exit(f"a call of the system is {deepest} calls below {root}(), {most} are allowed")
    print(f"depth: {len(chains)} places below {root}() call the system, the deepest is {deepest} calls down")


if __name__ == "__main__":
    main()
