"""A stranger shouts at the media port during a call: nothing drops, and nothing is answered."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from server.synthetic.participant import Participant, Slot
from server.synthetic.pictures import ClockPicture
from server.synthetic.serving import running_server
from server.synthetic.voices import Voice

COUNT = 1_000
MAGIC_COOKIE = 0x2112A442


def stun(length: int, body: bytes = b"", kind: int = 0x0001) -> bytes:
    return struct.pack("!HHI", kind, length, MAGIC_COOKIE) + bytes(12) + body


def kinds() -> Iterator[tuple[str, list[bytes]]]:
    dice = random.Random(7)
    yield "empty", [b""]
    yield "one byte", [bytes([value]) for value in range(256)]
    yield "short", [dice.randbytes(size) for size in range(2, 12)]
    yield "random", [dice.randbytes(dice.randrange(12, 1500)) for _ in range(50)]
    yield "too long", [dice.randbytes(4000)]
    yield "STUN with bad lengths", [stun(length, bytes(8)) for length in (0, 1, 3, 7, 9, 400, 65_535)]
    yield "STUN without authentication", [stun(0), stun(12, struct.pack("!HH8s", 0x0006, 8, b"nobody:x"))]
    yield (
        "STUN attributes that end early",
        [stun(8, struct.pack("!HH4x", kind, 60_000)) for kind in (6, 8, 0x20, 0x8028)],
    )
    yield "DTLS alerts in the clear", [struct.pack("!BHHIHHBB", 21, 0xFEFD, 0, 0, n, 2, 2, 40) for n in range(8)]
    yield (
        "DTLS hello from nowhere",
        [struct.pack("!BHHIHH", 22, 0xFEFD, 0, 0, n, 200) + dice.randbytes(200) for n in range(8)],
    )
    yield "RTP", [struct.pack("!BBHII", 0x80, 96, n, n * 3000, 0xDEAD) + dice.randbytes(900) for n in range(50)]
    yield "RTCP", [struct.pack("!BBHI", 0x81, kind, 1, 0xDEAD) for kind in range(192, 224)]


def goes_on(viewer: Participant, slot: Slot, seen: int) -> bool:
    return slot.frames >= seen + 3 and viewer.hears(2600)


def udp_port_of(participant: Participant) -> int:
    answer = next(message for message in participant.told if message["type"] == "media.answer")
    candidate = next(line for line in answer["sdp"].splitlines() if line.startswith("a=candidate") and " udp " in line)
    return int(candidate.split()[5])


@pytest.mark.media
async def test_strangers_change_nothing_and_get_no_answer(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path) as server,
        Participant(server.url, "Dr. Rivera") as teacher,
        Participant(server.url, "Ana") as ana,
    ):
        await teacher.become_instructor(server.enter_link)
        created = await teacher.request("POST", "/api/classes", {"title": "Storm"})
        await teacher.join(created["id"])
        await teacher.connect_media({"mic": Voice(2600), "camera": ClockPicture(320, 180)})
        await teacher.publish("mic", "camera")
        await ana.join(created["id"], created["links"]["learner"].rsplit("/", 1)[1])
        await ana.connect_media()
        await ana.until(lambda: ana.hears(2600))
        port = udp_port_of(ana)

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.setblocking(False)
            for kind, datagrams in kinds():
                for n in range(COUNT):
                    stranger.sendto(datagrams[n % len(datagrams)], ("127.0.0.1", port))
                slot = ana.slot_of(teacher.id, "camera")
                assert slot is not None, kind
                await ana.until(partial(goes_on, ana, slot, slot.frames))
                with pytest.raises(BlockingIOError):
                    stranger.recv(2048)

        assert not [message for message in ana.told + teacher.told if message["type"] in ("media.lost", "bye")]
        assert (ana.negotiations, teacher.negotiations) == (1, 1)
