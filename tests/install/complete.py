#!/usr/bin/env python3
"""Types lines into a real bash, zsh or fish at a terminal, each with the Tab key behind it, and prints what they became.
Usage: complete.py SHELL COMPLETION LINE...   (COMPLETION: what scripts/completion.sh wrote; for zsh it is called _wschat)
"""
import os
import pty
import select
import subprocess
import sys
import tempfile

HANG = 20  # s; nothing is measured, this only ends what hangs
PROMPT = "ready>"
BEGIN_OF_LINE, END_OF_LINE = "\x01", "\x05"


def shell_of(name, completion):
    """The command of a shell without its user's settings, and what makes it ready."""
    completion = os.path.abspath(completion)
    folder = os.path.dirname(completion)
    if name == "bash":
        return ["bash", "--norc", "--noprofile", "-i"], f"bind 'set bell-style none'; source {completion}"
    return ["zsh", "-f", "-i"], f"bindkey -e; unsetopt beep; fpath=({folder} $fpath); autoload -Uz compinit; compinit -D -u"


class Terminal:
    def __init__(self, command):
        pid, self.fd = pty.fork()
        if pid == 0:
            env = dict(os.environ, PS1=PROMPT, PROMPT=PROMPT, TERM="xterm", HISTFILE="/dev/null", LC_ALL="C")
            os.execvpe(command[0], command, env)

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self, is_there):
        """Reads, so that the shell is never blocked, until is_there(all that was read)."""
        seen = b""
        while not is_there(seen):
            if not select.select([self.fd], [], [], HANG)[0]:
                sys.exit(f"the shell hangs behind {seen!r}")
            seen += os.read(self.fd, 4096)


def type_lines(name, completion, lines):
    command, setup = shell_of(name, completion)
    terminal = Terminal(command)
    terminal.wait(lambda seen: PROMPT.encode() in seen)
    with tempfile.TemporaryDirectory() as folder:
        for number, line in enumerate([setup, *lines]):
            out = f"{folder}/{number}"
            if number == 0:
                terminal.type(f"{line}; mkdir {out}\n")
            else:
                # The completed line becomes the words of a printf.
                terminal.type(f"{line}\t{BEGIN_OF_LINE}printf '%s ' {END_OF_LINE} >{out}.part; mv {out}.part {out}\n")
            terminal.wait(lambda _: os.path.exists(out))
            if number > 0:
                with open(out, encoding="utf-8") as file:
                    print(file.read().rstrip(" "))
    terminal.type("exit\n")


def ask_fish(completion, lines):
    """Fish tells by itself. Where there is one answer, it is put in place of the last word."""
    for line in lines:
        script = 'source $argv[1]; complete -C "$argv[2]"'
        answers = subprocess.run(["fish", "--no-config", "-c", script, completion, line], check=True, timeout=HANG,
                                 capture_output=True, text=True).stdout.splitlines()
        words = line.split(" ")
        print(" ".join(words[:-1] + [answers[0].split("\t")[0]] if len(answers) == 1 else words))


if __name__ == "__main__":
    if sys.argv[1] == "fish":
        ask_fish(sys.argv[2], sys.argv[3:])
    else:
        type_lines(sys.argv[1], sys.argv[2], sys.argv[3:])
