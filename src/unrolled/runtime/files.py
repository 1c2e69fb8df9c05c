"""Files that are whole or not there: written under a temporary name, synced, then renamed.

A reader sees the old content or the new, never a part of it, whenever the writer or the machine
stops. Temporary names are siblings of the target: `.name.<16 hex digits>.part`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Mapping
from pathlib import Path

if sys.platform == "darwin":
    import fcntl

STALE_SECONDS = 3600.0
_PART = re.compile(r"\.(?P<name>.*)\.[0-9a-f]{16}\.part")
_NAME_LENGTH = 48
_NOT_SYNCABLE = (errno.EINVAL, errno.ENOTSUP)


def write_whole(path: str | os.PathLike[str], *parts: bytes | memoryview) -> None:
    """Write the parts, one after another, as the file `path`, whole or not at all.

    Folders on the way are made. A symbolic link is followed and stays; the permissions of a file
    that is replaced stay.

    Raises:
        OSError: the file cannot be written, or `path` is something other than a file.
    """
    target = Path(os.path.realpath(path))
    _make_parents(target)
    replace_entry(target, *parts)


def check_writable(path: str | os.PathLike[str], *, make_folders: bool = True) -> None:
    """Look whether `write_whole` could write, before there is anything to write.

    Folders on the way are made, unless `make_folders` is False: then the last that is there is
    looked at.

    Raises:
        OSError: it could not.
    """
    target = Path(os.path.realpath(path))
    if make_folders:
        _make_parents(target)
    else:
        _check_parents(target)
    _check_file(target)
    there = next(folder for folder in target.parents if folder.exists())
    temporary = there / _temporary(target).name
    try:
        _write_new(temporary, ())
    finally:
        temporary.unlink(missing_ok=True)


def replace_entry(target: Path, *parts: bytes | memoryview) -> None:
    """As `write_whole`, for an entry of a folder that exists; a link itself is replaced.

    Raises:
        OSError: the file cannot be written, or `target` is something other than a file.
    """
    mode = _check_file(target)
    remove_stale_parts(target)
    temporary = _temporary(target)
    try:
        _write_new(temporary, parts)
        if mode is not None and stat.S_ISREG(mode):
            temporary.chmod(stat.S_IMODE(mode))
        rename(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a new folder with these files; it appears whole or not at all.

    Raises:
        OSError: it cannot be written, or `target` is there and is not empty.
    """
    _make_parents(target)
    remove_stale_parts(target)
    temporary = _temporary(target)
    try:
        try:
            temporary.mkdir()
        except OSError as error:
            raise _unwritable(target.parent, error) from error
        for name, data in files.items():
            _write_new(temporary / name, (data,))
        sync_folder(temporary)
        rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def rename(source: Path, target: Path) -> None:
    """Rename inside one folder, replacing `target`, and make the new name durable."""
    os.replace(source, target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable. Windows offers no such call and needs none."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _sync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync a folder; the file itself has been synced.
        if error.errno not in _NOT_SYNCABLE:
            raise
    finally:
        os.close(descriptor)


def is_part(name: str) -> bool:
    """Whether a file name is a temporary name of this module."""
    return _PART.fullmatch(name) is not None


def remove_stale_parts(target: Path) -> None:
    """Remove what writers of `target` that were killed over an hour ago have left."""
    before = time.time() - STALE_SECONDS
    with os.scandir(target.parent) as entries:
        parts = [entry for entry in entries if _is_part_of(entry.name, target)]
    for entry in parts:
        # Another writer may have renamed or removed it by now.
        with contextlib.suppress(FileNotFoundError):
            if entry.stat(follow_symlinks=False).st_mtime > before:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)


def read_bounded(path: Path, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes; size and kind are checked first.

    Raises:
        ValueError: it is larger, or no file.
        OSError: it cannot be read.
    """
    # Opening a pipe would wait for a writer, so its kind is asked for before.
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path.name} is not a regular file")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise ValueError(f"{path.name} has {size} bytes, more than the limit of {limit}")
        return file.read(size)


def reason(error: Exception) -> str:
    """What went wrong, without the number and the full path that an OSError says it with."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    named = f"{os.path.basename(error.filename)}: " if isinstance(error.filename, str) else ""
    return named + error.strerror


def _make_parents(target: Path) -> None:
    _check_parents(target)
    target.parent.mkdir(parents=True, exist_ok=True)


def _check_parents(target: Path) -> None:
    for parent in reversed(target.parents):
        if parent.exists() and not parent.is_dir():
            raise NotADirectoryError(
                errno.ENOTDIR, f"is a file, so {target.name} cannot be put below it", str(parent)
            )


def _is_part_of(name: str, target: Path) -> bool:
    match = _PART.fullmatch(name)
    return match is not None and match["name"] == target.name[:_NAME_LENGTH]


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name[:_NAME_LENGTH]}.{secrets.token_hex(8)}.part")


def _check_file(target: Path) -> int | None:
    """The mode of the file that would be replaced, None without one."""
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        raise OSError(errno.EEXIST, "not a file, so it is not replaced", str(target))
    return mode


def _write_new(path: Path, parts: tuple[bytes | memoryview, ...]) -> None:
    try:
        file = path.open("xb")
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    with file:
        for part in parts:
            file.write(part)
        file.flush()
        _sync(file.fileno())


def _unwritable(folder: Path, error: OSError) -> OSError:
    return OSError(error.errno, f"cannot write into the folder ({error.strerror})", str(folder))


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        # fsync of macOS leaves the data in the drive's cache.
        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
        except OSError as error:
            if error.errno not in _NOT_SYNCABLE:
                raise
    os.fsync(descriptor)
