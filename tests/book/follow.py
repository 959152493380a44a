#!/usr/bin/env python3
"""Follows every command block of the README and of the book, in order, as a newcomer would.

    tests/book/follow.py --gate CHECKOUT --bin TARGET_DEBUG_DIR

All blocks run in one temporary folder and in one bash session with `set -e`. The clone of the project
is there as `gate`, and the command `gate`, already built, is on PATH. A comment right before a fenced
block, which readers do not see, says what to do with it:

    <!-- file: PATH -->         writes the block to this file, in the folder where the session is
    <!-- not run: REASON -->    leaves a block of commands out
    <!-- background: TEXT -->   runs it until the end of the page, and goes on once it has printed TEXT

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
TOKENS = {"gate_r_…": r"gate_r_[0-9A-Za-z_-]{20,}", "gate_a_…": r"gate_a_[0-9A-Za-z_-]{20,}"}
CALL = "7145cff0"
LONGEST = 1800  # seconds that one block may take: the first one that compiles takes minutes


class Failed(Exception):
    pass


def blocks(page):
    """The fenced blocks of a page: line, language, text, and the comment before it, if any."""
    lines = page.read_text(encoding="utf-8").split("\n")
    number = 0
    while number < len(lines):
        opening = FENCE.match(lines[number])
        if not opening:
            number += 1
            continue
        indent, ticks, language = opening.groups()
        before = next((line for line in reversed(lines[:number]) if line.strip()), "")
        comment = COMMENT.match(before)
        if before.strip().startswith("<!--") and not comment:
            raise Failed(f"{page}:{number}: this comment is none that follow.py knows: {before.strip()}")
        start, number, text = number + 1, number + 1, []
        while number < len(lines) and lines[number].strip() != ticks:
            text.append(lines[number][len(indent):] if lines[number].startswith(indent) else lines[number])
            number += 1
        if number == len(lines):
            raise Failed(f"{page}:{start}: this block has no end")
        number += 1
        yield start, language.strip(), "\n".join(text) + "\n", comment.groups() if comment else None


def pages(checkout):
    """The README, then the book's pages in the order of its summary."""
    book = checkout / "docs"
    yield checkout / "README.md"
    for name in re.findall(r"\]\(([^)]+\.md)\)", (book / "SUMMARY.md").read_text(encoding="utf-8")):
        if not (book / name).is_file():
            raise Failed(f"docs/SUMMARY.md names {name}, which is not there")
        yield book / name


class Session:
    """One bash session, with everything that it printed in one file."""

    def __init__(self, folder, own, env):
        self.own, self.env, self.folder, self.count = own, env, folder, 0
        self.log, self.background, self.last_call = own / "output", [], None
        self.log.touch()
        self.shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], cwd=folder, env=env, stdin=subprocess.PIPE, text=True,
            stdout=self.log.open("a"), stderr=subprocess.STDOUT, start_new_session=True,
        )
        self.send("set -e")

    def send(self, line):
        try:
            self.shell.stdin.write(line + "\n")
            self.shell.stdin.flush()
        except BrokenPipeError:
            raise Failed("the session had ended before") from None

    def printed(self, since=0):
        return self.log.read_bytes()[since:].decode("utf-8", "replace")

    def everything(self):
        """What all blocks have printed so far, those in the background too."""
        return self.printed() + "".join(log.read_text("utf-8", "replace") for _, log in self.background)

    def waiting(self):
        """The newest call that waits in the folder where the session is."""
        deadline = time.monotonic() + (10 if self.background or not self.last_call else 0)
        while True:
            asked = subprocess.run(["gate", "--json", "pending"], cwd=self.folder, env=self.env,
                                   stdin=subprocess.DEVNULL, capture_output=True, text=True)
            calls = json.loads(asked.stdout) if asked.returncode == 0 else []
            if calls:
                self.last_call = max(call["id"] for call in calls)  # ids begin with their time
            if calls or time.monotonic() >= deadline:
                break
            time.sleep(0.2)
        if not self.last_call:
            raise Failed(f"no call waits that `{CALL}` could stand for: {asked.stderr}")
        return self.last_call

    def filled_in(self, text):
        """A block with what the reader must fill in."""
        for placeholder, pattern in TOKENS.items():
            if placeholder in text:
                found = re.findall(pattern, self.everything())
                if not found:
                    raise Failed(f"no block before has printed a token for `{placeholder}`")
                text = text.replace(placeholder, found[-1])
        return text.replace(CALL, self.waiting()) if CALL in text else text

    def script(self, text):
        self.count += 1
        script = self.own / f"{self.count}.sh"
        script.write_text(self.filled_in(text), encoding="utf-8")
        return script, self.own / f"{self.count}.done"

    def until(self, is_there, what, is_alive):
        deadline = time.monotonic() + LONGEST
        while not is_there():
            if not is_alive() and not is_there():
                raise Failed(what)
            if time.monotonic() > deadline:
                raise Failed(f"it took longer than {LONGEST} seconds")
            time.sleep(0.05)

    def run(self, text):
        script, done = self.script(text)
        # Its folder is written under another name first: a file that is there is whole.
        self.send(f". {script} </dev/null\nprintf %s \"$PWD\" >{done}.new\nmv {done}.new {done}")
        self.until(done.exists, "a command failed, or the block left the session",
                   lambda: self.shell.poll() is None)
        self.folder = pathlib.Path(done.read_text())

    def run_in_background(self, text, expected):
        script, done = self.script(text)
        log = self.own / f"{self.count}.log"
        log.touch()
        # Monitor mode gives it a process group of its own, by which all of it is ended.
        self.send(f"set -m\n( set +m; . {script} ) </dev/null >{log} 2>&1 &\nset +m\n"
                  f"printf %s $! >{done}.new\nmv {done}.new {done}")
        self.until(done.exists, "the session ended", lambda: self.shell.poll() is None)
        group = int(done.read_text())
        self.background.append((group, log))
        self.until(lambda: expected in log.read_text("utf-8", "replace"),
                   f"it ended and never printed {expected!r}", lambda: alive(group))

    def end_background(self):
        """Ends what runs in the background, and keeps what it printed."""
        for group, log in self.background:
            end(group)
            with self.log.open("a", encoding="utf-8") as kept:
                kept.write(log.read_text("utf-8", "replace"))
        self.background.clear()

    def close(self):
        self.end_background()
        try:
            os.killpg(self.shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.shell.wait()


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def end(group):
    """Ends a group of processes that this program started."""
    for how, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 0)):
        try:
            os.killpg(group, how)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while alive(group) and time.monotonic() < deadline:
            time.sleep(0.05)


def follow(checkout, session):
    ran, left_out = 0, []
    for page in pages(checkout):
        name = page.relative_to(checkout)
        for line, language, text, comment in blocks(page):
            kind, words = comment or (None, "")
            place, began = f"{name}:{line}", time.monotonic()
            before = session.log.stat().st_size
            if kind == "not run":
                left_out.append(f"  {place}: {words}")
                print(f"{place}: not run: {words}", flush=True)
                continue
            if kind != "file" and language != "sh":
                if kind:
                    raise Failed(f"{place}: only a block of `sh` runs in the background")
                continue
            try:
                if kind == "file":
                    target = session.folder / words
                    target.parent.mkdir(parents=True, exist_ok=True)
                    # Lines that the book hides are lines of the program.
                    whole = re.sub(r"(?m)^# ", "", text) if language.startswith("rust") else text
                    target.write_text(whole, encoding="utf-8")
                elif kind == "background":
                    session.run_in_background(text, words)
                else:
                    session.run(text)
            except Failed as failure:
                print(f"{place}: FAILED: {failure}\n\n{text}\n-- printed:\n{session.printed(before)}")
                for _, log in session.background:
                    print(f"-- in the background:\n{log.read_text('utf-8', 'replace')}")
                return 1
            ran += 1
            did = f"wrote {words}" if kind == "file" else "ok"
            print(f"{place}: {did} ({time.monotonic() - began:.1f} s)", flush=True)
        session.end_background()
    print(f"{ran} blocks followed, {len(left_out)} not run:", *left_out, sep="\n")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gate", required=True, type=pathlib.Path, metavar="CHECKOUT")
    parser.add_argument("--bin", required=True, type=pathlib.Path, metavar="TARGET_DEBUG_DIR")
    parser.add_argument("--keep", action="store_true", help="keeps the temporary folder")
    args = parser.parse_args()
    checkout, binaries = args.gate.resolve(), args.bin.resolve()
    if not (binaries / "gate").exists():
        parser.error(f"there is no command `gate` in {binaries}: run `cargo build -p gate-cli`")
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("GATE_", "OPENAI_")) and key not in ("EDITOR", "VISUAL")}
    env |= {"PATH": f"{binaries}{os.pathsep}{env.get('PATH', '')}", "NO_COLOR": "1", "CARGO_TERM_COLOR": "never"}
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
        if args.keep:
            print(f"kept: {place}")
        else:
            shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
