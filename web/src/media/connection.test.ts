// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MediaConnection } from "./connection";
import { PeerSource } from "./peers";

/** As much of an RTCPeerConnection as an offer needs; the test plays the network. */
class FakePeer {
  static made: FakePeer[] = [];
  connectionState = "new";
  signalingState = "stable";
  onconnectionstatechange: (() => void) | null = null;
  localDescription: { sdp: string } | null = null;
  currentRemoteDescription: { sdp: string } | null = null;
  restarts = 0;
  closed = false;
  readonly lines: { kind: string; direction: string; mid: string | null; sent: unknown }[] = [];

  constructor() {
    FakePeer.made.push(this);
  }
  addTransceiver(kind: string, { direction }: { direction: string }) {
    const line = { kind, direction, mid: null as string | null, sent: null as unknown };
    this.lines.push(line);
    return {
      get mid() {
        return line.mid;
      },
      receiver: { track: { kind } },
      sender: { replaceTrack: async (track: unknown) => void (line.sent = track) },
      setCodecPreferences: () => undefined,
    };
  }
  async createOffer({ iceRestart }: RTCOfferOptions = {}) {
    if (iceRestart) this.restarts += 1;
    return { type: "offer", sdp: "" };
  }
  async setLocalDescription() {
    this.lines.forEach((line, n) => (line.mid = String(n)));
    this.signalingState = "have-local-offer";
    this.localDescription = { sdp: "offer" };
  }
  async setRemoteDescription(answer: { sdp: string }) {
    this.signalingState = "stable";
    this.currentRemoteDescription = answer;
  }
  become(state: string) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
  close() {
    this.closed = true;
  }
}

const camera = { kind: "video" } as MediaStreamTrack;

function bench() {
  const offers: Record<string, string>[] = [];
  const peers = new PeerSource({ audio: 5, video: 16 });
  const media = new MediaConnection(
    {
      offer: (_sdp, sources) => {
        offers.push({ ...sources });
        return true;
      },
    },
    () => [],
    peers,
  );
  return { media, offers, peers, peer: () => FakePeer.made.at(-1) as FakePeer };
}

/** An answer of the session of that number. */
function answer(session: number, version: number) {
  return `v=0\r\no=- ${session} ${version} IN IP4 127.0.0.1\r\n`;
}

async function connected() {
  const all = bench();
  all.media.signallingIsBack();
  await vi.advanceTimersByTimeAsync(0);
  await all.media.answered(answer(1, 1));
  all.peer().become("connected");
  return all;
}

beforeEach(() => {
  vi.useFakeTimers();
  FakePeer.made = [];
  vi.stubGlobal("RTCPeerConnection", FakePeer);
  vi.stubGlobal("RTCRtpSender", { getCapabilities: () => ({ codecs: [] }) });
  vi.stubGlobal("RTCRtpReceiver", { getCapabilities: () => ({ codecs: [] }) });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("one offer names the four sending lines and brings the pool to receive on", async () => {
  const { media, offers, peer } = await connected();
  expect(offers).toEqual([{ 0: "mic", 1: "camera", 2: "screen", 3: "screen_audio" }]);
  expect(peer().lines.filter((line) => line.direction === "recvonly")).toHaveLength(21);
  expect(media.tracks.value.size).toBe(21);
  expect(media.state.value).toBe("connected");
});

test("the connection made at the door is the one that is offered, and only once", async () => {
  const { media, offers, peers } = bench();
  peers.prepare();
  media.signallingIsBack();
  await vi.advanceTimersByTimeAsync(0);
  expect(FakePeer.made).toHaveLength(1);
  await media.negotiate();
  expect(FakePeer.made.map((made) => made.closed)).toEqual([true, false]);
  expect(offers).toHaveLength(2);
});

test("a camera that starts later goes out without another offer", async () => {
  const { media, offers, peer } = await connected();
  await media.send("camera", camera);
  expect(peer().lines[1]?.sent).toBe(camera);
  expect(offers).toHaveLength(1);
});

test("a connection that falters looks for another path, and goes on if there is one", async () => {
  const { media, offers, peer } = await connected();
  media.map([{ mid: "9", participant: "ana", source: "camera", shown: "live" }]);
  peer().become("disconnected");
  expect(media.state.value).toBe("lost");
  await vi.advanceTimersByTimeAsync(2_000);
  expect([peer().restarts, offers.length]).toEqual([1, 2]);
  await media.answered(answer(1, 2));
  peer().become("connected");
  await vi.advanceTimersByTimeAsync(20_000);
  expect(media.state.value).toBe("connected");
  expect(media.mapping.value.find("ana", "camera")?.mid).toBe("9");
  expect(FakePeer.made).toHaveLength(1);
});

test("a path that heals by itself is left alone", async () => {
  const { media, offers, peer } = await connected();
  peer().become("disconnected");
  await vi.advanceTimersByTimeAsync(1_900);
  peer().become("connected");
  await vi.advanceTimersByTimeAsync(20_000);
  expect(media.state.value).toBe("connected");
  expect(offers).toHaveLength(1);
});

test("where no other path is found, all is offered anew, with what is being sent", async () => {
  const { media, offers, peer } = await connected();
  await media.send("camera", camera);
  peer().become("failed");
  expect(media.state.value).toBe("lost");
  await vi.advanceTimersByTimeAsync(0);
  await media.answered(answer(1, 2));
  peer().become("failed");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(offers).toHaveLength(3);
  expect(peer().lines[1]?.sent).toBe(camera);
  expect(FakePeer.made[0]?.closed).toBe(true);
});

test("a restart that nobody answers is given up", async () => {
  const { offers, peer } = await connected();
  peer().become("failed");
  await vi.advanceTimersByTimeAsync(6_000);
  expect(offers).toHaveLength(3);
  expect(FakePeer.made).toHaveLength(2);
});

test("a server that has forgotten the connection answers for another one, so there is another one", async () => {
  const { media, offers, peer } = await connected();
  peer().become("failed");
  await vi.advanceTimersByTimeAsync(0);
  await media.answered(answer(2, 1));
  expect(FakePeer.made[0]?.closed).toBe(true);
  expect(offers).toHaveLength(3);
});

test("a change of network that cost both connections: once the live one is back, the other looks for a path", async () => {
  const { media, offers, peer } = await connected();
  peer().become("disconnected");
  media.signallingIsBack();
  await vi.advanceTimersByTimeAsync(0);
  expect([peer().restarts, offers.length, FakePeer.made.length]).toEqual([1, 2, 1]);
});

test("after a return, media that the server still knows goes on", async () => {
  const { media, offers } = await connected();
  media.signallingIsBack();
  media.map([{ mid: "4", participant: "ana", source: "mic", shown: "live" }]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(offers).toHaveLength(1);
});

test("after a return, media that the server has forgotten is offered anew", async () => {
  const { media, offers } = await connected();
  media.signallingIsBack();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(offers).toHaveLength(2);
});

test("news of a lost connection that crossed with a new offer is about the one before", async () => {
  const { media, offers } = bench();
  media.signallingIsBack();
  await vi.advanceTimersByTimeAsync(0);
  media.reportedLost();
  expect(media.state.value).toBe("connecting");
  await media.answered(answer(1, 1));
  media.reportedLost();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(offers).toHaveLength(2);
});

test("an offer that brings no connection says that the network may be in the way, and is made again", async () => {
  const { media, offers } = bench();
  media.signallingIsBack();
  await vi.advanceTimersByTimeAsync(0);
  await media.answered(answer(1, 1));
  await vi.advanceTimersByTimeAsync(12_000);
  expect(media.unreachable.value).toBe(true);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(offers.length).toBeGreaterThan(1);
});

test("a new connection shows nothing until the server maps it", async () => {
  const { media } = await connected();
  media.map([{ mid: "9", participant: "ana", source: "camera", shown: "live" }]);
  expect(media.mapping.value.find("ana", "camera")?.mid).toBe("9");
  media.reportedLost();
  expect(media.mapping.value.find("ana", "camera")).toBeNull();
});
