"""A WebM file of one track, written front to back while the track is being received (webmproject.org/docs/container).

    EBML header | Segment, size unknown
                    Void, later SeekHead | Info with a Void, later Duration | Tracks         <- the init segment
                    Cluster (size unknown, patched when it ends): Timestamp, SimpleBlock, ..., SimpleBlock or BlockGroup
                    Cluster ...
                    Cues                                                                     <- only once closed

Nothing before the end of the file changes while it grows, except the size of the cluster that has just ended. So a
file cut off anywhere is a valid prefix plus a torn tail (scan finds the cut, repair mends it), and a finished cluster
can be served while the next one is being written. `close` appends Cues and fills the gaps left at the front; nothing
is moved or copied, however long the track.

Clusters are what a player fetches, so they begin at a keyframe where possible: at the first one after 2 s, or after
5 s without any. A player gets them one by one and has to guess how long the last picture of each lasts; where it
guesses too little, its buffer has a hole and playback stands still. So that picture is a BlockGroup, which says so:
a picture is written when the next one comes. Times are milliseconds from the start of the file, never backwards.

What is *not* here: which frame gets which time (pace), which track belongs where (manifest).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from recordings.disk import DiskFile
from recordings.ebml import UNKNOWN_SIZE, double, element, size_of, uint, void

CLUSTER_MS = 2_000
"""What a player fetches at once, and what a latecomer waits for at least."""

CLUSTER_MAX_MS = 5_000
"""The recorder asks for a keyframe every 4 s; a sender that gives none must not hold a cluster back for ever."""

EBML_HEADER = b"\x1a\x45\xdf\xa3"
SEGMENT = b"\x18\x53\x80\x67"
SEEK_HEAD = b"\x11\x4d\x9b\x74"
INFO = b"\x15\x49\xa9\x66"
DURATION = b"\x44\x89"
TRACKS = b"\x16\x54\xae\x6b"
TRACK_ENTRY = b"\xae"
CODEC_ID = b"\x86"
CLUSTER = b"\x1f\x43\xb6\x75"
TIMESTAMP = b"\xe7"
SIMPLE_BLOCK = b"\xa3"
BLOCK_GROUP = b"\xa0"
BLOCK = b"\xa1"
BLOCK_DURATION = b"\x9b"
REFERENCE_BLOCK = b"\xfb"
CUES = b"\x1c\x53\xbb\x6b"

TRACK_NUMBER = 1
BLOCK_HEAD = size_of(TRACK_NUMBER)
KEYFRAME = 0x80

SEEK_HEAD_LENGTH = 68  # three entries of 21 bytes: id, positions as eight bytes
DURATION_LENGTH = 11
CLUSTER_HEAD = len(CLUSTER) + len(UNKNOWN_SIZE)

PICTURE_MS = 33
PICTURE_MAX_MS = 1_000


class Sound(Struct, frozen=True):
    """Opus, as WebRTC sends it: always announced as stereo, mono packets included (RFC 7587 7)."""


class Picture(Struct, frozen=True):
    """The size is the first keyframe's; a later one may differ, players follow the keyframes.

    `setup` is what the decoder must know beforehand: nothing but for H.264 (server/media/rtp/h264.py).
    """

    width: int
    height: int
    codec: str = "vp8"
    setup: bytes = b""


Form = Sound | Picture

CODECS = {"opus": "A_OPUS", "vp8": "V_VP8", "vp9": "V_VP9", "h264": "V_MPEG4/ISO/AVC"}
"""The codec of a frame (server/media/tap.py), and what Matroska calls it (matroska.org/technical/codec_specs.html)."""


class Cluster(Struct, frozen=True, array_like=True):
    """A whole cluster in a file: `size` bytes at `offset`, from `t_ms` on. JSON: [t_ms, offset, size, keyframe]."""

    t_ms: int
    offset: int
    size: int
    keyframe: bool


class Front(Struct, frozen=True):
    """Where in a file the things are that `seal` fills in, as byte offsets."""

    segment: int
    """Of the Segment's payload: Matroska counts positions from here."""
    seek_head: int
    info: int
    duration: int
    tracks: int
    end: int
    """Of the init segment: where the first cluster begins."""


def front(form: Form) -> tuple[bytes, Front]:
    """The bytes up to the first cluster, and where the gaps in them are.

    WebM knows no H.264: such a file says that it is Matroska, and is the same otherwise.
    """
    kind = b"matroska" if isinstance(form, Picture) and form.codec == "h264" else b"webm"
    header = element(
        EBML_HEADER,
        uint(b"\x42\x86", 1)  # EBMLVersion, EBMLReadVersion, EBMLMaxIDLength, EBMLMaxSizeLength
        + uint(b"\x42\xf7", 1)
        + uint(b"\x42\xf2", 4)
        + uint(b"\x42\xf3", 8)
        + element(b"\x42\x82", kind)  # DocType, its version, and the oldest reader that will do
        + uint(b"\x42\x87", 4)
        + uint(b"\x42\x85", 2),
    )
    segment = header + SEGMENT + UNKNOWN_SIZE
    before_duration = uint(b"\x2a\xd7\xb1", 1_000_000)  # TimestampScale: milliseconds
    names = element(b"\x4d\x80", b"bichron") + element(b"\x57\x41", b"bichron")  # MuxingApp, WritingApp
    info = element(INFO, before_duration + void(DURATION_LENGTH) + names)
    info_at = len(segment) + SEEK_HEAD_LENGTH
    duration_at = info_at + len(info) - len(names) - DURATION_LENGTH
    tracks = element(TRACKS, element(TRACK_ENTRY, _track(form)))
    octets = segment + void(SEEK_HEAD_LENGTH) + info + tracks
    where = Front(
        segment=len(segment),
        seek_head=len(segment),
        info=info_at,
        duration=duration_at,
        tracks=info_at + len(info),
        end=len(octets),
    )
    return octets, where


def _track(form: Form) -> bytes:
    head = uint(b"\xd7", TRACK_NUMBER) + uint(b"\x73\xc5", 1) + uint(b"\x9c", 0)  # TrackNumber, TrackUID, FlagLacing
    match form:
        case Sound():
            # RFC 7845 5.1. Pre-skip is 0: this is the middle of a call, there is no encoder start to be thrown away.
            opus_head = b"OpusHead" + bytes([1, 2, 0, 0]) + (48_000).to_bytes(4, "little") + bytes(3)
            audio = double(b"\xb5", 48_000.0) + uint(b"\x9f", 2)  # SamplingFrequency, Channels
            return (
                head
                + uint(b"\x83", 2)  # TrackType: audio
                + element(CODEC_ID, CODECS["opus"].encode())
                + element(b"\x63\xa2", opus_head)  # CodecPrivate
                + uint(b"\x56\xaa", 0)  # CodecDelay
                + uint(b"\x56\xbb", 80_000_000)  # SeekPreRoll: Opus is exact 80 ms after any cut (RFC 7845 4.6)
                + element(b"\xe1", audio)
            )
        case Picture(width, height, codec, setup):
            video = uint(b"\xb0", width) + uint(b"\xba", height)  # PixelWidth, PixelHeight
            private = element(b"\x63\xa2", setup) if setup else b""  # CodecPrivate
            return (
                head + uint(b"\x83", 1) + element(CODEC_ID, CODECS[codec].encode()) + private + element(b"\xe0", video)
            )


def seal(file: DiskFile, where: Front, clusters: Sequence[Cluster], end: int, duration_ms: int) -> int:
    """Make a file of whole clusters up to `end` seekable in place; returns its size. May be done again after a crash.

    When the disk has no room for Cues, the file is left without them: playable, and seekable by its index.
    """
    cues = element(CUES, b"".join(_cue(cluster, where) for cluster in clusters if cluster.keyframe))
    try:
        file.write(end, cues)
    except OSError:
        cues = b""
        file.truncate(end)
    seeks = _seek(INFO, where.info - where.segment) + _seek(TRACKS, where.tracks - where.segment)
    seeks += _seek(CUES, end - where.segment) if cues else b""
    head = element(SEEK_HEAD, seeks)
    file.write(where.seek_head, head + (void(SEEK_HEAD_LENGTH - len(head)) if len(head) < SEEK_HEAD_LENGTH else b""))
    file.write(where.duration, double(DURATION, float(duration_ms)))
    file.write(where.segment - len(UNKNOWN_SIZE), size_of(end + len(cues) - where.segment, 8))
    file.sync()
    return end + len(cues)


def _cue(cluster: Cluster, where: Front) -> bytes:
    position = uint(b"\xf7", TRACK_NUMBER) + uint(b"\xf1", cluster.offset - where.segment)
    return element(b"\xbb", uint(b"\xb3", cluster.t_ms) + element(b"\xb7", position))


def _seek(tag: bytes, position: int) -> bytes:
    return element(b"\x4d\xbb", element(b"\x53\xab", tag) + uint(b"\x53\xac", position, 8))


def picture_tail_ms(since_last_ms: int) -> int:
    """How long the last frame of a video is shown: as long as the one before it, within reason."""
    return min(since_last_ms or PICTURE_MS, PICTURE_MAX_MS)


class _Frame(Struct, frozen=True):
    """A frame as its cluster needs it: `t_ms` from the cluster's start, `since_ms` from the frame before."""

    t_ms: int
    payload: bytes
    keyframe: bool
    since_ms: int

    def block(self, flags: int) -> bytes:
        return BLOCK_HEAD + self.t_ms.to_bytes(2, "big") + bytes([flags]) + self.payload

    def group(self, duration_ms: int) -> bytes:
        """With its duration. What refers to no other block is a keyframe (RFC 9559 10.4)."""
        before = (-max(self.since_ms, 1)).to_bytes(8, "big", signed=True)
        reference = b"" if self.keyframe else element(REFERENCE_BLOCK, before)
        return element(BLOCK_GROUP, element(BLOCK, self.block(0)) + uint(BLOCK_DURATION, duration_ms) + reference)


class WebmWriter:
    """Writes one track. Frames wait in memory until `flush`; after an OSError the file is to be closed and repaired."""

    def __init__(self, make: Callable[[], DiskFile], form: Form) -> None:
        """`make` is called at the first flush: until then nothing is on the disk."""
        octets, self.front = front(form)
        self.last_ms = 0
        self.end_ms = 0
        self.whole: list[Cluster] = []
        """Finished clusters whose bytes are in the file: what may be served while it grows. Only ever appended to."""
        self.sealed = False
        """Closed, with Cues: there was room for them."""
        self._make = make
        self._file: DiskFile | None = None
        self._written = 0
        self._pending = bytearray(octets)
        self._clusters: list[Cluster] = []
        self._open: Cluster | None = None
        self._held: _Frame | None = None
        self._patches: list[tuple[int, bytes]] = []
        self._dirty = True

    @property
    def size(self) -> int:
        """Bytes so far, those waiting for `flush` included."""
        return self._written + len(self._pending)

    @property
    def has_file(self) -> bool:
        """Whether there is something on the disk: the init segment at least."""
        return self._written > 0

    @property
    def open_since_ms(self) -> int | None:
        """When the unfinished cluster began; None when there is none."""
        return None if self._open is None else self._open.t_ms

    def append(self, t_ms: int, payload: bytes, keyframe: bool, tail_ms: int = 0) -> None:
        """One frame. `tail_ms` is how long it lasts; 0 (video) says: see picture_tail_ms.

        Raises ValueError when `t_ms` is before the frame before; nothing is written then.
        """
        if t_ms < self.last_ms or (self._open is None and not self._clusters and t_ms < 0):
            raise ValueError(f"a frame at {t_ms} ms after one at {self.last_ms} ms")
        if self._open is not None and _is_full(self._open, t_ms, keyframe):
            self.cut(t_ms)
        if self._held is not None:
            self._pending += element(SIMPLE_BLOCK, self._held.block(KEYFRAME if self._held.keyframe else 0))
            self._held = None
        if self._open is None:
            self._open = Cluster(t_ms, self.size, 0, keyframe)
            self._pending += CLUSTER + UNKNOWN_SIZE + uint(TIMESTAMP, t_ms)
        frame = _Frame(t_ms - self._open.t_ms, payload, keyframe, t_ms - self.last_ms)
        if tail_ms:
            self._pending += element(SIMPLE_BLOCK, frame.block(KEYFRAME if keyframe else 0))
        else:
            self._held = frame
        self.end_ms = t_ms + (tail_ms or picture_tail_ms(frame.since_ms))
        self.last_ms = t_ms
        self._dirty = True

    def cut(self, until_ms: int = 0) -> None:
        """End the open cluster, if any: the next frame begins a new one. The last picture is shown `until_ms`."""
        if self._open is None:
            return
        if self._held is not None:
            self.end_ms = max(until_ms, self.last_ms + 1) if until_ms else self.end_ms
            self._pending += self._held.group(self.end_ms - self.last_ms)
            self._held = None
        done = Cluster(self._open.t_ms, self._open.offset, self.size - self._open.offset, self._open.keyframe)
        self._patches.append((done.offset + len(CLUSTER), size_of(done.size - CLUSTER_HEAD, 8)))
        self._clusters.append(done)
        self._open = None
        self._dirty = True

    def flush(self) -> None:
        """Hand what waits in memory to the operating system."""
        self._flushed()

    def _flushed(self) -> DiskFile:
        if self._file is None:
            self._file = self._make()
        if self._pending:
            self._file.write(self._written, bytes(self._pending))
            self._written += len(self._pending)
            self._pending.clear()
        for offset, octets in self._patches:
            self._file.write(offset, octets)
        self._patches.clear()
        self.whole += self._clusters[len(self.whole) :]
        return self._file

    def sync(self) -> None:
        """Make everything so far durable."""
        if self._dirty:
            self._flushed().sync()
            self._dirty = False

    def close(self) -> int:
        """Finish the file in place; returns its size."""
        self.cut()
        end = self._written + len(self._pending)
        self._written = seal(self._flushed(), self.front, self._clusters, end, self.end_ms)
        self.sealed = self._written > end
        self.abandon()
        return self._written

    def abandon(self) -> None:
        """Let go of the file as it is."""
        if self._file is not None:
            self._file.close()


def _is_full(cluster: Cluster, t_ms: int, keyframe: bool) -> bool:
    age_ms = t_ms - cluster.t_ms
    return age_ms >= CLUSTER_MAX_MS or (keyframe and age_ms >= CLUSTER_MS)
