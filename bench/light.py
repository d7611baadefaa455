"""Light WebRTC peers, hundreds in one process: real ICE checks and DTLS, then datagrams are counted, not decoded.

A process of its own (`python -m bench.light ADDRESS`), told what to do in JSON lines, so that its CPU time is not the
server's. Sockets are read every 25 ms rather than when something comes (unless told to "wait"): waking a reader would
be charged to whoever sends, which on loopback is the server. One viewer opens every packet: they must be real.

    {"do": "open", "count": N}                      -> {"fingerprint", "peers": [{"port", "ufrag", "password"}]}
    {"do": "connect", "peers": [{"index", "host", "port", "ufrag", "password"}]}   -> {"connected": N}
    {"do": "publish", "index": I, "seconds", "pps", "burst", "size", "to": [host, port] | null} -> {"sent": packets}
    {"do": "wait"}                                  -> {}
    {"do": "count"}                                 -> {"packets", "least", "opened", "holes"}
"""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.orders import obey
from bench.peer import CHECK_SECONDS, PAYLOAD_TYPE, Identity, Peer

READ_SECONDS = 0.025
CONNECT_SECONDS = 15.0


class Video:
    """RTP packets of one size that look like VP8: a frame per burst, a keyframe per second."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._seq = self._picture = self._tl0 = 0
        self._keyframe_at = 0.0
        self._timestamp = 0

    def frame(self, packets: int, now: float) -> list[bytes]:
        keyframe = now >= self._keyframe_at
        if keyframe:
            self._keyframe_at = now + 1
        timestamp = int(now * 90_000) & 0xFFFFFFFF
        frame = []
        for index in range(packets):
            first, last = index == 0, index == packets - 1
            head = bytes((0x80, last << 7 | PAYLOAD_TYPE)) + self._seq.to_bytes(2, "big")
            head += timestamp.to_bytes(4, "big") + b"\0\0\x12\x34"
            # X, S; I and L; a picture id of 15 bits; TL0PICIDX (RFC 7741 4.2). Then 640 x 480 (RFC 6386 9.1).
            payload = bytes((0x90 if first else 0x80, 0xC0, 0x80 | self._picture >> 8, self._picture & 0xFF, self._tl0))
            if first:
                payload += bytes.fromhex("100000 9d012a 8002 e001") if keyframe else b"\x11"
            frame.append((head + payload).ljust(self._size, b"\xa5"))
            self._seq = self._seq + 1 & 0xFFFF
        self._picture = self._picture + 1 & 0x7FFF
        self._tl0 = self._tl0 + 1 & 0xFF
        return frame


class Crowd:
    """The peers of this process."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._identity = Identity()
        self._peers: list[Peer] = []
        self._checked_at = self._drained_at = 0.0
        self._videos: dict[int, Video] = {}
        self._waiting: select.epoll | None = None

    def open(self, count: int) -> dict[str, object]:
        first = len(self._peers)
        self._peers += [Peer(self._identity, self._address, first + index) for index in range(count)]
        peers = [
            {"port": peer.socket.getsockname()[1], "ufrag": peer.ufrag, "password": peer.password}
            for peer in self._peers[first:]
        ]
        return {"fingerprint": self._identity.fingerprint, "peers": peers}

    def connect(self, peers: Sequence[Mapping[str, Any]]) -> dict[str, object]:
        """All at once, until every one is connected or time is up."""
        poll = select.epoll()
        by_fd: dict[int, Peer] = {}
        for remote in peers:
            peer = self._peers[remote["index"]]
            peer.connect(remote)
            by_fd[peer.socket.fileno()] = peer
            poll.register(peer.socket, select.EPOLLIN)
        end = time.monotonic() + CONNECT_SECONDS
        next_turn = 0.0
        while by_fd and (now := time.monotonic()) < end:
            ready = [fd for fd, _ in poll.poll(0.05)]
            if now >= next_turn:
                ready, next_turn = list(by_fd), now + 0.1
            for fd in ready:
                peer = by_fd[fd]
                peer.turn(now)
                if peer.connected:
                    poll.unregister(fd)
                    del by_fd[fd]
        poll.close()
        self._checked_at = time.monotonic()
        return {"connected": len(peers) - len(by_fd)}

    def publish(
        self, index: int, seconds: float, pps: int, burst: int, size: int, to: Sequence[Any] | None
    ) -> dict[str, object]:
        """Send evenly spaced bursts, protected to our server or in the clear `to` an address."""
        peer = self._peers[index]
        video = self._videos.setdefault(size, Video(size))
        send: Callable[[bytes], object] = peer.send_rtp
        if to is not None:
            destination = (to[0], to[1])
            send = lambda packet: peer.socket.sendto(packet, destination)  # noqa: E731
        interval = burst / pps
        start = due = time.monotonic()
        sent = 0
        while due < start + seconds:
            for packet in video.frame(burst, due):
                send(packet)
            sent += burst
            due += interval
            self.look_around()
            time.sleep(max(0.0, due - time.monotonic()))
        return {"sent": sent}

    def count(self) -> dict[str, object]:
        self._drain()
        return {
            "packets": sum(peer.packets for peer in self._peers),
            "least": min(peer.packets for peer in self._peers),
            "opened": self._peers[0].opened,
            "of_first": self._peers[0].packets,
            "holes": self._peers[0].holes,
        }

    def wait(self) -> dict[str, object]:
        """From now on read when something comes, as most programs do."""
        self._waiting = select.epoll()
        self._waiting.register(0, select.EPOLLIN)
        for peer in self._peers:
            self._waiting.register(peer.socket, select.EPOLLIN)
        return {}

    def is_told(self) -> bool:
        """Let a moment pass; whether there is an order to be read."""
        if self._waiting is None:
            return bool(select.select([0], [], [], READ_SECONDS)[0])
        ready = {fd for fd, _ in self._waiting.poll(READ_SECONDS)}
        for peer in self._peers:
            if peer.socket.fileno() in ready:
                peer.drain()
        return 0 in ready

    def look_around(self) -> None:
        """Read and count at times, and say now and then that we still want what comes."""
        now = time.monotonic()
        if self._waiting is None and now - self._drained_at > READ_SECONDS / 2:
            self._drained_at = now
            self._drain()
        if now - self._checked_at > CHECK_SECONDS:
            self._checked_at = now
            for peer in self._peers:
                if peer.connected:
                    peer.check()

    def _drain(self) -> None:
        for peer in self._peers:
            peer.drain()


def main() -> None:
    crowd = Crowd(sys.argv[1])

    def look() -> bool:
        is_told = crowd.is_told()
        crowd.look_around()
        return is_told

    obey(crowd, look)


if __name__ == "__main__":
    main()
