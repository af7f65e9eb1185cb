"""Where imported games come from: files, folders, patterns or standard input, packed or not.

How a file is packed is found out from its first bytes, not from its name. Text comes in pieces of
at most 1 MiB, so that a file of any size takes the same memory.
"""

import bz2
import glob
import importlib
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any

PIECE_BYTES = 1 << 20
_READ_BYTES = 1 << 16
GAME_ENDINGS = (".pgn", ".sgf")
PACKED_ENDINGS = ("", ".gz", ".bz2", ".xz", ".zst")
_UNSUPPORTED = {
    b"PK\x03\x04": "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
}


class ImportFilesError(ValueError):
    """Files that cannot be imported: what was expected, what came, what to do."""

    exit_status = 2


class UnreadableTextError(ValueError):
    """A file whose text cannot be read, or not to its end; the message does not name the file."""


@dataclass(frozen=True)
class Source:
    """One text to import."""

    name: str
    """For people."""
    path: Path | None
    """None: standard input."""

    @property
    def is_file(self) -> bool:
        """It can be read again from its start; standard input and pipes cannot."""
        return self.path is not None and self.path.is_file()

    @property
    def size_bytes(self) -> int:
        """As it lies there; 0 if that is unknown."""
        try:
            return self.path.stat().st_size if self.path is not None else 0
        except OSError:
            return 0


def find_sources(words: Sequence[str]) -> list[Source]:
    """The files that are meant, each once: of a folder all games, at any depth, sorted by name.

    Args:
      words: paths of files and folders, patterns with * or ?, or "-", standard input.
    Raises: ImportFilesError naming the word that means nothing.
    """
    sources: dict[str, Source] = {}
    for word in words:
        if word == "-":
            sources.setdefault("-", Source("standard input", None))
            continue
        path = Path(word)
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if _is_game_file(p.relative_to(path)))
            if not found:
                endings = " or ".join(GAME_ENDINGS)
                raise ImportFilesError(
                    f"{word}: no file in this folder ends in {endings} (or such with .gz, .bz2, "
                    ".xz, .zst)"
                )
        elif path.exists():
            found = [path]
        elif glob.has_magic(word):
            found = [Path(p) for p in sorted(glob.glob(word, recursive=True))]
            found = [p for p in found if p.is_file()]
            if not found:
                raise ImportFilesError(f"{word}: no file has such a name")
        else:
            raise ImportFilesError(f"{word}: no such file or folder")
        for path in found:
            sources.setdefault(str(path.resolve()), Source(str(path), path))
    return list(sources.values())


def _is_game_file(relative: Path) -> bool:
    if any(part.startswith(".") for part in relative.parts):
        return False
    name = relative.name.lower()
    return any(name.endswith(e + packed) for e in GAME_ENDINGS for packed in PACKED_ENDINGS)


class Text:
    """The unpacked text of a source, from its start."""

    def __init__(self, source: Source, on_read: Callable[[int], None] = lambda _: None) -> None:
        """Opens it.

        Args:
          on_read: told how many bytes, as they lie in the file, were read.
        Raises: UnreadableTextError.
        """
        try:
            if source.path is None:
                self._file: IO[bytes] = sys.stdin.buffer
            else:
                self._file = source.path.open("rb")
        except OSError as error:
            raise UnreadableTextError(f"cannot be opened: {error.strerror}") from None
        self._on_read = on_read
        self._is_ours = source.path is not None
        self._pieces = self._unpacked()

    def __enter__(self) -> "Text":
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_ours:
            self._file.close()

    def read(self) -> bytes:
        """The next piece, of 1 byte to about 1 MiB; empty at the end.

        Raises: UnreadableTextError where the file is damaged or cut; what came before is good.
        """
        return next(self._pieces, b"")

    def _read_file(self, num_bytes: int) -> bytes:
        try:
            data = self._file.read(num_bytes)
        except OSError as error:
            raise UnreadableTextError(f"cannot be read: {error.strerror}") from None
        self._on_read(len(data))
        return data

    def _unpacked(self) -> Iterator[bytes]:
        head = self._read_file(_READ_BYTES)
        for magic, what in _UNSUPPORTED.items():
            if head.startswith(magic):
                raise UnreadableTextError(f"is {what}: unpack it first, or pack it with gzip")
        make = _decoder_of(head)
        if make is None:
            while head:
                yield head
                head = self._read_file(PIECE_BYTES)
            return
        decoder, data = make(), head
        while True:
            if decoder.eof:
                data = decoder.unused_data or self._read_file(_READ_BYTES)
                if not data.strip(b"\0"):  # gzip allows zeros at the end
                    return
                decoder = make()
            elif decoder.needs_input and not data:
                data = self._read_file(_READ_BYTES)
                if not data:
                    raise UnreadableTextError(
                        "ends in the middle of its compressed data: it was cut; copy it again"
                    )
            try:
                text = decoder.decompress(data, PIECE_BYTES)
            except Exception as error:  # each of the libraries has errors of its own
                reason = " ".join(str(error).split())[:200] or type(error).__name__
                raise UnreadableTextError(
                    f"is damaged: its compressed data cannot be read ({reason}); copy it again"
                ) from None
            data = b""
            if text:
                yield text


class _Gzip:
    """zlib's object with the face of those of bz2, lzma and compression.zstd."""

    def __init__(self) -> None:
        self._object = zlib.decompressobj(wbits=31)
        self.needs_input = True

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        text = self._object.decompress(self._object.unconsumed_tail + data, max_length)
        self.needs_input = not self._object.unconsumed_tail and len(text) < max_length
        return text

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data


def _decoder_of(head: bytes) -> Callable[[], Any] | None:
    """What makes a decoder of one member; None for plain text."""
    if head.startswith(b"\x1f\x8b"):
        return _Gzip
    if head.startswith(b"BZh"):
        return bz2.BZ2Decompressor
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor
    # A frame, or one of those that hold no data and may come first.
    if head.startswith(b"\x28\xb5\x2f\xfd") or (
        len(head) >= 4 and 0x184D2A50 <= int.from_bytes(head[:4], "little") <= 0x184D2A5F
    ):
        make: Callable[[], Any] = _zstd().ZstdDecompressor
        return make
    return None


def _zstd() -> ModuleType:
    """Python's own module (from 3.14 on), or the same as a package."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise UnreadableTextError(
        "is packed with zstd, which this Python does not know: pip install 'zerofleet[zstd]', or "
        "unpack it first"
    )
