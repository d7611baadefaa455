"""What one forwarded packet costs the server: Bichron, its Python twin, Janus and bare C, side by side in one run.

    python -m bench.fanout [--viewers 100 300] [--rounds 3] [--seconds 5]

Every viewer has done real ICE and DTLS. The same packets go to every contender, at the same pace, in turns; CPU time is
that of the server's process (user and system), packets are those the viewers counted. Prints one line of JSON per
number of viewers; README.md says how to read it. Runs in a network namespace of its own when it may.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from bench.janus import Janus
from bench.peer import PAYLOAD_TYPE

PACKETS_PER_SECOND = 160
PACKET_BYTES = 1200
BURSTS = (8, 2)
LONGEST_RUN_SECONDS = 900
ADDRESS = "10.99.0.1"
INTERFACE = "bench0"
_NAMESPACE = "BICHRON_BENCH_NAMESPACE"
_SETTLE_SECONDS = 0.3
_GROUP = 20


class Sample(NamedTuple):
    """One measurement: CPU time of the server over the packets its viewers got, and how many of all that was."""

    us_per_packet: float
    delivered: float


class Program(contextlib.AbstractContextManager["Program"]):
    """A process that answers lines of JSON with lines of JSON."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.greeting: dict[str, Any] = self._answer()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, **order: object) -> dict[str, Any]:
        self.tell(**order)
        return self._answer()

    def tell(self, **order: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"process {self._process.pid} ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Contender(Protocol):
    name: str

    def measure(self, burst: int, seconds: float) -> Sample: ...
    def report(self) -> dict[str, object]: ...
    def close(self) -> None: ...


class Viewers(contextlib.AbstractContextManager["Viewers"]):
    """Light peers in one process, the sender in another."""

    def __init__(self, address: str, count: int, *, waiting: bool) -> None:
        self._waiting = waiting
        self.crowd = Program(sys.executable, "-m", "bench.light", address)
        self.sender = Program(sys.executable, "-m", "bench.light", address)
        self.count = count
        opened = self.crowd.ask(do="open", count=count)
        self._fingerprint: str = opened["fingerprint"]
        self._peers: list[dict[str, Any]] = opened["peers"]

    def connect(self, join: Callable[[Mapping[str, Any], str], dict[str, Any]]) -> None:
        """`join` says where a peer is to connect to. In groups: a handshake must not wait for all the others."""
        for first in range(0, self.count, _GROUP):
            group = range(first, min(first + _GROUP, self.count))
            remotes = [{"index": index, **join(self._peers[index], self._fingerprint)} for index in group]
            if self.crowd.ask(do="connect", peers=remotes)["connected"] != len(remotes):
                raise RuntimeError("not every viewer could connect")
        if self._waiting:
            self.crowd.ask(do="wait")

    def measure(self, pid: int, burst: int, seconds: float, to: tuple[str, int] | None) -> Sample:
        before, used = self.crowd.ask(do="count")["packets"], cpu_seconds(pid)
        sent = self.sender.ask(
            do="publish", index=0, seconds=seconds, pps=PACKETS_PER_SECOND, burst=burst, size=PACKET_BYTES, to=to
        )["sent"]
        time.sleep(_SETTLE_SECONDS)
        used = cpu_seconds(pid) - used
        got = self.crowd.ask(do="count")["packets"] - before
        return Sample(used * 1e6 / max(got, 1), got / (sent * self.count))

    def __exit__(self, *_: object) -> None:
        with self.crowd, self.sender:
            pass


class Product:
    """Bichron's media plane, compiled or in Python."""

    def __init__(self, name: str, fan_out: str, address: str, viewers: int, *, waiting: bool) -> None:
        self.name = name
        with contextlib.ExitStack() as exit_:
            self._server = exit_.enter_context(Program(sys.executable, "-m", "bench.forwarder", address, fan_out))
            self._crowd = exit_.enter_context(Viewers(address, viewers, waiting=waiting))
            self._remote = {"host": address, "port": self._server.greeting["port"], "lite": True}
            self._crowd.connect(self._join)
            opened = self._crowd.sender.ask(do="open", count=1)
            offer = product_offer(opened["peers"][0], opened["fingerprint"], sends=True)
            answer = self._server.ask(peer="teacher", offer=offer, sources={"camera": "camera"})["sdp"]
            remote = {"index": 0, **self._remote, **ice(answer)}
            if self._crowd.sender.ask(do="connect", peers=[remote])["connected"] != 1:
                raise RuntimeError("the sender could not connect")
            self._exit = exit_.pop_all()
        self.native: bool = self._server.greeting["native"]

    def _join(self, peer: Mapping[str, Any], fingerprint: str) -> dict[str, Any]:
        offer = product_offer(peer, fingerprint, sends=False)
        answer = self._server.ask(peer=peer["ufrag"], offer=offer, sources={})["sdp"]
        return {**self._remote, **ice(answer)}

    def measure(self, burst: int, seconds: float) -> Sample:
        return self._crowd.measure(self._server.pid, burst, seconds, None)

    def report(self) -> dict[str, object]:
        counted = self._crowd.crowd.ask(do="count")
        whole = counted["opened"] == counted["of_first"] and not counted["holes"]
        return {"native": self.native, "opened_by_one_viewer": whole}

    def close(self) -> None:
        self._exit.close()


class JanusContender:
    """Janus's streaming plugin. It gets its packets in the clear, which spares it what Product pays to open them."""

    def __init__(self, name: str, event_loops: int, address: str, viewers: int, *, waiting: bool) -> None:
        self.name = name
        self._address = address
        with contextlib.ExitStack() as exit_:
            self._server = Janus(event_loops, INTERFACE, PAYLOAD_TYPE)
            exit_.callback(self._server.close)
            self._crowd = exit_.enter_context(Viewers(address, viewers, waiting=waiting))
            self._crowd.connect(lambda peer, fingerprint: self._server.watch(peer, fingerprint, address))
            self._crowd.sender.ask(do="open", count=1)
            self._exit = exit_.pop_all()

    def measure(self, burst: int, seconds: float) -> Sample:
        return self._crowd.measure(self._server.pid, burst, seconds, (self._address, self._server.rtp_port))

    def report(self) -> dict[str, object]:
        return {}

    def close(self) -> None:
        self._exit.close()


class Limit:
    """limit.c: what the kernel and AES cost whoever does it."""

    name = "limit"

    def __init__(self, program: Path, address: str, viewers: int, *, waiting: bool) -> None:
        self._program = program
        self._address = address
        self._crowd = Program(sys.executable, "-m", "bench.light", address)
        self._ports = [peer["port"] for peer in self._crowd.ask(do="open", count=viewers)["peers"]]
        if waiting:
            self._crowd.ask(do="wait")

    def measure(self, burst: int, seconds: float) -> Sample:
        output = subprocess.run(
            [self._program, self._address, str(burst), str(PACKETS_PER_SECOND), str(seconds), str(PACKET_BYTES + 12)],
            input="\n".join(map(str, self._ports)),
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds + 20,
        ).stdout.split()
        return Sample(int(output[1]) / 1e3 / int(output[0]), 1.0)

    def report(self) -> dict[str, object]:
        return {}

    def close(self) -> None:
        with self._crowd:
            pass


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads, to the nanosecond (clock_getcpuclockid(3))."""
    return time.clock_gettime(~pid << 3 | 2)


def ice(sdp: str) -> dict[str, str]:
    return {"ufrag": attribute(sdp, "ice-ufrag"), "password": attribute(sdp, "ice-pwd")}


def attribute(sdp: str, name: str) -> str:
    return next(line.partition(":")[2] for line in sdp.splitlines() if line.startswith(f"a={name}:"))


def product_offer(peer: Mapping[str, Any], fingerprint: str, *, sends: bool) -> str:
    """What a browser would offer, of a camera or of one place to see it, without what nobody reads."""
    mid = "camera" if sends else "v0"
    transport_cc = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {mid}"]
    lines += [f"a=fingerprint:sha-256 {fingerprint}", "a=setup:actpass"]
    lines += [f"a=ice-ufrag:{peer['ufrag']}", f"a=ice-pwd:{peer['password']}"]
    lines += [f"m=video 9 UDP/TLS/RTP/SAVPF {PAYLOAD_TYPE} 97", "c=IN IP4 0.0.0.0", f"a=mid:{mid}"]
    lines += [f"a={'sendonly' if sends else 'recvonly'}", "a=rtcp-mux", f"a=extmap:3 {transport_cc}"]
    lines += [f"a=rtpmap:{PAYLOAD_TYPE} VP8/90000", "a=rtpmap:97 rtx/90000", f"a=fmtp:97 apt={PAYLOAD_TYPE}"]
    lines += [f"a=rtcp-fb:{PAYLOAD_TYPE} {value}" for value in ("nack", "nack pli", "transport-cc")]
    if sends:
        lines.append(f"a=ssrc:{0x1234} cname:bench")
    return "\r\n".join(lines) + "\r\n"


def contenders(
    address: str, viewers: int, missing: dict[str, str], workshop: Path, *, waiting: bool
) -> Iterator[Contender]:
    """All that can be had on this machine; why not is noted in `missing`."""
    native = Product("bichron", "native", address, viewers, waiting=waiting)
    yield native
    if not native.native:
        missing["native"] = "nothing is compiled; `bichron` is the Python twins"
    else:
        yield Product("python", "pure", address, viewers, waiting=waiting)
    if shutil.which("janus") is None:
        missing["janus"] = "not installed (Debian: apt-get install janus)"
    elif address != ADDRESS:
        missing["janus"] = "needs a network namespace (root, unshare and iproute2): its ICE does not use 127.0.0.1"
    else:
        yield JanusContender("janus", 0, address, viewers, waiting=waiting)
        yield JanusContender("janus_event_loops", 2, address, viewers, waiting=waiting)
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        missing["limit"] = "no C compiler"
    else:
        program = workshop / "limit"
        source = Path(__file__).with_name("limit.c")
        subprocess.run([compiler, "-O2", "-o", program, source, "-ldl"], check=True, timeout=60)
        yield Limit(program, address, viewers, waiting=waiting)


def compare(address: str, viewers: int, rounds: int, seconds: float, *, waiting: bool) -> dict[str, object]:
    """The result for one number of viewers."""
    missing: dict[str, str] = {}
    with contextlib.ExitStack() as exit_, tempfile.TemporaryDirectory() as workshop:
        running: list[Contender] = []
        for contender in contenders(address, viewers, missing, Path(workshop), waiting=waiting):
            exit_.callback(contender.close)
            running.append(contender)
        samples: dict[tuple[str, int], list[Sample]] = {}
        for number in range(rounds + 1):
            for burst in BURSTS:
                for contender in running:
                    sample = contender.measure(burst, seconds if number else 1.0)
                    if number:  # the first round, a short one, warms up
                        samples.setdefault((contender.name, burst), []).append(sample)
        reports = {contender.name: contender.report() for contender in running}
    result: dict[str, object] = {
        "bench": "fanout",
        "viewers": viewers,
        "pps": PACKETS_PER_SECOND,
        "bytes": PACKET_BYTES,
    }
    result |= {"rounds": rounds, "seconds": seconds, "cpus": os.cpu_count(), "kernel": platform.release()}
    result["waiting_readers"] = waiting
    result |= reports["bichron"]
    for burst in BURSTS:
        result |= summary(burst, {name: of for (name, size), of in samples.items() if size == burst})
    return result | ({"missing": missing} if missing else {})


def summary(burst: int, samples: Mapping[str, Sequence[Sample]]) -> dict[str, object]:
    """Medians and ratios for one size of burst; the usual one, of a video frame, has the short names."""
    suffix = "" if burst == BURSTS[0] else f"_burst{burst}"
    cost = {name: statistics.median(sample.us_per_packet for sample in of) for name, of in samples.items()}
    figures: dict[str, object] = {f"burst{suffix}": burst, f"us_per_packet{suffix}": round(cost["bichron"], 2)}
    janus = {name: us for name, us in cost.items() if name.startswith("janus")}
    for name in ("python", "limit", *janus):
        if name in cost:
            figures[f"{name}_us_per_packet{suffix}"] = round(cost[name], 2)
    if janus:
        best = min(janus.values())
        figures[f"ratio{suffix}"] = round(cost["bichron"] / best, 3)
        if "python" in cost:
            figures[f"python_ratio{suffix}"] = round(cost["python"] / best, 3)
    if "limit" in cost:
        figures[f"times_limit{suffix}"] = round(cost["bichron"] / cost["limit"], 2)
    for name, of in samples.items():
        if name != "limit":
            label = "delivered" if name == "bichron" else f"{name}_delivered"
            figures[f"{label}{suffix}"] = round(statistics.median(sample.delivered for sample in of), 4)
    return figures


def in_namespace() -> str:
    """The address to use; enters a namespace of our own by starting over, where that is allowed."""
    if _NAMESPACE in os.environ:
        commands = (
            "link set lo up",
            f"link add {INTERFACE} type veth peer name {INTERFACE}p",
            f"address add {ADDRESS}/24 dev {INTERFACE}",
            f"link set {INTERFACE} up",
            f"link set {INTERFACE}p up",
        )
        for command in commands:
            if subprocess.run(["ip", *command.split()], stderr=subprocess.DEVNULL, check=False).returncode:
                return "127.0.0.1"
        return ADDRESS
    if shutil.which("ip") and shutil.which("unshare"):
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        probe = ["unshare", "--net", *user, "--", "true"]
        if subprocess.run(probe, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            os.environ[_NAMESPACE] = "1"
            os.execvp("unshare", ["unshare", "--net", *user, "--", sys.executable, "-m", "bench.fanout", *sys.argv[1:]])
    return "127.0.0.1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--viewers", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--waiting-readers", action="store_true", help="viewers wake up for every packet")
    arguments = parser.parse_args()
    address = in_namespace()
    for viewers in arguments.viewers:
        result = compare(address, viewers, arguments.rounds, arguments.seconds, waiting=arguments.waiting_readers)
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
