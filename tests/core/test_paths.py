from bottleneck.core import paths
from bottleneck.core.paths import stat_row


def test_on_windows_mtime_stands_for_ctime_and_no_inode_counts(tmp_path, monkeypatch):
    found = tmp_path.stat()
    assert stat_row(found) == (
        found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino,
    )  # fmt: skip
    monkeypatch.setattr(paths, "_ON_WINDOWS", True)
    assert stat_row(found) == (found.st_size, found.st_mtime_ns, found.st_mtime_ns, 0)
