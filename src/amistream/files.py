"""Files of recorded streams: plain, gz, xz or zst, or standard input, read in bounded memory."""

from __future__ import annotations

import builtins
import importlib.resources
import io
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol

from amistream._impl import Parser
from amistream.errors import DamagedFile, ExpandsTooMuch, MessageTooLarge, MissingExtra

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from amistream.messages import Message

__all__ = ["Reader", "open", "sample"]

CHUNK = 1 << 16
"""How much is read, decompressed or parsed at once, in bytes."""
PIECE = 64
"""How much of an xz or zst file is decompressed at once, in bytes: an error takes with it what the
same call had made, and zstandard sets a call no other limit."""

MOST_EXPANSION = 1000
EXPANDS_FREELY = 1 << 26
"""How much a file may make before what it expands to is measured, in bytes."""
MOST_MEMORY = 1 << 27
"""What decompressing may take, in bytes; zstandard has the same bound of its own."""

Progress = Callable[[int, int | None], object]


class Reader:
    """The messages of a file, one after the other; also a context manager, which closes it.

    parser: its counters tell what was read so far, its `banner` who sent it.
    """

    def __init__(self, source: _Source, parser: Parser, on_progress: Progress | None) -> None:
        self.parser = parser
        self._source = source
        # chain goes on after an error that one of its iterables raised, so MessageTooLarge does
        # not end it, and no Python code runs for a message.
        self._messages = chain.from_iterable(_batches(source, parser, on_progress))

    def __iter__(self) -> Iterator[Message]:
        return self._messages

    def __next__(self) -> Message:
        return next(self._messages)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the reading; the file is closed too if it was opened here."""
        self._messages = chain()
        self._source.close()


def open(
    path: str | os.PathLike[str] | BinaryIO,
    *,
    only: Any = None,
    max_message: int = 1 << 20,
    max_line: int = 1 << 18,
    max_headers: int = 1 << 17,
    max_expansion: int = MOST_EXPANSION,
    on_progress: Progress | None = None,
) -> Reader:
    """Read the messages of a recorded stream.

    path: a file's path, "-" for standard input, or a file object opened in binary mode. What it
        is compressed with (gz, xz, zst or nothing) is seen by its first bytes.
    only, max_message, max_line, max_headers: as for Parser.
    max_expansion: how many bytes each byte of a compressed file may make, on the whole and after
        the first 64 MiB.
    on_progress: called after every chunk with the bytes of the file read so far, and its size or
        None if that is unknown.

    While reading, every whole message before an error is given first. DamagedFile: compressed
    data that cannot be read on. ExpandsTooMuch: compressed data past `max_expansion`.
    TruncatedMessage: the end lies inside a message. MessageTooLarge: a message past a bound;
    reading on gives the messages after it.
    """
    parser = Parser(only, max_message, max_line, max_headers)
    return Reader(_Source(path, _checked(max_expansion)), parser, on_progress)


def _checked(max_expansion: int) -> int:
    if isinstance(max_expansion, bool) or not isinstance(max_expansion, int):
        raise TypeError(f"max_expansion is a number of bytes, not {max_expansion!r}")
    if max_expansion < 1:
        raise ValueError(f"max_expansion must be at least 1, not {max_expansion}")
    return max_expansion


def sample() -> Path:
    """The path of a small recorded stream that comes with the package."""
    return Path(str(importlib.resources.files("amistream") / "sample.ami.gz"))


def standard_input() -> BinaryIO:
    """Standard input in binary; OSError if there is none."""
    if sys.stdin is None:
        raise OSError("standard input is closed")
    return sys.stdin.buffer


def _batches(
    source: _Source, parser: Parser, on_progress: Progress | None
) -> Iterator[Iterable[Message]]:
    """The messages as they are found; an error that ends nothing comes as a batch that raises."""
    try:
        while chunk := source.read():
            yield from _feed(parser, chunk)
            if on_progress is not None:
                on_progress(source.done, source.size)
        if source.closed:
            return
        if source.expands_too_much:
            raise ExpandsTooMuch(source.name, parser.bytes, source.max_expansion)
        if source.damage is not None:
            raise DamagedFile(source.name, parser.bytes, source.damage)
        yield parser.close()
    finally:
        source.close()


def _feed(parser: Parser, chunk: bytes) -> Iterator[Iterable[Message]]:
    found, error = _try_feed(parser, chunk)
    yield found
    while error is not None:
        yield _raise(error)
        found, error = _try_feed(parser, b"")
        yield found


def _try_feed(parser: Parser, chunk: bytes) -> tuple[list[Message], MessageTooLarge | None]:
    try:
        return parser.feed(chunk), None
    except MessageTooLarge as error:
        return error.messages, MessageTooLarge(error.offset, error.limit, setting=error.setting)


def _raise(error: Exception) -> Iterator[Message]:
    raise error
    yield


class _Source:
    """A file's bytes, decompressed, in chunks.

    done, size: how much of the file was read, and how much there is if that is known.
    damage, expands_too_much: why the bytes end before the file does.
    """

    def __init__(
        self, path: str | os.PathLike[str] | BinaryIO, max_expansion: int = MOST_EXPANSION
    ) -> None:
        self._file, self.name, self._is_own = _open_file(path)
        self.closed = False
        self.done = 0
        self.size = _size(self._file)
        self.damage: str | None = None
        self.max_expansion = max_expansion
        self.expands_too_much = False
        self._made = 0
        self._ahead = b""
        self._compressed: _Compressed | None = None
        try:
            self._look_ahead()
        except BaseException:
            self.close()
            raise

    def read(self) -> bytes:
        """The next chunk; nothing at the end, at the damage, or when closed."""
        if self.closed or self.damage is not None or self.expands_too_much:
            return b""
        if self._compressed is None:
            return self._read_file()
        chunk, self.damage = self._compressed.read()
        self._made += len(chunk)
        if self._made > EXPANDS_FREELY + self.max_expansion * self.done:
            self.expands_too_much = True
            return b""
        return chunk

    def close(self) -> None:
        self.closed = True
        if self._is_own:
            self._file.close()

    def _look_ahead(self) -> None:
        """Read as much as tells the compression."""
        while len(self._ahead) < LONGEST_MAGIC and (more := self._read_some()):
            self._ahead += more
        for magic, get_format in FORMATS.items():
            if self._ahead.startswith(magic):
                self._compressed = _Compressed(self._read_file, get_format())
                return

    def _read_file(self) -> bytes:
        data, self._ahead = self._ahead or self._read_some(), b""
        self.done += len(data)
        return data

    def _read_some(self) -> bytes:
        """What is there already, so that a live pipe's messages are not held back."""
        read = getattr(self._file, "read1", self._file.read)
        data = read(CHUNK)
        if not isinstance(data, bytes):
            raise TypeError(f"{self.name} must be a blocking file opened in binary mode")
        return data


def _open_file(path: str | os.PathLike[str] | BinaryIO) -> tuple[BinaryIO, str, bool]:
    """The file, its name for messages, and whether it was opened here."""
    if path == "-":
        return standard_input(), "<stdin>", False
    if isinstance(path, str | os.PathLike):
        return builtins.open(path, "rb"), os.fspath(path), True
    if not hasattr(path, "read"):
        raise TypeError(f"open() takes a path or a file object, not {type(path).__name__}")
    return path, str(getattr(path, "name", "<stream>")), False


def _size(file: BinaryIO) -> int | None:
    """How many bytes a regular file has left."""
    if not isinstance(getattr(file, "raw", file), io.FileIO):
        return None
    status = os.fstat(file.fileno())
    return status.st_size - file.tell() if stat.S_ISREG(status.st_mode) else None


# --- compression ------------------------------------------------------------------------------


class _Decompressor(Protocol):
    """What the standard library's decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Format(NamedTuple):
    """How a compressed format is read.

    start: makes what reads one member. error: what it raises at damage.
    in_pieces: whether it is given a piece at once, or all there is.
    """

    start: Callable[[], _Decompressor]
    error: type[Exception]
    in_pieces: bool


class _Compressed:
    """What the compressed members of a file hold together."""

    def __init__(self, read_file: Callable[[], bytes], format: _Format) -> None:
        self._read_file = read_file
        self._format = format
        self._data = b""
        self._at = 0
        self._member: _Decompressor | None = None

    def read(self) -> tuple[bytes, str | None]:
        """At most a chunk, and what damage came after it."""
        pieces: list[bytes] = []
        missing = CHUNK
        try:
            while missing and (member := self._find_member()) is not None:
                piece = self._decompress(member, missing)
                pieces.append(piece)
                missing -= len(piece)
        except (EOFError, self._format.error) as error:
            return b"".join(pieces), str(error)
        return b"".join(pieces), None

    def _find_member(self) -> _Decompressor | None:
        """The member to read on in; zero bytes between members are padding."""
        if self._member is not None:
            if not self._member.eof:
                return self._member
            self._at -= len(self._member.unused_data)
            self._member = None
        while self._fill():
            if self._data[self._at]:
                self._member = self._format.start()
                break
            self._data, self._at = self._data[self._at :].lstrip(b"\0"), 0
        return self._member

    def _decompress(self, member: _Decompressor, limit: int) -> bytes:
        if not member.needs_input:
            return member.decompress(b"", limit)
        if not self._fill():
            raise EOFError("the compressed data ends early")
        start = self._at
        self._at += self._piece_size(len(self._data) - start)
        return member.decompress(self._data[start : self._at], limit)

    def _piece_size(self, left: int) -> int:
        if not self._format.in_pieces:
            return left
        # The last bytes go one by one, as the data's own end and a wrong checksum may be there.
        return min(left - PIECE, PIECE) if left > PIECE else 1

    def _fill(self) -> bool:
        """Whether there is compressed data left, which is read if need be."""
        if self._at == len(self._data):
            self._data, self._at = self._read_file(), 0
        return bool(self._data)


class _Gzip:
    """zlib's decompressor, with the interface of the others."""

    def __init__(self) -> None:
        import zlib

        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        self._error = zlib.error
        self._input = b""
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """An error loses what the same call had made, so its input is halved till it is found."""
        data = data or self._input
        size = len(data)
        while True:
            before = self._inflate.copy()
            try:
                made = self._inflate.decompress(data[:size], max_length)
                break
            except self._error:
                if size <= 1:
                    raise
                self._inflate, size = before, size // 2
        self._input = self._inflate.unconsumed_tail + data[size:]
        self.needs_input = not self._input and len(made) < max_length
        return made


def _gzip() -> _Format:
    import zlib

    return _Format(_Gzip, zlib.error, in_pieces=False)


def _xz() -> _Format:
    import lzma

    def start() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY)

    return _Format(start, lzma.LZMAError, in_pieces=True)


if sys.version_info >= (3, 14):

    def _zstd() -> _Format:
        from compression import zstd

        return _Format(zstd.ZstdDecompressor, zstd.ZstdError, in_pieces=True)

else:

    class _Zstandard:
        """zstandard's decompressor, with the interface of the others."""

        def __init__(self) -> None:
            import zstandard

            self._inflate = zstandard.ZstdDecompressor().decompressobj()
            self._made = io.BytesIO()
            self.needs_input = True

        @property
        def eof(self) -> bool:
            return self._inflate.eof and self.needs_input

        @property
        def unused_data(self) -> bytes:
            return self._inflate.unused_data

        def decompress(self, data: bytes, max_length: int) -> bytes:
            if data:
                self._made = io.BytesIO(self._inflate.decompress(data))
            piece = self._made.read(max_length)
            self.needs_input = len(piece) < max_length
            return piece

    def _zstd() -> _Format:
        try:
            import zstandard
        except ImportError as error:
            raise MissingExtra("reading .zst files", "zstd") from error
        return _Format(_Zstandard, zstandard.ZstdError, in_pieces=True)


FORMATS: dict[bytes, Callable[[], _Format]] = {
    b"\x1f\x8b": _gzip,
    b"\xfd7zXZ\0": _xz,
    b"\x28\xb5\x2f\xfd": _zstd,
    # A zst file may begin with a frame to be skipped, as those of parallel compressors do.
    **{bytes([first]) + b"*M\x18": _zstd for first in range(0x50, 0x60)},
}
LONGEST_MAGIC = max(map(len, FORMATS))
