"""PostgreSQL's own load tool."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.place import Database

RATE = re.compile(r"actually processed: (\d+)/(\d+)\n.*failed transactions: 0 .*tps = ([\d.]+)", re.DOTALL)


def program() -> str:
    """Where it is: beside the embedded server, or else on the path."""
    wheel = "lib/python*/site-packages/*/pginstall18/bin/pgbench"
    found = [str(path) for path in Path(sys.prefix).glob(wheel)]
    if where := found[0] if found else shutil.which("pgbench"):
        return where
    raise RuntimeError("pgbench is not installed.")


def pgbench(database: Database, script: str, *, clients: int, times: int, planned: str = "simple") -> float:
    """Let each of the clients run a script so many times; for how many seconds that was.

    Statements are planned each time, or once by each client where `planned` is "prepared".
    """
    file = database.place.home / "script.sql"
    file.write_text(script)
    parts = database.parts
    where = ["-h", parts["host"], "-p", str(parts["port"]), "-U", parts["user"]]
    how = ["-n", "-M", planned, "-c", str(clients), "-j", "2", "-D", "turn=-1", "-t", str(times), "-f", str(file)]
    done = subprocess.run([program(), *where, *how, parts["dbname"]], capture_output=True, text=True)
    told = RATE.search(done.stdout)
    if done.returncode or told is None or told[1] != told[2]:
        raise RuntimeError(f"pgbench failed.\n{done.stdout}{done.stderr}")
    return int(told[1]) / float(told[3])
