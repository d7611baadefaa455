"""Participants that are programs: real WebRTC peers for the demo, the tests and the load benches.

They use the same doors as a browser (REST, WebSocket, one UDP port) and know nothing of the server's insides. Full
aiortc peer connections live here and nowhere else.
"""
