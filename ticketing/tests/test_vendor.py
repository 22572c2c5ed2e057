"""The scripts of others are those that their packages published, and nothing else."""

from hashlib import sha256
from pathlib import Path

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.storage import FileSystemStorage

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"
READER = VENDOR / "qr-scanner-1.4.2" / "qr-scanner.min.js"
PUBLISHED = "0564e4cf84b94cac80213b4f779bd215bb0876a91c19df28baf97766f4fd5484"


def test_every_file_is_as_recorded_and_none_is_unrecorded():
    lines = (VENDOR / "SHA256SUMS").read_text().splitlines()
    recorded = {path: digest for digest, path in (line.split("  ") for line in lines)}
    there = {str(path.relative_to(VENDOR)): path for path in VENDOR.glob("*/*")}
    assert {name: sha256(path.read_bytes()).hexdigest() for name, path in there.items()} == recorded


def test_only_the_line_that_names_its_map_is_missing_from_the_reader():
    script = READER.read_bytes() + b"//# sourceMappingURL=qr-scanner.min.js.map\n"
    assert sha256(script).hexdigest() == PUBLISHED
    assert PUBLISHED in (VENDOR / "README.md").read_text()


def test_the_reader_finds_its_worker_where_files_have_hashes_in_their_names(tmp_path):
    storage = ManifestStaticFilesStorage(location=tmp_path)
    files = {
        str(path.relative_to(VENDOR)): (FileSystemStorage(VENDOR), str(path.relative_to(VENDOR)))
        for path in VENDOR.glob("*/*.js")
    }
    for name in files:
        storage.save(name, files[name][0].open(name))
    assert [found for *_names, found in storage.post_process(files) if isinstance(found, Exception)] == []
    assert (tmp_path / "qr-scanner-1.4.2" / "qr-scanner-worker.min.js").exists()
