import { expect, test } from "vitest";
import { describeOffer, withSoundRepeated } from "./repair";

const OFFER = [
  "v=0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
  "a=rtpmap:111 opus/48000/2",
  "a=rtcp-fb:111 transport-cc",
  "a=rtpmap:63 red/48000/2",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=rtpmap:96 VP8/90000",
  "a=rtcp-fb:96 nack",
  "",
].join("\r\n");

test("sound is asked for again, and nothing else changes", () => {
  const edited = withSoundRepeated(OFFER);
  expect(edited.split("\r\n").filter((line) => !OFFER.split("\r\n").includes(line))).toEqual(["a=rtcp-fb:111 nack"]);
  expect(edited.replace("a=rtcp-fb:111 nack\r\n", "")).toBe(OFFER);
  expect(withSoundRepeated(edited)).toBe(edited);
});

test("an offer without Opus stays as it is", () => {
  const mute = OFFER.replace("opus", "PCMU");
  expect(withSoundRepeated(mute)).toBe(mute);
});

test("a browser that takes no edited offer makes its own", async () => {
  const made: (string | undefined)[] = [];
  const connection = {
    createOffer: async () => ({ type: "offer", sdp: OFFER }),
    setLocalDescription: async ({ sdp }: { sdp?: string }) => {
      if (sdp !== OFFER) throw new DOMException("edited", "InvalidModificationError");
      made.push(sdp);
    },
  };
  await describeOffer(connection as unknown as RTCPeerConnection);
  expect(made).toEqual([OFFER]);
});
