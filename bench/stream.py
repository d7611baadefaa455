"""Sound with a level, or simulcast pictures with keyframes when asked, as a browser sends them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from bench.lines import AUDIO, LEVEL_ID, MID_ID, MIDS, RID_ID, RIDS, SENDING, STAMP_ID, VIDEO

NAMED_PACKETS = 50
"""Senders name line and layer until the other side knows them."""


class Sender(Protocol):
    """Who sends it."""

    index: int

    def next_stamp(self) -> bytes:
        """The transport-wide number of its next packet."""

    def send_rtp(self, packet: bytes) -> None: ...


class Stream:
    """What one of us sends on one line, or on one layer of it."""

    def __init__(self, sender: Sender, order: Mapping[str, Any]) -> None:
        self.sender = sender
        self.source, self.rid = order["source"], order.get("rid", "")
        self.is_video = SENDING[self.source] == "video"
        self.burst, self.size = order.get("burst", 1), order["size"]
        self.interval = self.burst / order["pps"]
        self.level = order.get("level", 40)
        number = 16 + RIDS.index(self.rid) if self.rid else int(MIDS[self.source])
        self.ssrc = 0x10000 * (sender.index + 1) + number
        self.packets = 0
        self.wants_keyframe = False
        self._keyframe_at = 0.0
        self._seq = self._picture = 0

    def send(self, now: float) -> None:
        """The packets of one frame."""
        if self.is_video:
            self._send_picture(now)
        else:
            self._send(AUDIO, now, marker=False, payload=self.ssrc.to_bytes(4, "big"))

    def _send_picture(self, now: float) -> None:
        is_key = self.wants_keyframe or now >= self._keyframe_at
        if is_key:
            self._keyframe_at, self.wants_keyframe = now + 10, False
        for index in range(self.burst):
            first = index == 0
            # As light.Video: descriptor with picture id and TL0PICIDX (RFC 7741 4.2), then a VP8 frame's head.
            id_bytes = bytes((0x80 | self._picture >> 8, self._picture & 0xFF, self._picture & 0xFF))
            payload = bytes((0x90 if first else 0x80, 0xC0)) + id_bytes
            if first:
                payload += bytes.fromhex("100000 9d012a 8002 e001") if is_key else b"\x11"
            self._send(VIDEO, now, marker=index == self.burst - 1, payload=payload)
        self._picture = self._picture + 1 & 0x7FFF

    def _send(self, payload_type: int, now: float, *, marker: bool, payload: bytes) -> None:
        extensions = [(STAMP_ID, self.sender.next_stamp())]
        if not self.is_video:
            extensions.append((LEVEL_ID, bytes((self.level,))))
        if self.packets < NAMED_PACKETS:
            extensions.append((MID_ID, MIDS[self.source].encode()))
            extensions += [(RID_ID, self.rid.encode())] if self.rid else []
        block = b"".join(bytes((number << 4 | len(value) - 1,)) + value for number, value in extensions)
        block = block.ljust(-len(block) % 4 + len(block), b"\0")
        clock = 90_000 if self.is_video else 48_000
        head = bytes((0x90, marker << 7 | payload_type)) + self._seq.to_bytes(2, "big")
        head += (int(now * clock) & 0xFFFFFFFF).to_bytes(4, "big") + self.ssrc.to_bytes(4, "big")
        head += b"\xbe\xde" + (len(block) // 4).to_bytes(2, "big") + block
        self.sender.send_rtp((head + payload).ljust(self.size, b"\xa5"))
        self._seq = self._seq + 1 & 0xFFFF
        self.packets += 1
