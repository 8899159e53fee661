"""A loss of power, without a disk that has one: writes that were not flushed are taken back after a kill.

The server runs with a library before libc (`power_loss.c`, built here with the C compiler that SQLite
needs anyway), which keeps a journal for each file in the data folder of what was written since its last
flush. After `kill -9` the files hold every write; `lose` makes of them what a disk may hold when the power
goes: each file as it was at its last flush, and of the writes since then none, or some, in any order, each
whole or torn at the border of a sector.
"""

import pathlib
import struct
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
SECTOR = 512

# The file that only checkpoints write to, once it is there.
DATABASE = "stepwell.db"

# How long a flush takes beside what it takes: most kills then find one that is under way.
FLUSH_MS = 25
HEAD = struct.Struct("<5Q")  # Kind, offset, size before, length of the old bytes, length of the new.


def build(folder):
    """Builds the library; returns its path."""
    library = pathlib.Path(folder) / "power_loss.so"
    command = ["cc", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-o", library, HERE / "power_loss.c", "-ldl"]
    subprocess.run(command, check=True)
    return library


def environment(library, data, journals):
    """What the server must have in its environment."""
    pathlib.Path(journals).mkdir(exist_ok=True)
    return {
        "LD_PRELOAD": str(library),
        "POWER_LOSS_DATA": str(data),
        "POWER_LOSS_JOURNALS": str(journals),
        "POWER_LOSS_FLUSH_MS": str(FLUSH_MS),
    }


def unflushed(text):
    """The writes of a journal that no flush has reached: `(kind, offset, size before, old, new)`."""
    writes, at = [], 0
    while at + HEAD.size <= len(text):
        kind, offset, size, old_length, new_length = HEAD.unpack_from(text, at)
        at += HEAD.size
        if at + old_length + new_length > len(text):
            break  # The kill came while it was noted, so it was not written.
        old, new = text[at:at + old_length], text[at + old_length:at + old_length + new_length]
        at += old_length + new_length
        if chr(kind) == "S":
            writes[:offset] = [None] * len(writes[:offset])
        else:
            writes.append((chr(kind), offset, size, old, new))
    return [write for write in writes if write is not None]


def unflushed_files(journals):
    """The files, by their names below the data folder, that have writes which no flush has reached."""
    return {
        journal.name.replace("%", "/") for journal in pathlib.Path(journals).iterdir() if journal.stat().st_size
    }


def lose(data, journals, rng):
    """Takes the power away; returns how many writes were lost. Only when the server is dead."""
    lost = 0
    for journal in sorted(pathlib.Path(journals).iterdir()):
        writes = unflushed(journal.read_bytes())
        journal.write_bytes(b"")
        path = pathlib.Path(data) / journal.name.replace("%", "/")
        if not writes or not path.exists():
            continue
        kept = rng.choice([0.0, 0.0, 0.5, 0.9])
        with open(path, "r+b") as file:
            for kind, offset, size, old, _new in reversed(writes):
                file.seek(offset)
                file.write(old)
                file.truncate(size)
            for kind, offset, _size, _old, new in writes:
                if rng.random() >= kept:
                    lost += 1
                elif kind == "T":
                    file.truncate(offset)
                else:
                    torn = rng.random() < 0.1
                    file.seek(offset)
                    file.write(new[: rng.randrange(0, len(new) + 1, SECTOR)] if torn else new)
                    lost += torn
    return lost
