"""One peer's transport: ICE decides who may speak, DTLS makes the keys, SRTP opens the packets.

The mux hands in what arrives on a path; what comes out are RTP and RTCP in the clear, and two facts: up, and lost.
No timers of its own: the plane calls `tick`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from server.media.net.dtls import DtlsServer, DtlsState, Fingerprint, Identity
from server.media.net.ice import Credentials, IceLite, Path, Rejection
from server.media.net.srtp import SrtpPair, is_rtcp
from server.media.rtp.header import Header, parse

# Three layers of a camera, a screen and sound are 700 packets a second, probing included 2,500; reports and repeats
# asked for are a tenth of that. A participant who sends more costs the others their server.
MEDIA_PER_SECOND = 5_000
RTCP_PER_SECOND = 500

# The first check must come through whatever a learner's firewall makes of it, ICE-TCP included.
CONNECT_TIMEOUT_US = 30_000_000


class Lost(Enum):
    """Why a link ended without our asking."""

    CLOSED = "closed"
    TIMEOUT = "timeout"
    FAILED = "failed"
    ERROR = "error"
    """Ours, while serving the peer."""


class LinkListener(Protocol):
    """What a link reports to its peer."""

    def link_up(self) -> None:
        """SRTP keys are there; sending works from now on. Once."""

    def link_lost(self, reason: Lost) -> None:
        """Nothing works any more. Once; the owner closes the link."""

    def rtp(self, packet: bytes, header: Header, arrival_us: int) -> None:
        """An RTP packet in the clear."""

    def rtcp(self, compound: bytes, arrival_us: int) -> None:
        """An RTCP compound in the clear."""


class Link:
    """The owner of one ICE user fragment."""

    # The compiled intake counts in these: `media` in C is the same as `media` here.
    __slots__ = (
        "_counts",
        "_dtls",
        "_ended",
        "_heard_once",
        "_listener",
        "_media_left",
        "_opened_us",
        "_rtcp_left",
        "_second_us",
        "ice",
        "srtp",
    )

    def __init__(
        self,
        identity: Identity,
        remote: Credentials,
        fingerprints: Sequence[Fingerprint],
        listener: LinkListener,
        counts: Counter[str],
        now_us: int,
    ) -> None:
        self.ice = IceLite(remote, now_us)
        self._dtls = DtlsServer(identity, fingerprints)
        self._listener = listener
        self._counts = counts
        self._opened_us = now_us
        self._heard_once = False
        self._ended = False
        self._second_us = 0
        self._media_left = self._rtcp_left = 0
        self.srtp: SrtpPair | None = None
        """Set from `link_up` on."""

    def check(self, datagram: bytes, path: Path, now_us: int) -> bool:
        """Take a binding request addressed to us; True if it was genuine, so that the path is ours."""
        answer = self.ice.answer(datagram, path, now_us)
        if isinstance(answer, Rejection):
            self._counts[answer.value] += 1
            return False
        self._heard_once = True
        path.send(answer)
        return True

    def dtls(self, datagram: bytes, path: Path) -> None:
        """Take a DTLS datagram from an authenticated path."""
        before, restarts = self._dtls.state, self._dtls.restarts
        for flight in self._dtls.receive(datagram):
            path.send(flight)
        self._counts["dtls-restart"] += self._dtls.restarts - restarts
        self._follow(before)

    def media(self, datagram: bytes, arrival_us: int) -> None:
        """Take an SRTP or SRTCP datagram (12 bytes or more) from an authenticated path."""
        srtp = self.srtp
        if arrival_us >= self._second_us:
            self._second_us = arrival_us + 1_000_000
            self._media_left, self._rtcp_left = MEDIA_PER_SECOND, RTCP_PER_SECOND
        self._media_left -= 1
        if srtp is None:
            self._counts["srtp-early"] += 1
        elif self._media_left < 0:
            self._counts["drop-flood"] += 1
        elif is_rtcp(datagram):
            self._rtcp_left -= 1
            if self._rtcp_left < 0:
                self._counts["drop-flood"] += 1
                return
            compound = srtp.unprotect_rtcp(datagram)
            if compound is None:
                self._counts["srtcp-refused"] += 1
            else:
                self._listener.rtcp(compound, arrival_us)
        else:
            packet = srtp.unprotect(datagram)
            if packet is None or len(packet) < 12:
                self._counts["srtp-refused"] += 1
            else:
                self.opened(packet, arrival_us)

    def opened(self, packet: bytes, arrival_us: int) -> None:
        """Take an RTP packet in the clear."""
        try:
            header = parse(packet)
        except ValueError:
            self._counts["drop-rtp-malformed"] += 1
        else:
            self._listener.rtp(packet, header, arrival_us)

    def send_rtcp(self, compound: bytes) -> None:
        """Protect and send at once; RTCP is too rare to batch."""
        path = self.ice.selected
        if self.srtp is not None and path is not None:
            path.send(self.srtp.protect_rtcp(compound))
            self._counts["rtcp-out"] += 1

    def tick(self, now_us: int) -> None:
        """Every 50 ms or so: DTLS retransmission, consent."""
        if self._ended:
            return
        before = self._dtls.state
        if before is DtlsState.HANDSHAKE and self.ice.selected is not None:
            for flight in self._dtls.tick():
                self.ice.selected.send(flight)
            self._follow(before)
        waiting_for_the_first = not self._heard_once and now_us - self._opened_us <= CONNECT_TIMEOUT_US
        if not waiting_for_the_first and not self.ice.has_consent(now_us):
            self._lose(Lost.TIMEOUT)

    def close(self) -> None:
        """Say goodbye and go quiet. Reports nothing."""
        self._ended = True
        if self.ice.selected is not None:
            for flight in self._dtls.close():
                self.ice.selected.send(flight)

    def _follow(self, before: DtlsState) -> None:
        state = self._dtls.state
        if state is before:
            return
        match state:
            case DtlsState.CONNECTED:
                self.srtp = self._dtls.srtp
                self._listener.link_up()
            case DtlsState.CLOSED:
                self._lose(Lost.CLOSED)
            case DtlsState.FAILED:
                self._lose(Lost.FAILED)
            case DtlsState.HANDSHAKE:
                pass

    def _lose(self, reason: Lost) -> None:
        if not self._ended:
            self._ended = True
            self._listener.link_lost(reason)
