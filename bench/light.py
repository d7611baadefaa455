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

import json
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aioice import stun
from aiortc import RTCCertificate
from OpenSSL import SSL
from pylibsrtp import Policy, Session

PROFILE = b"SRTP_AEAD_AES_128_GCM"
KEY_BYTES, SALT_BYTES = 16, 12
PAYLOAD_TYPE = 96
CHECK_SECONDS = 4.0
READ_SECONDS = 0.025
CONNECT_SECONDS = 15.0
_RESEND_SECONDS = 0.25


class Identity:
    """One certificate for all: making hundreds would take longer than the rest."""

    def __init__(self) -> None:
        certificate = RTCCertificate.generateCertificate()
        fingerprint = next(one for one in certificate.getFingerprints() if one.algorithm == "sha-256")
        self.fingerprint = fingerprint.value
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        self.context.use_certificate(certificate._cert)
        self.context.use_privatekey(certificate._key)
        self.context.set_tlsext_use_srtp(PROFILE)


class Peer:
    """One socket that first connects and then only counts."""

    def __init__(self, identity: Identity, address: str, index: int) -> None:
        self.ufrag, self.password = f"light{index:04}", f"light-password-number-{index:04}".replace("-", "+")
        self.index = index
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((address, 0))
        self.socket.setblocking(False)
        self._identity = identity
        self._remote: Mapping[str, Any] = {}
        self._dtls: SSL.Connection | None = None
        self._checked = False
        self._resend_at = 0.0
        self._receiving: Session | None = None
        self._sending: Session | None = None
        self.connected = False
        self.packets = self.opened = self.holes = 0
        self._expected = -1
        self._buffer = bytearray(2048)

    def connect(self, remote: Mapping[str, Any]) -> None:
        """Begin; `turn` goes on."""
        self._remote = remote
        self._dtls = SSL.Connection(self._identity.context)
        self._dtls.set_connect_state()

    def turn(self, now: float) -> None:
        """Answer what came, and repeat what went unanswered."""
        while (datagram := self._receive()) is not None:
            self._take(datagram)
        if not self.connected and now >= self._resend_at:
            self._resend_at = now + _RESEND_SECONDS
            self.check()
            if self._checked:
                self._shake_hands()

    def check(self) -> None:
        """A connectivity check that nominates; later it renews our consent."""
        request = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.REQUEST,
            attributes={"USERNAME": f"{self._remote['ufrag']}:{self.ufrag}", "PRIORITY": 1},
        )
        if self._remote.get("lite", False):
            request.attributes["ICE-CONTROLLING"] = 1
            request.attributes["USE-CANDIDATE"] = None
        else:
            request.attributes["ICE-CONTROLLED"] = 1
        request.add_message_integrity(self._remote["password"].encode())
        request.add_fingerprint()
        self.send(bytes(request))

    def send(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, (self._remote["host"], self._remote["port"]))

    def send_rtp(self, packet: bytes) -> None:
        if self._sending is None:
            raise ConnectionError("not connected")
        self.send(self._sending.protect(packet))

    def _receive(self) -> bytes | None:
        try:
            return self.socket.recv(2048)
        except (BlockingIOError, ConnectionRefusedError):
            return None

    def _take(self, datagram: bytes) -> None:
        first = datagram[0]
        if first < 4:
            self._stun(datagram)
        elif 20 <= first < 64 and self._dtls is not None and not self.connected:
            self._dtls.bio_write(datagram)
            self._shake_hands()

    def _stun(self, datagram: bytes) -> None:
        message = stun.parse_message(datagram)
        if message.message_class == stun.Class.RESPONSE:
            if not self._checked:
                self._checked = True
                self._shake_hands()
        elif message.message_class == stun.Class.REQUEST:
            answer = stun.Message(
                message_method=stun.Method.BINDING,
                message_class=stun.Class.RESPONSE,
                transaction_id=message.transaction_id,
                attributes={"XOR-MAPPED-ADDRESS": (self._remote["host"], self._remote["port"])},
            )
            answer.add_message_integrity(self.password.encode())
            answer.add_fingerprint()
            self.send(bytes(answer))

    def _shake_hands(self) -> None:
        dtls = self._dtls
        if dtls is None or self.connected:
            return
        try:
            dtls.do_handshake()
        except SSL.WantReadError:
            due = dtls.DTLSv1_get_timeout()
            if due is not None and due <= 0:
                dtls.DTLSv1_handle_timeout()
        else:
            self._keys(dtls)
        try:
            while flight := dtls.bio_read(4096):
                self.send(flight)
        except SSL.WantReadError:
            pass

    def _keys(self, dtls: SSL.Connection) -> None:
        """RFC 5764 4.2: the client's key, the server's, then the salts in the same order."""
        material = dtls.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (KEY_BYTES + SALT_BYTES))
        salts = 2 * KEY_BYTES
        profile = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
        ours = material[:KEY_BYTES] + material[salts : salts + SALT_BYTES]
        theirs = material[KEY_BYTES:salts] + material[salts + SALT_BYTES :]
        self._sending = Session(Policy(ours, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self._receiving = Session(Policy(theirs, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        self.connected = True

    def drain(self) -> None:
        """Count what waits on the socket."""
        # Bytes beyond the headers are only copied where they are looked at.
        buffer = self._buffer
        size = 2048 if self.index == 0 else 12
        receive = self.socket.recv_into
        while True:
            try:
                got = receive(buffer, size)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if 128 <= buffer[0] < 192 and buffer[1] & 0x7F == PAYLOAD_TYPE:
                self.packets += 1
                if size > 12:
                    self._open(bytes(buffer[:got]))

    def _open(self, packet: bytes) -> None:
        if self._receiving is not None:
            self._receiving.unprotect(packet)
            self.opened += 1
        seq = int.from_bytes(packet[2:4], "big")
        self.holes += self._expected not in (-1, seq)
        self._expected = seq + 1 & 0xFFFF


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
    pending = b""
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    while True:
        if crowd.is_told():
            arrived = os.read(0, 1 << 20)
            if not arrived:
                return
            pending += arrived
        crowd.look_around()
        while b"\n" in pending:
            line, _, pending = pending.partition(b"\n")
            order = json.loads(line)
            answer = getattr(crowd, order.pop("do"))(**order)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
