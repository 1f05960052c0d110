"""Reads recorded streams: plain, gz, xz or zst files, or standard input, in bounded memory."""

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
"""The most bytes to read, decompress or parse in one step."""
PIECE = 64
"""The most bytes of an xz or zst file to decompress in one call. The output of a call is lost if it
raises an error, and zstandard has no other way to limit the output of a call."""

MOST_EXPANSION = 1000
EXPANDS_FREELY = 1 << 26
"""The most bytes of output for which the expansion is not checked."""
MOST_MEMORY = 1 << 27
"""The most memory for decompression, in bytes; zstandard itself has the same limit."""

Progress = Callable[[int, int | None], object]


class Reader:
    """An iterator over the messages of a file; also a context manager, which closes the file.

    parser: has the counters of what was read so far, and the `banner` of the stream.
    """

    def __init__(self, source: _Source, parser: Parser, on_progress: Progress | None) -> None:
        self.parser = parser
        self._source = source
        # A chain can be read on after one of its iterables raised an error, so MessageTooLarge
        # does not end it. No Python code runs for each message.
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
        """Stop reading. A file that `open` opened is closed."""
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

    path: a file's path, "-" for standard input, or a file object opened in binary mode. The first
        bytes show the compression: gz, xz, zst or none.
    only, max_message, max_line, max_headers: as for Parser.
    max_expansion: how many bytes each byte of a compressed file may expand to, on average. The
        first 64 MiB of output are not checked.
    on_progress: called after every chunk with the number of bytes of the file read so far, and
        the size of the file, or None if the size is not known.

    Reading raises an error only after every whole message before it was returned. DamagedFile:
    the compressed data is damaged. ExpandsTooMuch: the compressed data expands to more than
    `max_expansion` allows. TruncatedMessage: the stream ends inside a message. MessageTooLarge: a
    message is over a bound; the reader can be read on after it.
    """
    parser = Parser(only, max_message, max_line, max_headers)
    return Reader(_Source(path, _check_expansion(max_expansion)), parser, on_progress)


def _check_expansion(max_expansion: int) -> int:
    if isinstance(max_expansion, bool) or not isinstance(max_expansion, int):
        raise TypeError(f"max_expansion is a number of bytes, not {max_expansion!r}")
    if max_expansion < 1:
        raise ValueError(f"max_expansion must be at least 1, not {max_expansion}")
    return max_expansion


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The whole content of a recorded stream, decompressed. DamagedFile, ExpandsTooMuch."""
    source = _Source(path)
    try:
        data = b"".join(iter(source.read, b""))
        if source.damage is not None:
            raise DamagedFile(source.name, len(data), source.damage)
        if source.expands_too_much:
            raise ExpandsTooMuch(source.name, len(data), source.max_expansion)
        return data
    finally:
        source.close()


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
    """Batches of messages. A batch that raises is an error after which reading can go on."""
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
    """The decompressed bytes of a file, in chunks.

    done, size: the bytes of the file that were read, and its size, or None if it is not known.
    damage, expands_too_much: why the bytes end before the end of the file.
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
            self._detect_format()
        except BaseException:
            self.close()
            raise

    def read(self) -> bytes:
        """The next chunk; empty at the end, after damage, and when closed."""
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

    def _detect_format(self) -> None:
        """Read the first bytes and detect the compression."""
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
        """Read what is available, so that messages of a live pipe are not delayed."""
        read = getattr(self._file, "read1", self._file.read)
        data = read(CHUNK)
        if not isinstance(data, bytes):
            raise TypeError(f"{self.name} must be a blocking file opened in binary mode")
        return data


def _open_file(path: str | os.PathLike[str] | BinaryIO) -> tuple[BinaryIO, str, bool]:
    """The file, its name for error messages, and whether this function opened it."""
    if path == "-":
        return standard_input(), "<stdin>", False
    if isinstance(path, str | os.PathLike):
        return builtins.open(path, "rb"), os.fspath(path), True
    if not hasattr(path, "read"):
        raise TypeError(f"open() takes a path or a file object, not {type(path).__name__}")
    return path, str(getattr(path, "name", "<stream>")), False


def _size(file: BinaryIO) -> int | None:
    """How many bytes of a regular file are left to read; None for other files."""
    if not isinstance(getattr(file, "raw", file), io.FileIO):
        return None
    status = os.fstat(file.fileno())
    return status.st_size - file.tell() if stat.S_ISREG(status.st_mode) else None


# --- compression ------------------------------------------------------------------------------


class _Decompressor(Protocol):
    """The interface of the standard library's decompressors."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Format(NamedTuple):
    """How to read a compressed format.

    start: makes the decompressor of one member. error: what it raises for damaged data.
    in_pieces: whether it gets its input in pieces of at most PIECE bytes.
    """

    start: Callable[[], _Decompressor]
    error: type[Exception]
    in_pieces: bool


class _Compressed:
    """Decompresses the members of a file, one after another."""

    def __init__(self, read_file: Callable[[], bytes], format: _Format) -> None:
        self._read_file = read_file
        self._format = format
        self._data = b""
        self._at = 0
        self._member: _Decompressor | None = None

    def read(self) -> tuple[bytes, str | None]:
        """At most a chunk, and the description of the damage after it, or None."""
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
        """The decompressor of the current member, or None at the end. Skips zero padding."""
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
        # The last bytes are given one by one: the end of the data and its checksum are there, and
        # a wrong checksum must not take the last output with it.
        return min(left - PIECE, PIECE) if left > PIECE else 1

    def _fill(self) -> bool:
        """Read more compressed data if there is none. Returns whether there is any."""
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
        """Decompress. A failing call loses its output, so it is repeated with half the input."""
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
    # A zst file may begin with a skippable frame; parallel compressors write one.
    **{bytes([first]) + b"*M\x18": _zstd for first in range(0x50, 0x60)},
}
LONGEST_MAGIC = max(map(len, FORMATS))
