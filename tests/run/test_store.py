import errno
import os

import pytest
from store_conformance import StoreConformance

from zerofleet.run import atomic
from zerofleet.run.store import DirectoryStore


class TestDirectoryStore(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path):
        return DirectoryStore(tmp_path / "run")


class LateDirectory(DirectoryStore):
    """A shared file system whose listings are late: a new key shows at the third listing."""

    def __init__(self, root):
        super().__init__(root)
        self._listed = {}

    def _walk(self, directory, prefix):
        for key in super()._walk(directory, prefix):
            self._listed[key] = self._listed.get(key, 0) + 1
            if self._listed[key] >= 3:
                yield key


class TestLateListings(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path):
        return LateDirectory(tmp_path / "run")


class TestRenameThatReportsFailure(StoreConformance):
    """NFS: the server did it, the answer was lost, the client reports a failure."""

    @pytest.fixture
    def store(self, tmp_path, monkeypatch):
        real_rename, real_link = os.rename, os.link
        calls = {"rename": 0, "link": 0}

        def rename(source, target):
            real_rename(source, target)
            calls["rename"] += 1
            if calls["rename"] % 2 and str(source).endswith(".tmp"):
                raise FileNotFoundError(errno.ENOENT, "fault: renamed, but says it is not", source)

        def link(source, target):
            real_link(source, target)
            calls["link"] += 1
            if calls["link"] % 2:
                raise FileExistsError(errno.EEXIST, "fault: linked, but says it is not", target)

        monkeypatch.setattr(atomic.os, "rename", rename)
        monkeypatch.setattr(atomic.os, "link", link)
        return DirectoryStore(tmp_path / "run")


class TestWithoutHardLinks(StoreConformance):
    """FAT and some network file systems."""

    @pytest.fixture
    def store(self, tmp_path, monkeypatch):
        def link(source, target):
            raise PermissionError(errno.EPERM, "no hard links here", target)

        monkeypatch.setattr(atomic.os, "link", link)
        return DirectoryStore(tmp_path / "run")


def test_hidden_files_are_not_listed(tmp_path):
    store = DirectoryStore(tmp_path)
    store.put("data/a", b"")
    (tmp_path / "data" / ".a.tmp").write_bytes(b"")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "b").write_bytes(b"")
    assert store.list("").keys == ("data/a",)


def test_a_listing_reads_only_the_directories_it_needs(tmp_path, monkeypatch):
    """STOP is looked for at every poll, and data/ can be large."""
    store = DirectoryStore(tmp_path)
    for key in ("STOP", "data/a", "data/b", "consumed/c", "workers/w.json"):
        store.put(key, b"")
    real, scanned = os.scandir, []

    def scandir(path):
        scanned.append(str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert store.list("STOP").keys == ("STOP",)
    assert store.list("data/").keys == ("data/a", "data/b")
    assert store.list("consumed").keys == ("consumed/c",)
    root = str(tmp_path)
    assert [path.removeprefix(root).strip("/") for path in scanned] == ["", "data", "", "consumed"]
