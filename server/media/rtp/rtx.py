"""Retransmissions on a stream of their own: what is inside (RFC 4588 4). Writing them is part of rewrite.py."""

from __future__ import annotations

from server.media.rtp.header import Header, u16


def unwrap(datagram: bytes, header: Header, ssrc: int, payload_type: int) -> bytes | None:
    """The packet as it was first sent on the media stream `ssrc`; None for a probe, which carries nothing.

    The header extensions come along as they are. Raises ValueError for one byte of payload.
    """
    start, end = header.payload_start, header.payload_end
    if start == end:
        return None
    original_seq = u16(datagram[start : min(start + 2, end)])
    if end - start == 2:
        return None
    return b"".join(
        (
            bytes((datagram[0] & 0xDF, header.marker << 7 | payload_type)),
            original_seq.to_bytes(2, "big"),
            datagram[4:8],
            ssrc.to_bytes(4, "big"),
            datagram[12:start],
            datagram[start + 2 : end],
        )
    )
