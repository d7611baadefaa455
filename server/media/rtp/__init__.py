"""Packet arithmetic, pure: bytes and numbers in, bytes and numbers out. No sockets, no clock, no randomness."""
