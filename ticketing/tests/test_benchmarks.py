"""benchmarks/run measures a site of its own and leaves nothing behind; here only that it works, at small sizes."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def homes():
    return set(Path("/tmp").glob("benchmarks.*"))


def test_one_command_measures_and_checks_the_books(tmp_path):
    before = homes()
    command = ["benchmarks/run", "--quick", "--results", tmp_path, "purge"]  # the one that starts no site
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert homes() <= before
    headings, line, row, told = done.stdout.splitlines()
    assert headings == "| case | measured | reference in the same run | ratio | target | reached |"
    assert line == "| --- | --- | --- | --- | --- | --- |"
    assert row.startswith("| purge 1 000 beside 10 000 bookings | ")
    assert told.startswith("| purge 1 000 beside 10 000 bookings, books kept | ")
    assert told.endswith(" | – | – |")
    said = json.loads((tmp_path / "results.json").read_text())
    [purge, _books_kept] = said["rows"]
    assert said["wrong"] == []
    assert purge["ratio"] > 1
    assert purge["reached"] == (purge["ratio"] >= purge["at_least"])
    assert "<svg" in (tmp_path / "results.svg").read_text()


def test_an_unknown_case_is_refused_before_anything_is_started():
    done = subprocess.run(["benchmarks/run", "no_such_case"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no case no_such_case" in done.stderr
