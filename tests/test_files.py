"""Reading files: every compression format, every kind of damage, in bounded memory."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import pickle
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

if sys.version_info >= (3, 14):
    from compression import zstd

    def zst(data: bytes) -> bytes:
        return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})

    def new_zst_decompressor() -> Any:
        return zstd.ZstdDecompressor()

else:
    import zstandard

    def zst(data: bytes) -> bytes:
        return zstandard.ZstdCompressor(write_checksum=True).compress(data)

    def new_zst_decompressor() -> Any:
        return zstandard.ZstdDecompressor().decompressobj()


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def xz(data: bytes) -> bytes:
    return lzma.compress(data, preset=0)


def plain(data: bytes) -> bytes:
    return data


DECOMPRESSORS: dict[Callable[[bytes], bytes], Callable[[], Any]] = {
    gz: lambda: zlib.decompressobj(wbits=31),
    xz: lzma.LZMADecompressor,
    zst: new_zst_decompressor,
}

every_form = pytest.mark.parametrize("compress", [plain, gz, xz, zst])
every_compression = pytest.mark.parametrize("compress", [gz, xz, zst])

# These numbers were counted in the captures with grep.
QUEUE_EVENTS = 24_572
QUEUE_EVENTS_BYTES = 10_558_305
LIST_ACTIONS = 2_889
LIST_ACTIONS_BYTES = 896_519

BANNER = b"Asterisk Call Manager/11.0.0\r\n"


def event(name: str, size: int = 0) -> bytes:
    """A complete event, padded to `size` bytes."""
    head = f"Event: {name}\r\nPadding: ".encode()
    return head + b"x" * (size - len(head) - 4) + b"\r\n\r\n"


def count_whole(stream: bytes) -> int:
    """The number of messages in a part of the queue events, each of which ends with CRLF CRLF."""
    return stream.count(b"\r\n\r\n")


def read_until_error(ami: ModuleType, reader: Any) -> tuple[list[bytes], Any]:
    """The bytes of each message before the first error, and that error."""
    messages = []
    try:
        for message in reader:
            messages.append(message.raw)  # noqa: PERF401 - kept at an error
    except ami.AMIError as error:
        return messages, error
    return messages, None


class Recording(NamedTuple):
    """A stream of complete messages, and their number."""

    data: bytes
    messages: int


@pytest.fixture(
    scope="session",
    params=[pytest.param(8, id="part"), pytest.param(1, id="whole", marks=pytest.mark.heavy)],
)
def recording(request: pytest.FixtureRequest, queue_events: bytes) -> Recording:
    """The first eighth of the queue events; in heavy tests all of them."""
    end = queue_events.rindex(b"\r\n\r\n", 0, len(queue_events) // request.param) + 4
    return Recording(queue_events[:end], count_whole(queue_events[:end]))


@pytest.fixture(scope="session")
def queue_messages(ami: ModuleType, queue_events: bytes) -> list[bytes]:
    """The bytes of each message of the queue events."""
    return [message.raw for message in ami.Parser().feed(queue_events)]


@pytest.fixture
def save(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes, name: str = "recorded") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


# --- what is read -----------------------------------------------------------------------------


@every_form
def test_every_form_gives_every_message(ami, save, queue_events, compress):
    reader = ami.open(save(compress(queue_events)))
    events = Counter(message.name for message in reader)
    assert events.total() == reader.parser.messages == QUEUE_EVENTS
    assert events["CEL"] == 4605
    assert events["VarSet"] == 4089
    assert events["Hangup"] == 808
    assert events["OriginateResponse"] == 216
    assert reader.parser.bytes == QUEUE_EVENTS_BYTES
    assert reader.parser.malformed == 0
    assert reader.parser.banner == "Asterisk Call Manager/11.0.0"


@every_form
def test_lists_are_read_whole(ami, save, list_actions, compress):
    reader = ami.open(save(compress(list_actions)))
    kinds = Counter(type(message).__name__ for message in reader)
    assert kinds.total() == LIST_ACTIONS
    assert kinds["Response"] == 66 + 501
    assert kinds["CoreShowChannel"] == 354
    assert kinds["Status"] == 355
    assert reader.parser.bytes == LIST_ACTIONS_BYTES


@every_form
def test_nothing_in_the_name_tells_the_form(ami, save, compress):
    path = save(compress(BANNER + event("Hangup")), "recorded.gz.xz.zst.txt")
    assert [message.name for message in ami.open(path)] == ["Hangup"]


@every_form
def test_members_one_after_the_other_are_one_stream(ami, save, queue_events, compress):
    cut = QUEUE_EVENTS_BYTES // 3
    path = save(compress(queue_events[:cut]) + compress(b"") + compress(queue_events[cut:]))
    assert sum(1 for _ in ami.open(path)) == QUEUE_EVENTS


@every_compression
def test_many_small_members(ami, save, compress):
    path = save(b"".join(compress(event("Hangup")) for _ in range(3000)))
    assert sum(1 for _ in ami.open(path)) == 3000


@pytest.mark.parametrize("compress", [gz, xz])
def test_zero_bytes_between_members_and_after_them_are_padding(ami, save, compress):
    padding = bytes(200_000)
    path = save((compress(event("Hangup")) + padding) * 2)
    assert sum(1 for _ in ami.open(path)) == 2


def test_a_zst_file_may_begin_with_a_frame_to_skip(ami, save):
    skipped = b"\x5a\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"stuff"
    assert [message.name for message in ami.open(save(skipped + zst(event("Hangup"))))] == [
        "Hangup"
    ]


@pytest.mark.parametrize("data", [b"", b"\r\n", BANNER])
@every_form
def test_a_file_without_messages(ami, save, data, compress):
    assert list(ami.open(save(compress(data)))) == []


def test_only_what_was_asked_for(ami, save, queue_events):
    reader = ami.open(save(queue_events), only=[ami.core_events.Hangup, "CEL"])
    assert Counter(message.name for message in reader) == {"Hangup": 808, "CEL": 4605}
    assert reader.parser.skipped == QUEUE_EVENTS - 808 - 4605


def test_the_sample(ami):
    assert isinstance(ami.sample(), Path)
    reader = ami.open(ami.sample())
    events = Counter(message.name for message in reader)
    assert events.total() == 1500
    assert (events["VarSet"], events["Hangup"], events["QueueCallerJoin"]) == (272, 14, 12)


# --- where it is read from --------------------------------------------------------------------


def test_a_path_may_be_a_str(ami, save):
    assert len(list(ami.open(str(save(event("Hangup")))))) == 1


@every_form
def test_a_file_object_is_read_from_where_it_is_and_left_open(ami, compress):
    file = io.BytesIO(b"before" + compress(event("Hangup")))
    file.seek(6)
    with ami.open(file) as reader:
        assert [message.name for message in reader] == ["Hangup"]
    assert not file.closed


@every_form
def test_a_dash_is_standard_input(ami, monkeypatch, compress):
    standard_input = io.TextIOWrapper(io.BytesIO(compress(event("Hangup"))))
    monkeypatch.setattr(sys, "stdin", standard_input)
    with ami.open("-") as reader:
        assert [message.name for message in reader] == ["Hangup"]
    assert not standard_input.buffer.closed


def test_no_standard_input(ami, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(OSError, match="standard input is closed"):
        ami.open("-")


def test_messages_of_a_live_pipe_are_not_held_back(ami):
    read_end, write_end = os.pipe()
    with open(read_end, "rb") as file, open(write_end, "wb", buffering=0) as sender:
        sender.write(BANNER + event("Hangup"))
        reader = ami.open(file)
        assert next(reader).name == "Hangup"
        sender.write(event("Newchannel"))
        assert next(reader).name == "Newchannel"


def test_a_pipe_that_gives_its_first_bytes_one_by_one(ami):
    class Slow(io.RawIOBase):
        left = gz(event("Hangup"))

        def read(self, size: int = -1) -> bytes:
            piece, self.left = self.left[:1], self.left[1:]
            return piece

    assert [message.name for message in ami.open(Slow())] == ["Hangup"]


def test_a_missing_file(ami, tmp_path):
    with pytest.raises(FileNotFoundError):
        ami.open(tmp_path / "missing.ami")


def test_a_folder(ami, tmp_path):
    with pytest.raises(OSError, match=str(tmp_path)):
        ami.open(tmp_path)


def test_a_text_file_is_refused(ami, save):
    with open(save(event("Hangup"))) as file, pytest.raises(TypeError, match="binary mode"):
        ami.open(file)


@pytest.mark.parametrize("path", [None, 3, b"recorded"])
def test_what_is_no_file_is_refused(ami, path):
    with pytest.raises(TypeError, match="a path or a file object"):
        ami.open(path)


def test_a_wrong_selection_is_refused_before_the_file_is_opened(ami, tmp_path):
    with pytest.raises(TypeError, match="only="):
        ami.open(tmp_path / "missing.ami", only=[3])


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the standard library reads zst")
def test_zst_without_the_extra(ami, save, monkeypatch):
    path = save(zst(event("Hangup")))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(ami.MissingExtra, match=r'pip install "amistream\[zstd\]"'):
        ami.open(path)


# --- the reader -------------------------------------------------------------------------------


def test_the_reader_goes_on_where_it_was(ami, save):
    reader = ami.open(save(event("Hangup") + event("CEL") + event("Cdr") + event("Newstate")))
    assert next(reader).name == "Hangup"
    for message in reader:
        assert message.name == "CEL"
        break
    assert [message.name for message in reader] == ["Cdr", "Newstate"]
    assert next(reader, None) is None


def test_the_counters_are_those_of_what_was_read(ami, save, queue_events):
    reader = ami.open(save(queue_events))
    next(reader)
    assert 0 < reader.parser.bytes <= 1 << 16
    assert 0 < reader.parser.messages < 1000


def test_the_file_is_closed_at_the_end(ami, save):
    reader = ami.open(save(event("Hangup")))
    list(reader)
    assert reader._source._file.closed


def test_leaving_the_context_closes_the_file(ami, save, queue_events):
    with ami.open(save(queue_events)) as reader:
        next(reader)
    assert reader._source._file.closed
    assert next(reader, None) is None


def test_closing_ends_a_loop(ami, save, queue_events):
    reader = ami.open(save(queue_events))
    seen = 0
    for _ in reader:
        seen += 1
        reader.close()
    assert 0 < seen < 1000


# --- damage -----------------------------------------------------------------------------------


@every_compression
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
def test_a_truncated_file(ami, save, recording, queue_messages, compress, share):
    whole = compress(recording.data)
    cut = whole[: max(6, min(int(len(whole) * share), len(whole) - 1))]
    left = DECOMPRESSORS[compress]().decompress(cut)
    path = save(cut)

    messages, error = read_until_error(ami, ami.open(path))

    assert messages == queue_messages[: count_whole(left)]
    assert isinstance(error, ami.DamagedFile)
    assert error.path == str(path)
    assert error.offset == len(left)
    assert error.reason == "the compressed data ends early"


def test_a_truncated_file_has_most_of_its_messages(ami, save, queue_events):
    whole = gz(queue_events)
    messages, error = read_until_error(ami, ami.open(save(whole[: len(whole) // 2])))
    assert isinstance(error, ami.DamagedFile)
    assert QUEUE_EVENTS // 4 < len(messages) < QUEUE_EVENTS


def where_the_checksum_is(compress: Callable[[bytes], bytes], data: bytes) -> int:
    """The offset of a byte in the last checksum of the contents."""
    if compress is gz:
        return len(data) - 8
    if compress is zst:
        return len(data) - 4
    index_size = (int.from_bytes(data[-8:-4], "little") + 1) * 4
    return len(data) - 12 - index_size - 8


@every_compression
def test_a_wrong_checksum_comes_after_every_message(ami, save, recording, compress):
    data = bytearray(compress(recording.data))
    data[where_the_checksum_is(compress, data)] ^= 1

    messages, error = read_until_error(ami, ami.open(save(data)))

    assert len(messages) == recording.messages
    assert isinstance(error, ami.DamagedFile)
    assert error.offset == len(recording.data)


@every_compression
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_damage_in_the_middle(ami, save, recording, queue_messages, compress, share):
    data = bytearray(compress(recording.data))
    middle = int(len(data) * share)
    before = DECOMPRESSORS[compress]().decompress(data[: middle - 256])
    data[middle : middle + 8] = bytes(byte ^ 0x5A for byte in data[middle : middle + 8])

    with ami.open(save(data)) as reader:
        messages, error = read_until_error(ami, reader)
        sound = len(messages)
        while isinstance(error, ami.MessageTooLarge):
            _, error = read_until_error(ami, reader)

    assert sound >= count_whole(before)
    assert messages[: count_whole(before)] == queue_messages[: count_whole(before)]
    assert isinstance(error, ami.DamagedFile)
    assert error.offset >= len(before)


def test_gz_gives_all_that_comes_before_the_damage(ami, save, queue_events, queue_messages):
    """A stored block is not compressed, so it is known which bytes come before the damage."""
    first, second = queue_events[:30_000], queue_events[30_000:60_000]
    deflater = zlib.compressobj(level=0, wbits=31)
    data = deflater.compress(first) + deflater.flush(zlib.Z_FULL_FLUSH)
    damaged = data + b"\x07" + deflater.compress(second) + deflater.flush()

    messages, error = read_until_error(ami, ami.open(save(damaged)))

    assert messages == queue_messages[: count_whole(first)]
    assert isinstance(error, ami.DamagedFile)
    assert error.offset == 30_000


@every_compression
@pytest.mark.parametrize("rubbish", [b"rubbish" * 20, b"\x1f", b"\0\0\0rubbish"])
def test_rubbish_after_the_compressed_data(ami, save, recording, compress, rubbish):
    messages, error = read_until_error(ami, ami.open(save(compress(recording.data) + rubbish)))
    assert len(messages) == recording.messages
    assert isinstance(error, ami.DamagedFile)


@pytest.mark.parametrize("magic", [b"\x1f\x8b", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"])
def test_rubbish_after_the_first_bytes(ami, save, magic):
    messages, error = read_until_error(ami, ami.open(save(magic + b"\xff" * 100_000)))
    assert messages == []
    assert isinstance(error, ami.DamagedFile)
    assert error.offset == 0


@every_compression
def test_nothing_comes_after_damage(ami, save, compress):
    with ami.open(save(compress(event("Hangup"))[:-1])) as reader:
        with pytest.raises(ami.DamagedFile):
            list(reader)
        assert next(reader, None) is None
        assert list(reader) == []
        assert reader._source._file.closed


@every_form
def test_a_stream_that_ends_inside_a_message(ami, save, queue_events, queue_messages, compress):
    start = queue_events.index(b"Event: Hangup\r\n", 5_000_000)
    cut = queue_events[: start + 45]
    reader = ami.open(save(compress(cut)))

    messages, error = read_until_error(ami, reader)

    assert messages == queue_messages[: count_whole(cut)]
    assert isinstance(error, ami.TruncatedMessage)
    assert error.offset == start
    assert error.raw == cut[start:]
    assert next(reader, None) is None


# --- too large --------------------------------------------------------------------------------


@every_form
def test_reading_goes_on_after_a_message_that_is_too_large(ami, save, compress):
    stream = BANNER + event("First") + event("Second") + event("Huge", 200_000) + event("Last")
    reader = ami.open(save(compress(stream)), max_message=1000)

    messages, error = read_until_error(ami, reader)

    assert messages == [event("First"), event("Second")]
    assert isinstance(error, ami.MessageTooLarge)
    assert error.offset == stream.index(b"Event: Huge")
    assert error.limit == 1000
    assert error.messages == []
    assert [message.name for message in reader] == ["Last"]
    assert reader.parser.malformed == 1


def test_one_iterator_goes_on_too(ami, save):
    path = save(event("First") + event("Huge", 2000) + event("Last"))
    iterator = iter(ami.open(path, max_message=1000))
    assert next(iterator).name == "First"
    with pytest.raises(ami.MessageTooLarge):
        next(iterator)
    assert next(iterator).name == "Last"
    assert next(iterator, None) is None


def test_many_that_are_too_large_in_one_chunk(ami, save):
    reader = ami.open(save((event("Small") + event("Huge", 60)) * 500), max_message=50)
    small = errors = 0
    while True:
        try:
            if next(reader, None) is None:
                break
            small += 1
        except ami.MessageTooLarge:
            errors += 1
    assert (small, errors) == (500, 500)


def test_too_large_and_then_cut_off(ami, save):
    reader = ami.open(save(event("Huge", 2000) + event("Small") + b"Event: Cut"), max_message=1000)
    with pytest.raises(ami.MessageTooLarge):
        next(reader)
    assert next(reader).name == "Small"
    with pytest.raises(ami.TruncatedMessage):
        next(reader)
    assert next(reader, None) is None


@pytest.mark.parametrize(
    ("filling", "size"),
    [
        (bytes(1000), 100_000_000),
        pytest.param(b"A: b\r\n" * 1000, 3_000_000, marks=pytest.mark.heavy),
    ],
)
@every_compression
def test_a_bomb_stays_small_in_memory(ami, tmp_path, compress, filling, size):
    path = tmp_path / "bomb"
    path.write_bytes(compress(filling * (size // len(filling))) + compress(event("Last")))

    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy has none")
    tracemalloc.start()
    try:
        with ami.open(path, max_message=10_000, max_expansion=1 << 40) as reader:
            messages, error = read_until_error(ami, reader)
            rest = list(reader)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert messages == rest == []
    assert isinstance(error, ami.MessageTooLarge)
    assert peak < min(size // 10 * 9, 10_000_000)


@pytest.mark.parametrize(
    "filling", [bytes(1000), pytest.param(b"\r\n" * 1000, marks=pytest.mark.heavy)]
)
@pytest.mark.parametrize("compress", [pytest.param(xz, marks=pytest.mark.heavy), zst])
def test_a_bomb_is_not_read_on(ami, tmp_path, compress, filling):
    """No recording expands ten thousand times. The gz format cannot expand that much."""
    path = tmp_path / "bomb"
    path.write_bytes(compress(event("First") + filling * (220_000_000 // len(filling))))

    with ami.open(path) as reader:
        assert next(reader).name == "First"
        bomb = None
        while bomb is None:
            messages, error = read_until_error(ami, reader)
            assert messages == []
            bomb = error if isinstance(error, ami.ExpandsTooMuch) else None
        assert list(reader) == []

    assert (bomb.path, bomb.limit, bomb.offset) == (str(path), 1000, reader.parser.bytes)
    assert 1 << 26 < bomb.offset < 200_000_000
    assert str(bomb).startswith(f"{path} expands to more than max_expansion=1000 times its size")
    copied = pickle.loads(pickle.dumps(bomb))
    assert (str(copied), vars(copied)) == (str(bomb), vars(bomb))


@every_compression
def test_a_small_file_may_expand_as_it_likes(ami, save, compress):
    path = save(compress(event("A") + 20_000_000 * b"\n" + event("B")))
    assert [message.name for message in ami.open(path, max_expansion=1)] == ["A", "B"]


@pytest.mark.parametrize(
    ("limit", "error"), [(0, ValueError), (-1, ValueError), (True, TypeError), (1.5, TypeError)]
)
def test_an_expansion_that_is_none(ami, save, limit, error):
    with pytest.raises(error, match="max_expansion"):
        ami.open(save(event("A")), max_expansion=limit)


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyPy cannot write such a file")
@pytest.mark.heavy
def test_an_xz_file_that_wants_much_memory(ami, save):
    """Its header asks for a dictionary of 1 GiB, which must not be allocated."""
    filters = [
        {"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30, "mode": lzma.MODE_FAST, "nice_len": 8}
    ]
    path = save(lzma.compress(event("A"), filters=filters))
    with ami.open(path) as reader:
        messages, error = read_until_error(ami, reader)
    assert messages == []
    assert isinstance(error, ami.DamagedFile)
    assert "emory usage limit" in error.reason


@every_form
def test_the_parsers_bounds_are_open_s_too(ami, save, compress):
    path = save(compress(event("Huge", 2000) + event("Small")))
    for setting, limit in (("max_message", 1000), ("max_line", 1000), ("max_headers", 1)):
        with ami.open(path, **{setting: limit}) as reader:
            messages, error = read_until_error(ami, reader)
        assert messages == []
        assert (error.setting, error.limit, error.offset) == (setting, limit, 0)


# --- progress ---------------------------------------------------------------------------------


@every_form
def test_progress_ends_at_the_files_size(ami, save, queue_events, compress):
    path = save(compress(queue_events))
    calls: list[tuple[int, int | None]] = []
    for _ in ami.open(path, on_progress=lambda done, size: calls.append((done, size))):
        pass
    size = path.stat().st_size
    assert {total for _, total in calls} == {size}
    done = [read for read, _ in calls]
    assert done == sorted(done)
    assert done[-1] == size
    assert len(calls) >= QUEUE_EVENTS_BYTES >> 16


def test_progress_of_what_has_no_size(ami):
    calls: list[tuple[int, int | None]] = []
    stream = event("Hangup") * 10_000
    reader = ami.open(io.BytesIO(stream), on_progress=lambda *call: calls.append(call))
    assert len(list(reader)) == 10_000
    assert {total for _, total in calls} == {None}
    assert calls[-1][0] == len(stream)


def test_progress_of_an_open_file_counts_from_where_it_is(ami, save):
    calls: list[tuple[int, int | None]] = []
    stream = event("Hangup") * 2
    with open(save(stream), "rb") as file:
        file.seek(len(event("Hangup")))
        assert len(list(ami.open(file, on_progress=lambda *call: calls.append(call)))) == 1
    assert calls == [(len(stream) // 2, len(stream) // 2)]


def test_an_error_of_the_callback_ends_the_reading(ami, save):
    def stop(done: int, size: int | None) -> None:
        raise InterruptedError("enough")

    reader = ami.open(save(event("Hangup")), on_progress=stop)
    assert next(reader).name == "Hangup"
    with pytest.raises(InterruptedError, match="enough"):
        next(reader)
    assert reader._source._file.closed
