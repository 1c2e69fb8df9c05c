from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from unrolled.runtime import files
from unrolled.runtime.files import read_bounded, replace_entry, write_folder, write_whole


class Crash(BaseException):
    pass


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_write_whole_makes_folders_and_joins_parts(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "file.bin"
    write_whole(target, b"one ", memoryview(b"two"))
    assert target.read_bytes() == b"one two"
    write_whole(str(target), b"new")
    assert target.read_bytes() == b"new"
    assert names(target.parent) == ["file.bin"]


def test_write_whole_takes_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_whole("file", b"x")
    write_whole(Path("sub/../sub/file"), b"y")
    assert (tmp_path / "file").read_bytes() == b"x"
    assert (tmp_path / "sub" / "file").read_bytes() == b"y"


def test_long_names_are_written(tmp_path: Path) -> None:
    target = tmp_path / ("é" * 120)
    write_whole(target, b"x")
    assert target.read_bytes() == b"x"


@pytest.mark.parametrize("step", ["write", "rename"])
@pytest.mark.parametrize("kind", [Crash, OSError])
def test_a_failed_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, kind: type[BaseException]
) -> None:
    target = tmp_path / "file"
    write_whole(target, b"old")

    def fail(*_: object) -> None:
        raise kind("stopped")

    monkeypatch.setattr(files, {"write": "_sync", "rename": "rename"}[step], fail)
    with pytest.raises(kind, match="stopped"):
        write_whole(target, b"new")
    with pytest.raises(kind, match="stopped"):
        write_folder(tmp_path / "folder", {"a": b"1"})
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_data_is_synced_before_the_name_and_the_folder_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, replace = files._sync, os.replace

    def record_sync(descriptor: int) -> None:
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("sync folder" if folder else "sync file")
        sync(descriptor)

    def record_replace(source: Path, target: Path) -> None:
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(files, "_sync", record_sync)
    monkeypatch.setattr(os, "replace", record_replace)
    write_whole(tmp_path / "file", b"x")
    after = ["sync folder"] if os.name == "posix" else []
    assert steps == ["sync file", "rename", *after]
    steps.clear()
    write_folder(tmp_path / "folder", {"a": b"1", "b": b"2"})
    assert steps == ["sync file", "sync file", *after, "rename", *after]


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_permissions_and_links_stay(tmp_path: Path) -> None:
    real = tmp_path / "big" / "file"
    write_whole(real, b"old")
    real.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(real)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    replace_entry(link, b"own")
    assert not link.is_symlink()
    assert (link.read_bytes(), real.read_bytes()) == (b"own", b"new")


def test_new_files_have_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    write_whole(tmp_path / "file", b"")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="not a file"):
        write_whole(tmp_path / "folder", b"x")
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(NotADirectoryError, match="cannot be put below"):
        write_whole(tmp_path / "file" / "x", b"x")
    with pytest.raises(NotADirectoryError, match="cannot be put below"):
        write_folder(tmp_path / "file" / "x", {})
    assert (tmp_path / "file").read_bytes() == b"kept"
    assert names(tmp_path) == ["file", "folder"]


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Path.mkdir

    def refuse_file(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    def refuse_folder(self: Path, *arguments: Any, **options: Any) -> None:
        if self.name.endswith(".part"):
            raise PermissionError(13, "Permission denied", str(self))
        make(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse_file)
    monkeypatch.setattr(Path, "mkdir", refuse_folder)
    with pytest.raises(PermissionError, match="cannot write into the folder") as error:
        write_whole(tmp_path / "a", b"")
    assert error.value.filename == str(tmp_path)
    with pytest.raises(PermissionError, match="cannot write into the folder") as error:
        write_folder(tmp_path / "b", {})
    assert error.value.filename == str(tmp_path)
    assert names(tmp_path) == []


def test_write_folder_appears_whole_and_replaces_nothing(tmp_path: Path) -> None:
    write_folder(tmp_path / "x" / "folder", {"a": b"1", "b": b"2"})
    assert names(tmp_path / "x" / "folder") == ["a", "b"]
    assert names(tmp_path / "x") == ["folder"]
    with pytest.raises(OSError, match="folder"):
        write_folder(tmp_path / "x" / "folder", {"a": b"3"})
    assert (tmp_path / "x" / "folder" / "a").read_bytes() == b"1"
    assert names(tmp_path / "x") == ["folder"]


def test_only_old_parts_of_the_same_target_are_removed(tmp_path: Path) -> None:
    digits = "0123456789abcdef"
    old_file, old_folder = f".file.{digits}.part", f".file.{digits[::-1]}.part"
    kept = [f".other.{digits}.part", ".file.0123.part", ".file.part", f"file.{digits}.part"]
    fresh = f".file.{'0' * 16}.part"
    for name in (old_file, *kept, fresh):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / old_folder).mkdir()
    (tmp_path / old_folder / "inside").write_bytes(b"x")
    old = time.time() - 2 * files.STALE_SECONDS
    for name in (old_file, old_folder, *kept):
        os.utime(tmp_path / name, (old, old))
    write_whole(tmp_path / "file", b"x")
    assert names(tmp_path) == sorted(["file", *kept, fresh])


def test_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "file"
    contents = [bytes([i]) * 50_000 for i in range(4)]

    def write(content: bytes) -> None:
        for _ in range(10):
            write_whole(target, content)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if target.exists():
            assert target.read_bytes() in contents
    for thread in threads:
        thread.join()
    assert target.read_bytes() in contents
    assert names(tmp_path) == ["file"]


def test_read_bounded(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"12345")
    assert read_bounded(target, 5) == b"12345"
    with pytest.raises(ValueError, match="5 bytes, more than the limit of 4"):
        read_bounded(target, 4)
    with pytest.raises(ValueError, match="not a regular file"):
        read_bounded(tmp_path, 10)
    with pytest.raises(FileNotFoundError):
        read_bounded(tmp_path / "none", 10)


def test_read_bounded_refuses_a_large_file_without_reading_it(tmp_path: Path) -> None:
    target = tmp_path / "sparse"
    with target.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match="more than the limit"):
        read_bounded(target, 2**32)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX")
def test_read_bounded_does_not_wait_at_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a regular file"):
        read_bounded(tmp_path / "pipe", 10)


def test_check_writable_says_early_what_write_whole_would_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"old")
    for path in (tmp_path / "folder", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match=r".") as early:
            files.check_writable(path)
        with pytest.raises(OSError, match=r".") as late:
            write_whole(path, b"new")
        assert str(early.value) == str(late.value)
        with pytest.raises(OSError, match=r".") as first:
            files.check_writable(path, make_folders=False)
        assert str(first.value) == str(late.value)
    files.check_writable(tmp_path / "file")
    files.check_writable(tmp_path / "none" / "below" / "file", make_folders=False)
    files.check_writable(tmp_path / "new" / "file")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "new"]
    assert not any((tmp_path / "new").iterdir())
