#!/usr/bin/env python3
"""Verifies a trail or a receipt of Gate. It has none of Gate's code, and opens no connection.

    python3 verify.py TRAIL VKEY [--since OLD_CHECKPOINT]
    python3 verify.py --receipt FILE VKEY [--keys FOLDER]

TRAIL is the trail's folder, VKEY the log's key (name+id+base64) from someone you trust.
OLD_CHECKPOINT is the trail's checkpoint as you kept it from an earlier time: the trail must
continue that one. FOLDER is a trail's folder `keys`, for a receipt that a later key of the log has
signed.

Python 3.9 or later, and `pip install cryptography`. Exit code: 0 it holds, 1 it does not, 2 the
program could not begin.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import sys

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    print(
        "This program needs the Python package `cryptography`: pip install cryptography",
        file=sys.stderr,
    )
    sys.exit(2)

FULL = 256  # hashes or entries in a full tile
LEVELS = 8  # of tiles in a tree below 2^63
LONGEST_NOTE = 1_000_000
LONGEST_RECEIPT = 10_000_000
MOST_SHOWN = 5
RECEIPT = "gate/receipt@v1"
SUCCESSION = "gate/key-succession@v1"
EARLIER = "github.com/gate-rs/"  # What stood before those names in earlier versions.
EXACT = 1 << 53  # the largest whole number that everybody reads alike

# The Ed25519 points of small order, without their sign bits. As a key, or as the first half of a
# signature, they fit too much.
SMALL = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}


class Refused(Exception):
    """What is wrong, and where."""


def plain(text):
    """Text that others wrote, with nothing in it that moves a terminal's cursor or turns the
    reading direction."""
    return "".join(c if c.isprintable() else "\\u{%x}" % ord(c) for c in text)


def read_file(path, most):
    """A file's bytes, if it has no more than it may have."""
    try:
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise Refused(f"{plain(path)}: {error.strerror or error}") from None
    if len(data) > most:
        raise Refused(f"{plain(path)}: longer than {most} bytes")
    return data


def utf8(data, where):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"{where}: byte {error.start} is not UTF-8") from None


def decimal(text):
    """A number in the one form that it has, below 2^63; otherwise nothing."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text):
        return None
    number = int(text)
    return number if number < 1 << 63 else None


def unbase64(text, length=None):
    """The bytes of base64 in the one form that they have; otherwise nothing."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        return None
    if base64.b64encode(data).decode() != text or length not in (None, len(data)):
        return None
    return data


def is_line(text):
    return text != "" and all(c >= " " for c in text)


# --- Canonical JSON (RFC 8785)


def write_number(number):
    """A number as JavaScript writes it: the shortest digits that are read back as the same number."""
    if number < 0:
        return "-" + write_number(-number)
    if number == 0:
        return "0"
    mantissa, _, exponent = repr(float(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    tail = "." + digits[1:] if len(digits) > 1 else ""
    return f"{digits[0]}{tail}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def read_number(text):
    if re.fullmatch(r"-?[1-9][0-9]{0,15}|0", text) and abs(int(text)) <= EXACT:
        return int(text)
    number = float(text)
    if number in (float("inf"), float("-inf")) or write_number(number) != text:
        raise ValueError(f"the number {text[:40]} is not in its canonical form")
    return number


def read_object(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands there twice")
    return found


def no_constant(text):
    raise ValueError(f"{text} is no JSON")


def canonical(value):
    if isinstance(value, dict):
        members = sorted(
            value.items(), key=lambda member: member[0].encode("utf-16-be", "surrogatepass")
        )
        return (
            "{" + ",".join(f"{canonical(key)}:{canonical(inner)}" for key, inner in members) + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if type(value) in (int, float):
        return write_number(value)
    return json.dumps(value, ensure_ascii=False)


def read_json(text, where):
    """A JSON object from a text that is its canonical form: nobody can read anything else from it."""
    try:
        value = json.loads(
            text,
            parse_int=read_number,
            parse_float=read_number,
            parse_constant=no_constant,
            object_pairs_hook=read_object,
        )
        if canonical(value) != text:
            raise ValueError("it is not in its canonical form (RFC 8785)")
    except (ValueError, RecursionError) as error:
        raise Refused(f"{where}: no canonical JSON: {plain(str(error)) or 'too deep'}") from None
    if not isinstance(value, dict):
        raise Refused(f"{where}: no JSON object")
    return value


# --- Keys and signed notes (https://c2sp.org/signed-note)


def is_name(text):
    return (
        is_line(text)
        and len(text.encode()) <= 1000
        and not any(c == "+" or c.isspace() for c in text)
    )


def is_small(point):
    """Whether 32 bytes are a point of small order."""
    return (point[:31] + bytes([point[31] & 0x7F])).hex() in SMALL


class Key:
    """A log's public key, written `name+id+base64(0x01 || 32 bytes)`."""

    def __init__(self, vkey, where):
        parts = vkey.split("+", 2)
        if len(parts) != 3 or not is_name(parts[0]):
            raise Refused(f"{where}: write it as name+id+base64, in one line")
        self.name, identifier, text = parts
        tagged = unbase64(text, 33)
        if tagged is None:
            raise Refused(f"{where}: the key is not 33 bytes in 44 characters of base64")
        if tagged[0] != 1:
            raise Refused(
                f"{where}: algorithm {tagged[0]} is not that of a log's key, which is 1 (Ed25519)"
            )
        self.id = hashlib.sha256(self.name.encode() + b"\n" + tagged).digest()[:4]
        if self.id.hex() != identifier:
            raise Refused(f"{where}: the id is not that of this name and key; get it again")
        self.bytes = tagged[1:]
        if is_small(self.bytes):
            raise Refused(
                f"{where}: the key is of small order, which anybody could sign for; get it again"
            )

    def signed(self, text, signature):
        if len(signature) != 64 or is_small(signature[:32]):
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.bytes).verify(signature, text.encode())
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            return False
        return True

    def __str__(self):
        return f"{plain(self.name)}+{self.id.hex()}"


class Note:
    """A text, an empty line, and a line for each signature. What it says is used only once it is
    verified."""

    def __init__(self, data, where):
        self.where = where
        if len(data) > LONGEST_NOTE:
            raise Refused(f"{where}: longer than {LONGEST_NOTE} bytes")
        whole = utf8(data, where)
        control = next((at for at, c in enumerate(whole) if c < " " and c != "\n"), None)
        if control is not None:
            raise Refused(f"{where}: character {control} is a control character")
        text, gap, lines = whole.rpartition("\n\n")
        if not gap or not lines.endswith("\n"):
            raise Refused(
                f"{where}: no text, empty line and signatures that each end with a newline"
            )
        self.text = text + "\n"
        self.signatures = []
        for line in lines[:-1].split("\n"):
            dash, _, rest = line.partition(" ")
            name, _, encoded = rest.partition(" ")
            signature = unbase64(encoded)
            if dash != "\u2014" or not is_name(name) or signature is None or len(signature) < 5:
                raise Refused(
                    f"{where}: a signature is not an em dash, a name and base64, one space between "
                    "them"
                )
            self.signatures.append((name, signature[:4], signature[4:]))
        if len(self.signatures) > 100:
            raise Refused(f"{where}: more than 100 signatures")

    def signer(self, keys):
        """The first of these keys that signed. A signature that says it is by one of them, and is
        not, spoils the note."""
        found = None
        for name, identifier, signature in self.signatures:
            key = next((key for key in keys if key.name == name and key.id == identifier), None)
            if key is None:
                continue
            if not key.signed(self.text, signature):
                raise Refused(
                    f"{self.where}: the signature of {key} is not by that key: the text or the "
                    "signature was changed"
                )
            found = found or key
        return found


class Keys:
    """The keys of a log, one after the other, each with the sizes of tree from and up to which it
    is in force."""

    def __init__(self, vkey, folder=None):
        first = Key(vkey, "the key you gave")
        self.origin = first.name
        self.eras = [[first, 0, None]]
        if folder is None or not os.path.exists(folder):
            return
        try:
            names = os.listdir(folder)
        except OSError as error:
            raise Refused(f"{plain(folder)}: {error.strerror or error}") from None
        numbers = []
        for name in names:
            if decimal(name):
                numbers.append(decimal(name))
            # A writer that died may have left one of these.
            elif not (name.endswith(".tmp") and decimal(name[:-4])):
                raise Refused(f"{plain(folder)}: {plain(name)} does not belong there: take it away")
        numbers.sort()
        if numbers != list(range(1, len(numbers) + 1)):
            raise Refused(f"{plain(folder)}: the successions are not 1, 2, 3, … without a gap")
        notes = []
        for number in numbers:
            path = os.path.join(folder, str(number))
            note = Note(read_file(path, LONGEST_NOTE), plain(path))
            notes.append((note, *self.succession(note)))
        # Whoever was given a later key begins behind the succession that introduces it: it says
        # nothing of the keys before.
        begin = 0
        if notes and notes[0][0].signer([first]) is None:
            begin = next(
                (at + 1 for at, (_, _, key) in enumerate(notes) if key.bytes == first.bytes), 0
            )
        for note, start, key in notes[begin:]:
            current = self.eras[-1]
            if note.signer([current[0]]) is None:
                raise Refused(f"{note.where}: not signed by {current[0]}, the key before it")
            if any(era[0].bytes == key.bytes for era in self.eras):
                raise Refused(f"{note.where}: introduces a key that the log had before")
            if start < current[1]:
                raise Refused(
                    f"{note.where}: begins at {start}, before the current key does at {current[1]}"
                )
            current[2] = start
            self.eras.append([key, start, None])

    def succession(self, note):
        lines = note.text[:-1].split("\n")
        if len(lines) != 4 or lines[0] not in (SUCCESSION, EARLIER + SUCCESSION):
            raise Refused(f"{note.where}: no key succession of four lines")
        if lines[1] != f"origin {self.origin}":
            raise Refused(f"{note.where}, line 2: of another log than {plain(self.origin)}")
        start = decimal(lines[2][5:]) if lines[2].startswith("from ") else None
        if start is None:
            raise Refused(f"{note.where}, line 3: no `from` and a size")
        if not lines[3].startswith("key "):
            raise Refused(f"{note.where}, line 4: no `key` and a key")
        return start, Key(lines[3][4:], f"{note.where}, line 4")

    def checkpoint(self, note):
        """The size and root that a key in force at that size has signed."""
        lines = note.text[:-1].split("\n")
        size = decimal(lines[1]) if len(lines) > 1 else None
        root = unbase64(lines[2], 32) if len(lines) > 2 else None
        if size is None:
            raise Refused(
                f"{note.where}, line 2: no size as a decimal number below 2^63 without leading "
                "zeros"
            )
        if root is None:
            raise Refused(f"{note.where}, line 3: no root of 32 bytes as 44 characters of base64")
        if not all(map(is_line, lines)):
            raise Refused(f"{note.where}: an empty line in the text")
        if lines[0] != self.origin:
            raise Refused(
                f"{note.where}, line 1: of the log {plain(lines[0])}, not of {plain(self.origin)}"
            )
        valid = [
            key for key, start, end in self.eras if start <= size and (end is None or size <= end)
        ]
        signer = note.signer(valid)
        if signer is None:
            others = [key for key, _, _ in self.eras if key not in valid]
            if note.signer(others) is not None:
                raise Refused(f"{note.where}: signed by a key that is not in force at size {size}")
            raise Refused(f"{note.where}: not signed by {', '.join(map(str, valid))}")
        if size == 0 and root != hashlib.sha256().digest():
            raise Refused(f"{note.where}, line 3: not the root of an empty tree")
        return size, root, signer


# --- The tree (RFC 6962) and its tiles (https://c2sp.org/tlog-tiles)


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def complete(hashes):
    """The root over hashes of which there are a power of two."""
    while len(hashes) > 1:
        hashes = [node_hash(*hashes[at : at + 2]) for at in range(0, len(hashes), 2)]
    return hashes[0]


class Tree:
    """A tree as far as appending needs it: the roots of its complete subtrees, the largest first."""

    def __init__(self):
        self.size = 0
        self.peaks = []

    def append(self, leaf):
        """Adds a leaf, and gives every node that is complete with it: the leaf, then its parent,
        and so on."""
        nodes = [leaf]
        rest = self.size
        while rest & 1:
            nodes.append(node_hash(self.peaks.pop(), nodes[-1]))
            rest >>= 1
        self.peaks.append(nodes[-1])
        self.size += 1
        return nodes

    def root(self):
        if not self.peaks:
            return hashlib.sha256().digest()
        root = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            root = node_hash(left, root)
        return root


def tile_path(kind, index, width):
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return f"tile/{kind}/{'/'.join(groups)}" + (f".p/{width}" if width < FULL else "")


class Tiles:
    """The files of a tree. A hash in them counts only if it leads to the signed root."""

    def __init__(self, folder, size, root):
        self.folder, self.size = folder, size
        self.edge, peaks = [], []
        try:
            for level in range(LEVELS):
                index, width = divmod(self.count(level), FULL)
                self.edge.append(self.hashes(level, index) if width else [])
        except Refused:
            self.edge = None
            return
        tree = Tree()
        # The bits of the size are the peaks, the largest first: eight bits of them in each level's
        # last tile.
        for tile in reversed(self.edge):
            while tile:
                width = 1 << (len(tile).bit_length() - 1)
                peaks.append(complete(tile[:width]))
                tile = tile[width:]
        tree.peaks = peaks
        if tree.root() != root:
            self.edge = None

    def count(self, level):
        return self.size >> (8 * level)

    def width(self, level, index):
        return min(FULL, self.count(level) - index * FULL)

    def read(self, kind, index, width, each):
        """The bytes of a tile; where a partial one has been removed, those of the full one that
        took its place."""
        path = tile_path(kind, index, width)
        if width < FULL and not os.path.exists(os.path.join(self.folder, path)):
            full = tile_path(kind, index, FULL)
            if os.path.exists(os.path.join(self.folder, full)):
                path, width = full, FULL
        return path, width, read_file(os.path.join(self.folder, path), width * each)

    def hashes(self, level, index):
        wanted = self.width(level, index)
        path, width, data = self.read(level, index, wanted, 32)
        if len(data) != 32 * width:
            raise Refused(f"{path}: {len(data)} bytes where {32 * width} are due")
        return [data[at : at + 32] for at in range(0, 32 * wanted, 32)]

    def proven(self, level, index):
        """The hashes of a tile, if they lead to the root; otherwise nothing."""
        if self.edge is None:
            return None
        if index == self.count(level) >> 8:
            return self.edge[level]
        parent = self.proven(level + 1, index >> 8)
        if parent is None:
            return None
        try:
            hashes = self.hashes(level, index)
        except Refused:
            return None
        return hashes if complete(hashes) == parent[index % FULL] else None

    def entries(self, index):
        """The entries of a bundle, as far as it can be read, and what is wrong behind them."""
        wanted = self.width(0, index)
        path, width, data = self.read("entries", index, wanted, 2 + 65535)
        entries, at = [], 0
        for _ in range(width):
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if at + 2 > len(data) or end > len(data):
                what = "is missing" if at == len(data) else "runs beyond the end of the file"
                return entries[:wanted], f"entry {index * FULL + len(entries)} {what} ({path})"
            entries.append(data[at + 2 : end])
            at = end
        wrong = f"{path}: {len(data) - at} bytes behind the last entry" if at != len(data) else None
        return entries[:wanted], wrong


# --- What the entries say


class Calls:
    """The records of each call: the first one begins it, and their numbers are 1, 2, 3, … Records
    from before there were any have none."""

    def __init__(self, keeps):
        self.keeps = keeps  # Whether it keeps what it has read: of a receipt, that is little.
        self.stands, self.last = [], {}
        self.is_whole = True  # Whether a call that was not met yet begins here.

    def read(self, record, where):
        subject, number = record.get("subject"), record.get("call_seq")
        call = subject.get("approval") if isinstance(subject, dict) else None
        if not isinstance(call, str):
            if number is not None:
                raise Refused(f"{where}: has a number within a call, and names no call")
            return
        before = self.last.get(call)
        if (
            before is None
            and self.is_whole
            and record["event"].get("type") not in ("assessed", "imported")
        ):
            raise Refused(
                f"{where}: the call {plain(call)} does not begin so: its first record is missing"
            )
        self.last[call] = number if whole(number, 1) else 0
        if self.keeps:
            self.stands.append((record["seq"], call, self.last[call]))
        if number is None:
            fits = not before
        else:
            fits = whole(number, 1) and (
                number == (before or 0) + 1 or (before is None and not self.is_whole)
            )
        if not fits:
            found = (
                "a record without a number"
                if number is None
                else f"record {plain(canonical(number))}"
            )
            raise Refused(
                f"{where}: {found} of the call {plain(call)} stands where its record "
                f"{(before or 0) + 1} is due"
            )

    def settle(self, next_seq):
        """The records go on at a number that they had before: those from there on count no more."""
        self.is_whole = self.keeps
        self.stands = [kept for kept in self.stands if kept[0] < next_seq]
        self.last = {call: number for _, call, number in self.stands}


class Reader:
    """Reads entries in their order: what kind each is, and whether it stands where its numbers say."""

    def __init__(self, folder=None):
        self.folder = folder
        self.due = 1
        # Of a receipt, which has no folder, little is kept.
        self.calls = Calls(folder is None)
        self.settlements = []
        self.large = 0
        self.first_at = self.last_at = None

    def unknown(self):
        """An entry was passed over: nothing is known of the numbers that are due."""
        self.due = None
        self.calls = Calls(False)
        self.calls.is_whole = False

    def skip(self, entries):
        """So many entries are not in a receipt. Between two settlements the records' numbers go on
        by one."""
        if self.due is not None:
            self.due += entries

    def read(self, index, entry):
        where = f"entry {index}"
        try:
            value = read_entry(utf8(entry, where), where)
        except Refused:
            self.unknown()
            raise
        self.first_at = self.first_at or value["at"]
        self.last_at = value["at"]
        self.follow(value, where)
        if "settled" in value:
            self.settlements.append(f"{where}: {settlement(value)}")
        elif is_stub(value):
            self.large += 1
            self.calls.read(self.read_large(value, where), where)
        else:
            self.calls.read(value, where)

    def follow(self, value, where):
        """Whether an entry has the number that is due."""
        due = self.due
        if "settled" in value:
            self.due = value["next"]
            self.calls.settle(value["next"])
            if value["next"] > value["settled"] + 1:
                raise Refused(
                    f"{where}: settles that records go on at {value['next']}, and leaves out those "
                    f"from {value['settled'] + 1} on"
                )
            if due not in (None, value["settled"] + 1):
                raise Refused(
                    f"{where}: settles a trail that had gone on to {value['settled']}, and it had "
                    f"gone on to {due - 1}"
                )
            return
        self.due = value["seq"] + 1
        if due not in (None, value["seq"]):
            raise Refused(f"{where}: record {value['seq']} stands where record {due} is due")

    def read_large(self, stub, where):
        name = f"large/{stub['digest'][7:]}.json"
        where = f"{where}: its record {name}"
        digest, length, pieces = hashlib.sha256(), 0, []
        try:
            with open(os.path.join(self.folder, name), "rb") as file:
                while piece := file.read(min(1 << 20, stub["bytes"] + 1 - length)):
                    digest.update(piece)
                    length += len(piece)
                    pieces.append(piece)
        except OSError as error:
            raise Refused(f"{where}: {error.strerror or error}") from None
        if length != stub["bytes"]:
            raise Refused(f"{where} is not of the logged {stub['bytes']} bytes")
        if digest.hexdigest() != stub["digest"][7:]:
            raise Refused(f"{where} is not what was logged: its SHA-256 is another one")
        return check_body(stub, utf8(b"".join(pieces), where), where)


STUB = {"at", "bytes", "digest", "kind", "seq"}
SETTLEMENT = {"at", "by", "next", "reason", "settled"}


def is_stub(value):
    return set(value) == STUB


def whole(value, least):
    return type(value) is int and value >= least


def read_entry(text, where):
    """A record, the stub of a long one, or a settlement."""
    value = read_json(text, where)
    if not isinstance(value.get("at"), str):
        raise Refused(f"{where}: has no time `at`")
    if set(value) == SETTLEMENT:
        if not whole(value["next"], 1) or not whole(value["settled"], 0):
            raise Refused(f"{where}: `next` and `settled` of a settlement are no whole numbers")
        return value
    if not whole(value.get("seq"), 1):
        raise Refused(f"{where}: is no settlement and has no whole number `seq`")
    if is_stub(value):
        if not whole(value["bytes"], 0) or not re.fullmatch(
            r"sha256:[0-9a-f]{64}", str(value["digest"])
        ):
            raise Refused(
                f"{where}: the stub of a long record has no length, or no digest sha256:<64 hex>"
            )
    elif not isinstance(value.get("event"), dict) or "settled" in value:
        raise Refused(f"{where}: is no record, no stub of a long record and no settlement")
    return value


def check_body(stub, text, where):
    """The long record that a stub stands for."""
    if hashlib.sha256(text.encode()).hexdigest() != stub["digest"][7:]:
        raise Refused(f"{where} is not what was logged: its SHA-256 is another one")
    record = read_entry(text, where)
    same = "event" in record and (record["seq"], record["at"]) == (stub["seq"], stub["at"])
    if (
        not same
        or record["event"].get("type") != stub["kind"]
        or len(text.encode()) != stub["bytes"]
    ):
        raise Refused(f"{where}: number, time, kind or length is not that of the entry")
    return record


def settlement(value):
    by, reason = (plain(canonical(value[name])) for name in ("by", "reason"))
    went_on = (
        f"the records go on at {value['next']} although the trail had gone on to {value['settled']}"
    )
    return f"settlement by {by} at {plain(value['at'])}: {went_on}: {reason}"


# --- The commands


def verify_trail(folder, vkey, since):
    if not os.path.isdir(folder):
        raise Refused(f"{plain(folder)}: no folder")
    keys = Keys(vkey, os.path.join(folder, "keys"))
    note = Note(read_file(os.path.join(folder, "checkpoint"), LONGEST_NOTE), "checkpoint")
    size, root, signer = keys.checkpoint(note)
    print(
        f"checkpoint: {plain(keys.origin)}, {size} entries, root "
        f"{base64.b64encode(root).decode()}, signed by {signer}"
    )
    others = len(note.signatures) - 1
    if others:
        print(f"  {others} further signatures are not looked at")
    old_size = None
    if since is not None:
        old_size, old_root, _ = keys.checkpoint(Note(read_file(since, LONGEST_NOTE), plain(since)))
        if old_size > size:
            raise Refused(
                f"checkpoint: {size} entries, and {plain(since)} has {old_size}: entries were "
                "taken away"
            )
    tiles, tree, reader = Tiles(folder, size, root), Tree(), Reader(folder)
    found = Findings()
    if old_size == 0:
        found.check_since(since, old_root, tree)
    upper = {}
    for index in range((size + FULL - 1) // FULL):
        try:
            entries, broken = tiles.entries(index)
        except Refused as missing:
            first = index * FULL
            found.certain(
                f"entries {first} to {first + tiles.width(0, index) - 1} cannot be read: {missing}"
            )
            raise found.refusal() from None
        leaves = list(map(leaf_hash, entries))
        changed = found.compare(tiles, index, leaves)
        for at, entry in enumerate(entries):
            for level, node in enumerate(tree.append(leaves[at])):
                if level and level % 8 == 0:
                    found.compare_upper(
                        tiles, upper, level // 8, ((index * FULL + at + 1) >> level) - 1, node
                    )
            if tree.size == old_size:
                found.check_since(since, old_root, tree)
            if at in changed:
                reader.unknown()
                continue
            try:
                reader.read(index * FULL + at, entry)
            except Refused as wrong:
                found.certain(str(wrong))
        if broken:
            found.certain(broken)
            if len(entries) < tiles.width(0, index):
                raise found.refusal()
    if tree.root() != root:
        raise found.refusal(
            f"the entries do not lead to the root that was signed, but to "
            f"{base64.b64encode(tree.root()).decode()}"
        )
    found.entries_hold()
    if found:
        raise found.refusal()
    for line in reader.settlements:
        print(line)
    if since is not None:
        print(f"it continues {plain(since)}: {size - old_size} entries since then")
    if size:
        kinds = f"{reader.large} long records, {len(reader.settlements)} settlements"
        print(f"{size} entries from {plain(reader.first_at)} to {plain(reader.last_at)}; {kinds}")
    print("OK: the entries are those that the checkpoint signs, in that order, and none is missing")


class Findings:
    """What is wrong, in the order in which it was found."""

    def __init__(self):
        self.shown, self.count = [], 0
        self.doubtful, self.tiles = [], []

    def __bool__(self):
        return self.count > 0

    def certain(self, text):
        self.count += 1
        if len(self.shown) < MOST_SHOWN:
            self.shown.append(text)

    def check_since(self, since, old_root, tree):
        if tree.root() != old_root:
            first = f"the first {tree.size} entries are not those of {plain(since)}"
            self.certain(f"{first}: history was changed; keep both checkpoints, both are signed")

    def compare(self, tiles, index, leaves):
        """Compares the entries of a bundle with the tile of their hashes, and finds out which was
        changed. Gives the places."""
        path = tile_path(0, index, tiles.width(0, index))
        try:
            hashes = tiles.hashes(0, index)
        except Refused as wrong:
            self.tiles.append(str(wrong))
            return set()
        changed = [at for at, leaf in enumerate(leaves) if leaf != hashes[at]]
        if not changed:
            return set()
        first = index * FULL + changed[0]
        if tiles.proven(0, index) is not None:
            for at in changed:
                wrong = f"entry {index * FULL + at} is not what was logged"
                self.certain(
                    f"{wrong}: its hash is not the one in {path}, which leads to the signed root"
                )
            return set(changed)
        parent = tiles.proven(1, index >> 8) if len(leaves) == FULL else None
        if parent is not None and complete(leaves) == parent[index % FULL]:
            self.tiles.append(f"{path}: hash {changed[0]} is not that of entry {first}")
            return set()
        self.doubtful.append((first, path))
        return set(changed)

    def compare_upper(self, tiles, cache, level, index, node):
        """Compares a node over complete tiles with the tile that has it. Below it there may be the
        real fault."""
        number = index >> 8
        if cache.get(level, (None, None))[0] != number:
            try:
                cache[level] = (number, tiles.hashes(level, number))
            except Refused as wrong:
                cache[level] = (number, None)
                self.tiles.append(str(wrong))
        hashes = cache[level][1]
        if hashes is not None and hashes[index % FULL] != node:
            path = tile_path(level, number, tiles.width(level, number))
            first, last = index << 8 * level, ((index + 1) << 8 * level) - 1
            self.tiles.append(
                f"{path}: hash {index % FULL} is not that over entries {first} to {last}"
            )

    def entries_hold(self):
        """The entries lead to the signed root, so whatever disagrees with them was changed."""
        for first, path in self.doubtful:
            self.tiles.append(f"{path}: its hash of entry {first} is not that of the entry")
        for text in self.tiles:
            self.certain(f"{text}; the entries are as signed, this tile is not")
        self.doubtful, self.tiles = [], []

    def refusal(self, otherwise=None):
        for first, path in self.doubtful:
            self.certain(
                f"entry {first} and {path} do not agree, and neither leads to the signed root"
            )
        if not self:
            for text in self.tiles:
                self.certain(text)
        lines = list(self.shown)
        if self.count > len(lines):
            lines.append(f"and {self.count - len(lines)} more")
        return Refused("\n".join(lines + ([otherwise] if otherwise else [])))


def verify_receipt(path, vkey, folder):
    if folder is not None and not os.path.isdir(folder):
        raise Refused(f"{plain(folder)}: no folder")
    keys = Keys(vkey, folder)
    text = utf8(read_file(path, LONGEST_RECEIPT), "receipt")
    head, gap, tail = text.partition("\n\n")
    if not gap:
        raise Refused("receipt: no empty line between the entries and the checkpoint")
    size, root, signer = keys.checkpoint(Note(tail.encode(), "receipt, checkpoint"))
    lines = head.split("\n")
    if lines[0] not in (RECEIPT, EARLIER + RECEIPT):
        raise Refused(f"receipt, line 1: not `{RECEIPT}`")
    entries = []
    for number, line in enumerate(lines[1:], 2):
        where = f"receipt, line {number}"
        if line.startswith("entry "):
            index, _, entry = line[6:].partition(" ")
            if decimal(index) is None:
                raise Refused(f"{where}: no index as a decimal number without leading zeros")
            if entries and decimal(index) <= entries[-1][1]:
                raise Refused(f"{where}: entry {index} stands there twice, or behind a later one")
            entries.append((number, decimal(index), entry, [], []))
        elif not entries:
            raise Refused(f"{where}: no `entry`, an index and the logged text")
        elif line.startswith("with ") and not entries[-1][4]:
            entries[-1][3].append((number, line[5:]))
        elif unbase64(line, 32) is not None:
            entries[-1][4].append(unbase64(line, 32))
        else:
            raise Refused(
                f"{where}: no `entry`, no hash of 44 characters of base64, and no `with` right "
                "behind an entry"
            )
    if not entries:
        raise Refused("receipt: no entry")
    shown, reader, due = [], Reader(), None
    reader.due = None
    for number, index, entry, additions, proof in entries:
        where = f"receipt, line {number}, entry {index}"
        if index >= size:
            raise Refused(f"{where}: the tree has {size} entries only")
        if climb(index, size, leaf_hash(entry.encode()), proof) != root:
            raise Refused(
                f"{where}: this text does not stand at {index} in the signed tree: text, index or "
                "hashes were changed"
            )
        value = read_entry(entry, where)
        shown.append(f"entry {index}:")
        record, secrets = open_additions(value, additions)
        if is_stub(record):
            raise Refused(
                f"{where}: the long record is not beside it, in a line that begins with `with`"
            )
        reader.skip(index - due if shown[1:] else 0)
        due = index + 1
        reader.follow(value, where)
        if "settled" not in value:
            reader.calls.read(record, where)
        shown.extend(show(record))
        shown.extend(secrets)
    print("\n".join(shown))
    these = "this" if len(entries) == 1 else "these"
    print(
        f"OK: {plain(keys.origin)} has logged {these} in a tree of {size} entries, signed by "
        f"{signer}"
    )


def climb(index, size, reached, proof):
    """The root that a proof leads to (RFC 9162, section 2.1.3.2); nothing if it has too few or too
    many hashes."""
    last = size - 1
    for sibling in proof:
        if last == 0:
            return None
        if index & 1 or index == last:
            reached = node_hash(sibling, reached)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            reached = node_hash(reached, sibling)
        index, last = index >> 1, last >> 1
    return reached if last == 0 else None


def open_additions(value, additions):
    """Checks what stands beside an entry: the long record of a stub, secret values. Gives the
    record, and lines for the values."""
    shown = []
    for number, text in additions:
        where = f"receipt, line {number}"
        addition = read_json(text, where)
        if set(addition) == {"field", "salt", "value"}:
            commitment = disclosed(value, addition, where)
            field, secret = (plain(canonical(addition[name])) for name in ("field", "value"))
            shown.append(f"  disclosed {field}: {secret} ({commitment})")
        elif is_stub(value):
            value = check_body(value, text, where)
        else:
            raise Refused(
                f"{where}: neither a secret value (field, salt, value) nor the long record of an "
                "entry that is a stub"
            )
    return value, shown


def disclosed(record, addition, where):
    """The commitment of a secret value: only where a record's arguments have their commitments, for
    elsewhere others write."""
    field, salt = addition["field"], addition["salt"]
    if not isinstance(field, str) or not re.fullmatch(r"[0-9a-f]{32}", str(salt)):
        raise Refused(f"{where}: no field, or no salt of 32 hexadecimal digits")
    digest = hashlib.sha256(bytes.fromhex(salt) + canonical(addition["value"]).encode()).hexdigest()
    event = record.get("event", {})
    for path in (("arguments",), ("vote", "decision", "arguments")):
        place = event
        for step in path:
            place = place.get(step) if isinstance(place, dict) else None
        secrets = place.get("secrets") if isinstance(place, dict) else None
        if not isinstance(secrets, list) or {"digest": f"sha256:{digest}"} not in secrets:
            continue
        # The mark says of which field the commitment is.
        if at_pointer(place.get("json"), field) != f"[secret {digest[:32]}]":
            raise Refused(
                f"{where}: the entry has a commitment to this value, and not at {plain(field)}"
            )
        return f"sha256:{digest}"
    raise Refused(f"{where}: the entry has no commitment to this value with this salt")


def at_pointer(value, pointer):
    """What stands at a JSON pointer (RFC 6901)."""
    if pointer and not pointer.startswith("/"):
        return None
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and decimal(step) is not None and decimal(step) < len(value):
            value = value[decimal(step)]
        else:
            return None
    return value


def show(value, path=""):
    """A line for each value, with its place. A name that could pass for more than one stands in
    quotes."""
    if isinstance(value, dict) and value:
        names = {
            key: key if re.fullmatch("[A-Za-z0-9_]+", key) else canonical(key) for key in value
        }
        inner = [
            (f"{path}.{names[key]}" if path else names[key], item) for key, item in value.items()
        ]
    elif isinstance(value, list) and value:
        inner = [(f"{path}[{at}]", item) for at, item in enumerate(value)]
    else:
        return [f"  {plain(path)}: {plain(canonical(value))}"]
    return [line for name, item in inner for line in show(item, name)]


def main():
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=as_written, usage=argparse.SUPPRESS
    )
    parser.add_argument("trail", nargs="?", metavar="TRAIL", help="the trail's folder")
    parser.add_argument("vkey", metavar="VKEY", help="the log's key, name+id+base64")
    parser.add_argument("--since", metavar="OLD_CHECKPOINT", help="a checkpoint of an earlier time")
    parser.add_argument("--receipt", metavar="FILE", help="a receipt, instead of a trail")
    parser.add_argument("--keys", metavar="FOLDER", help="a trail's folder `keys`, with --receipt")
    given = parser.parse_intermixed_args()
    if (given.trail is None) == (given.receipt is None):
        parser.error("give either a trail's folder or --receipt FILE, and the key")
    if (given.since and given.receipt) or (given.keys and given.trail):
        parser.error("--since goes with a trail, --keys with a receipt")
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    try:
        if given.receipt is not None:
            verify_receipt(given.receipt, given.vkey, given.keys)
        else:
            verify_trail(given.trail, given.vkey, given.since)
    except Refused as refused:
        sys.stdout.flush()
        print("\n".join(f"REFUSED: {line}" for line in str(refused).split("\n")), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
