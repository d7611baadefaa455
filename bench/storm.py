"""Strangers shout at the media port during a call: what does it cost the call, and the server?

    python -m bench.storm [--seconds 60] [--rounds 6] [--pps 10000]

A real server, a speaker and a listener with real keys, who measure how long a packet of sound takes from one to the
other, in peace and while another process sends malformed datagrams of every kind. Peace and storm take turns, so that
whatever else the machine does meets both. Prints one line of JSON; README.md says how to read it. Loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from aioice import stun
from prometheus_client.parser import text_string_to_metric_families

from bench.fanout import cpu_seconds
from server.media.rtp.header import parse
from server.media.shapes import Answer, PeerId
from server.synthetic.participant import Participant
from server.synthetic.serving import Server, start_server
from tests.faults.test_hostile_datagrams import kinds, udp_port_of
from tests.media.peers import Ledger
from tests.media.wire import Microphone, WirePeer

HOST = "127.0.0.1"
PACE_S = 0.02
BATCH_S = 0.005
_NICE = -15


class Door:
    """What a WirePeer needs of a stage, by way of the server's own doors."""

    def __init__(self, participant: Participant, port: int, stack: AsyncExitStack) -> None:
        self.plane, self.ledger, self.exit, self.address = self, Ledger(), stack, HOST
        self.port = port
        self._participant = participant

    async def connect(self, peer: PeerId, offer: str, sources: Mapping[str, str]) -> Answer:
        """The offer goes over the WebSocket, as a browser's does."""
        participant = self._participant
        since = len(participant.told)
        await participant._send({"type": "media.offer", "sdp": offer, "sources": dict(sources)})
        answer = await participant.told_of(lambda message: message["type"] == "media.answer", since)
        self.port = udp_port_of(participant)
        self.ledger.connected.append(peer)
        return Answer(answer["sdp"], answer["slots"])


class Listener(WirePeer):
    """Notes how long each packet was under way, by the time the speaker wrote into it."""

    def __init__(self, door: Door, name: str) -> None:
        super().__init__(door, name)  # type: ignore[arg-type]
        self.delays_ms: list[float] = []

    def take_rtp(self, packet: bytes) -> None:
        head = parse(packet)
        said = int.from_bytes(packet[head.payload_start : head.payload_end], "big")
        self.delays_ms.append((time.monotonic_ns() - said) / 1e6)


def quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


async def speak(microphone: Microphone, seconds: float) -> int:
    """Fifty packets a second; how many."""
    packets = 0
    end = time.monotonic() + seconds
    due = time.monotonic()
    while due < end:
        await microphone.say(text=time.monotonic_ns().to_bytes(8, "big"))
        packets += 1
        due += PACE_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    return packets


async def keep_consent(*peers: WirePeer) -> None:
    while True:
        for peer in peers:
            await peer.check(nominate=True)
        await asyncio.sleep(2)


def noise(ufrag: str) -> list[bytes]:
    """A mix of all kinds; every tenth names a real participant, as only somebody on his path could."""
    dice = random.Random(7)
    datagrams = [datagram for _, some in kinds() for datagram in some[:50]]
    for number in range(len(datagrams) // 9):
        request = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.REQUEST,
            attributes={"USERNAME": f"{ufrag}:wire", "PRIORITY": 1, "USE-CANDIDATE": None},
        )
        request.add_message_integrity(b"guess %d" % number)
        request.add_fingerprint()
        datagrams.append(bytes(request))
    dice.shuffle(datagrams)
    return datagrams


def storm(port: int, ufrag: str, pps: int) -> None:
    """A process of its own: sends for so many seconds as a line of input says, then says what was sent and answered."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((HOST, 0))
        stranger.setblocking(False)
        datagrams = itertools.cycle(noise(ufrag))
        for line in sys.stdin:
            seconds, sent, replies = float(line), 0, 0
            started = time.monotonic()
            while (elapsed := time.monotonic() - started) < seconds:
                while sent < elapsed * pps:
                    with contextlib.suppress(OSError):  # full buffers: not what is measured
                        stranger.sendto(next(datagrams), (HOST, port))
                    sent += 1
                time.sleep(BATCH_S)
            time.sleep(0.2)
            with contextlib.suppress(BlockingIOError):
                while True:
                    stranger.recv(2048)
                    replies += 1
            print(json.dumps({"sent": sent, "replies": replies}), flush=True)


class Stretch(NamedTuple):
    """What one stretch of peace or storm showed. `core` is the server's share of a core."""

    delays_ms: list[float]
    packets: int
    core: float


def delivered(stretches: Sequence[Stretch]) -> float:
    return sum(len(one.delays_ms) for one in stretches) / sum(one.packets for one in stretches)


def delay_ms(stretches: Sequence[Stretch], share: float) -> float:
    return round(quantile([delay for one in stretches for delay in one.delays_ms], share), 2)


async def counters(server: Server, teacher: Participant) -> dict[str, float]:
    async with teacher.http.get(f"{server.url}/metrics") as response:
        text = await response.text()
    return {
        sample.labels["what"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "bichron_media_total"
    }


async def measure(seconds: float, rounds: int, pps: int) -> dict[str, object]:
    async with AsyncExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bichron-storm-")))
        server = await start_server(data)
        stack.push_async_callback(server.stop)
        for process in (server.process.pid, 0):  # whatever else the machine does is not what is measured
            with contextlib.suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, process, _NICE)
        teacher, ana = [await stack.enter_async_context(Participant(server.url, name)) for name in ("Teacher", "Ana")]
        await teacher.become_instructor(server.enter_link)
        made = await teacher.request("POST", "/api/classes", {"title": "Storm", "record": False})
        await teacher.join(made["id"])
        await ana.join(made["id"], made["links"]["learner"].rsplit("/", 1)[1])
        speaker = WirePeer(Door(teacher, 0, stack), "teacher")  # type: ignore[arg-type]
        listener = Listener(Door(ana, 0, stack), "ana")
        for peer, published in ((speaker, {"mic": ()}), (listener, {})):
            await peer.ask(published, audio=1, video=0)
            peer.wire.destination = (HOST, udp_port_of(teacher if peer is speaker else ana))
            await peer.wire.start()
            await peer.check(nominate=True)
            await peer.shake_hands()
        await teacher.publish("mic")
        consent = asyncio.create_task(keep_consent(speaker, listener))
        microphone = Microphone(speaker)
        await speak(microphone, 2)  # a voice is first heard, then given a slot

        async def stretch() -> Stretch:
            listener.delays_ms = []
            cpu, began = cpu_seconds(server.process.pid), time.monotonic()
            packets = await speak(microphone, seconds / rounds)
            used = (cpu_seconds(server.process.pid) - cpu) / (time.monotonic() - began)
            await asyncio.sleep(0.2)
            return Stretch(listener.delays_ms, packets, used)

        before = await counters(server, teacher)
        ufrag = next(line for line in listener.answer.splitlines() if line.startswith("a=ice-ufrag:"))[12:]
        shouting = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.storm", "--storm", str(listener.wire.destination[1]), ufrag),
            *("--pps", str(pps)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        if shouting.stdin is None or shouting.stdout is None:
            raise RuntimeError("the storm has no pipes")
        quiet, loud, told = [await stretch()], [], Counter[str]()
        for _ in range(rounds):
            shouting.stdin.write(b"%f\n" % (seconds / rounds))
            loud.append(await stretch())
            told.update(json.loads(await shouting.stdout.readline()))
            quiet.append(await stretch())
        shouting.stdin.close()
        await shouting.wait()
        after = await counters(server, teacher)
        consent.cancel()
        await asyncio.gather(consent, return_exceptions=True)
        dropped = {name: after[name] - before.get(name, 0) for name in after if name.startswith(("drop-", "stun-"))}
        lost = [message for who in (teacher, ana) for message in who.told if message["type"] in ("media.lost", "bye")]
        calm = [(one + other) / 2 for one, other in itertools.pairwise(delay_ms([one], 0.99) for one in quiet)]
        added = [delay_ms([one], 0.99) - peace for one, peace in zip(loud, calm, strict=True)]
        return {
            "bench": "storm",
            "seconds": seconds,
            "rounds": rounds,
            "pps": round(told["sent"] / seconds),
            "seen": round(sum(dropped.values()) / told["sent"], 3),
            "replies": told["replies"],
            "disconnects": len(lost),
            "errors": int(after.get("drop-error", 0)),
            "media_ms_p50_quiet": delay_ms(quiet, 0.5),
            "media_ms_p50": delay_ms(loud, 0.5),
            "media_ms_p99_quiet": delay_ms(quiet, 0.99),
            "media_ms_p99": delay_ms(loud, 0.99),
            "media_ms_p99_added": round(statistics.median(added), 2),
            "delivered": round(delivered(loud), 4),
            "core_quiet": round(statistics.mean(one.core for one in quiet), 3),
            "core": round(statistics.mean(one.core for one in loud), 3),
            "cpus": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description="Strangers shout at the media port during a call.")
    parser.add_argument("--seconds", type=float, default=12, help="of storm, and at least as many of peace")
    parser.add_argument("--rounds", type=int, default=6, help="in which they take turns")
    parser.add_argument("--pps", type=int, default=10_000)
    parser.add_argument("--storm", nargs=2, metavar=("PORT", "UFRAG"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.storm:
        port, ufrag = arguments.storm
        storm(int(port), ufrag, arguments.pps)
    else:
        print(json.dumps(asyncio.run(measure(arguments.seconds, arguments.rounds, arguments.pps))))


if __name__ == "__main__":
    main()
