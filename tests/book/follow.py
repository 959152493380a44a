#!/usr/bin/env python3
"""Follows every command block of the README and of the book, in order, as a newcomer would.

    tests/book/follow.py --gate CHECKOUT --bin TARGET_DEBUG_DIR

All blocks run in one temporary folder and in one bash session with `set -e`. The clone of the
project is there as `gate`, and the command `gate`, already built, is on PATH. A comment right
before a fenced block, which readers do not see, says what to do with it:

    <!-- file: PATH -->         writes the block to this file, in the folder where the session is
    <!-- not run: REASON -->    leaves a block of commands out
    <!-- background: TEXT -->   runs it until the page ends, and goes on once it has printed TEXT

Every other `sh` block runs. In it, `gate_r_…` and `gate_a_…` stand for the newest token that a
reviewer or an agent was given, and `7145cff0` stands for the newest call that waits.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

FENCE = re.compile(r"^( *)(`{3,})\s*([^`]*)$")
COMMENT = re.compile(r"^\s*<!-- (file|not run|background): (.+?) -->\s*$")
TOKENS = {"gate_r_…": r"gate_r_[0-9A-Za-z]{20,}", "gate_a_…": r"gate_a_[0-9A-Za-z]{20,}"}
CALL = "7145cff0"
LONGEST = 1800  # seconds that one block may take: the first one that compiles takes minutes


class Failed(Exception):
    pass


def blocks(page):
    """The fenced blocks of a page: line, language, text, and the comment before it, if any."""
    lines, number = page.read_text(encoding="utf-8").split("\n"), 0
    while number < len(lines):
        opening, number = FENCE.match(lines[number]), number + 1
        if not opening:
            continue
        indent, ticks, language = opening.groups()
        start, text = number, []
        before = next((line for line in reversed(lines[: start - 1]) if line.strip()), "")
        comment = COMMENT.match(before)
        if before.strip().startswith("<!--") and not comment:
            raise Failed(f"{page}:{start}: follow.py does not know the comment before this block")
        while lines[number].strip() != ticks:
            text.append(lines[number].removeprefix(indent) + "\n")
            number += 1
            if number == len(lines):
                raise Failed(f"{page}:{start}: this block has no end")
        number += 1
        yield start, language.strip(), "".join(text), comment.groups() if comment else (None, "")


def pages(checkout):
    """The README, then the book's pages in the order of its summary."""
    yield checkout / "README.md"
    summary = (checkout / "docs/SUMMARY.md").read_text(encoding="utf-8")
    for name in re.findall(r"\]\(([^)]+\.md)\)", summary):
        if not (checkout / "docs" / name).is_file():
            raise Failed(f"docs/SUMMARY.md names {name}, which is not there")
        yield checkout / "docs" / name


def is_alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def end(group):
    """Ends a group of processes that this program started: politely, then not."""
    for how, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
        deadline = time.monotonic() + patience
        if is_alive(group):
            os.killpg(group, how)
        while is_alive(group) and time.monotonic() < deadline:
            time.sleep(0.05)


class Session:
    """One bash session; everything that its blocks print is in one file."""

    def __init__(self, folder, own, env):
        self.folder, self.own, self.env, self.count = folder, own, env, 0
        self.log, self.background, self.last_call = own / "output", [], None
        self.shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE,
            text=True,
            stdout=self.log.open("a"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.shell.stdin.write("set -e\n")

    def printed(self, since=0):
        return self.log.read_bytes()[since:].decode("utf-8", "replace")

    def in_background(self):
        return "".join(log.read_text("utf-8", "replace") for _, log in self.background)

    def waiting_call(self):
        """The newest call that waits; the last one that was used, where none does."""
        # A program that was started beside the session may need a moment until it has asked.
        deadline = time.monotonic() + (10 if self.background else 0)
        while True:
            asked = subprocess.run(
                ["gate", "--json", "pending"],
                cwd=self.folder,
                env=self.env,
                text=True,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
            calls = json.loads(asked.stdout) if asked.returncode == 0 else []
            if calls:
                self.last_call = max(call["id"] for call in calls)  # ids begin with their time
            if calls or time.monotonic() >= deadline:
                break
            time.sleep(0.2)
        if not self.last_call:
            raise Failed(f"no call waits for which `{CALL}` could stand: {asked.stderr}")
        return self.last_call

    def filled_in(self, text):
        for placeholder, pattern in TOKENS.items():
            if placeholder in text:
                found = re.findall(pattern, self.printed() + self.in_background())
                if not found:
                    raise Failed(f"no block before has printed a token for `{placeholder}`")
                text = text.replace(placeholder, found[-1])
        return text.replace(CALL, self.waiting_call()) if CALL in text else text

    def until(self, condition, group, otherwise):
        deadline = time.monotonic() + LONGEST
        while not condition():
            is_over = self.shell.poll() is not None or not is_alive(group)
            if is_over and not condition():
                raise Failed(otherwise)
            if time.monotonic() > deadline:
                raise Failed(f"it took longer than {LONGEST} seconds")
            time.sleep(0.05)

    def send(self, text, line, answer):
        """Runs a block in the session, by a line that has it; gives what is to be answered then."""
        self.count += 1
        script, log, done = (self.own / f"{self.count}.{end}" for end in ("sh", "log", "done"))
        script.write_text(self.filled_in(text), encoding="utf-8")
        log.touch()
        # Under another name first: a file that is there is whole.
        line = line.format(script=script, log=log)
        try:
            self.shell.stdin.write(
                f'{line}\nprintf %s "{answer}" >{done}.new; mv {done}.new {done}\n'
            )
            self.shell.stdin.flush()
        except BrokenPipeError:
            raise Failed("the session had ended before") from None
        self.until(done.exists, self.shell.pid, "a command failed, or the block left the session")
        return done.read_text(encoding="utf-8"), log

    def run(self, text):
        folder, _ = self.send(text, ". {script} </dev/null", "$PWD")
        self.folder = pathlib.Path(folder)

    def run_in_background(self, text, expected):
        # Monitor mode gives it a process group of its own, by which all of it can be ended.
        line = "set -m; ( set +m; . {script} ) </dev/null >{log} 2>&1 & set +m"
        group, log = self.send(text, line, "$!")
        self.background.append((int(group), log))
        self.until(
            lambda: expected in log.read_text("utf-8", "replace"),
            int(group),
            f"it ended and never printed {expected!r}",
        )

    def end_background(self):
        """Ends what runs in the background, and keeps what it printed."""
        for group, _ in self.background:
            end(group)
        with self.log.open("a", encoding="utf-8") as kept:
            kept.write(self.in_background())
        self.background.clear()

    def close(self):
        self.end_background()
        if self.shell.poll() is None:
            os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.wait()


def do(session, kind, words, language, text):
    """Does what a block is there for; gives what was done."""
    if kind == "file":
        target = session.folder / words
        target.parent.mkdir(parents=True, exist_ok=True)
        # Lines that the book hides are lines of the program.
        whole = re.sub(r"(?m)^# ", "", text) if language.startswith("rust") else text
        target.write_text(whole, encoding="utf-8")
        return f"wrote {words}"
    if kind == "background":
        session.run_in_background(text, words)
        return "runs in the background"
    session.run(text)
    return "ok"


def follow(checkout, session):
    ran, left_out = 0, []
    for page in pages(checkout):
        for line, language, text, (kind, words) in blocks(page):
            place = f"{page.relative_to(checkout)}:{line}"
            if kind == "not run":
                left_out.append(f"  {place}: {words}")
                print(f"{place}: not run: {words}", flush=True)
            elif kind or language == "sh":
                before, began = session.log.stat().st_size, time.monotonic()
                try:
                    done = do(session, kind, words, language, text)
                except Failed as failure:
                    print(
                        f"{place}: FAILED: {failure}\n\n{text}\n-- "
                        f"printed:\n{session.printed(before)}"
                    )
                    print(f"-- in the background:\n{session.in_background()}")
                    return 1
                ran += 1
                print(f"{place}: {done} ({time.monotonic() - began:.1f} s)", flush=True)
        session.end_background()
    print(f"{ran} blocks followed, {len(left_out)} not run:", *left_out, sep="\n")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--gate", required=True, type=pathlib.Path, metavar="CHECKOUT")
    parser.add_argument("--bin", required=True, type=pathlib.Path, metavar="TARGET_DEBUG_DIR")
    args = parser.parse_args()
    checkout, binaries = args.gate.resolve(), args.bin.resolve()
    if not (binaries / "gate").exists():
        parser.error(f"there is no command `gate` in {binaries}: run `cargo build -p gate-cli`")
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("GATE_", "OPENAI_")) and key not in ("EDITOR", "VISUAL")
    }
    env |= {
        "PATH": f"{binaries}:{env.get('PATH', '')}",
        "NO_COLOR": "1",
        "CARGO_TERM_COLOR": "never",
    }
    if "CARGO_TARGET_DIR" in env:
        env["CARGO_TARGET_DIR"] = os.path.abspath(env["CARGO_TARGET_DIR"])
    place = pathlib.Path(tempfile.mkdtemp(prefix="gate-book-")).resolve()
    folder, own = place / "newcomer", place / "follow"
    folder.mkdir()
    own.mkdir()
    (folder / "gate").symlink_to(checkout)
    session = Session(folder, own, env)
    try:
        return follow(checkout, session)
    except Failed as failure:
        print(f"FAILED: {failure}")
        return 1
    finally:
        session.close()
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
