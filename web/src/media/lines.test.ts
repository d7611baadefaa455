import { expect, test } from "vitest";
import { offered } from "./lines";

const codec = (mimeType: string, sdpFmtpLine?: string) => ({ mimeType, clockRate: 90_000, ...(sdpFmtpLine === undefined ? {} : { sdpFmtpLine }) });
const h264 = (level: string, mode = 1) =>
  codec("video/H264", `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${level}`);

/** In the order in which Chromium has them. */
const CHROMIUM = [
  codec("video/VP8"), codec("video/rtx"), codec("video/VP9", "profile-id=0"), codec("video/VP9", "profile-id=2"),
  h264("42001f"), h264("42001f", 0), h264("42e01f"), h264("42e01f", 0), h264("4d001f"), h264("64001f"),
  codec("video/AV1"), codec("video/red"),
];

const names = (codecs: readonly { mimeType: string; sdpFmtpLine?: string }[]) =>
  codecs.map(({ mimeType, sdpFmtpLine }) => [mimeType.slice(6), /=(?:0|[0-9a-f]{6})$/.exec(sdpFmtpLine ?? "")?.[0] ?? ""].join(""));

test("a browser that can sends VP8 and nothing else", () => {
  expect(names(offered(CHROMIUM, true))).toEqual(["VP8", "rtx"]);
});

test("it receives whatever the server may forward", () => {
  expect(names(offered(CHROMIUM, false))).toEqual([
    "VP8", "VP9=0", "H264=42e01f", "H264=42001f", "H264=64001f", "rtx",
  ]);
});

test("one without VP8 sends what else the server forwards", () => {
  const others = CHROMIUM.filter(({ mimeType }) => mimeType !== "video/VP8");
  expect(names(offered(others, true))[0]).toBe("VP9=0");
  expect(names(offered([codec("video/H265"), h264("42e01f")], true))).toEqual(["H264=42e01f"]);
  const firefox = codec("video/H264", "profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1");
  expect(offered([firefox], true)).toEqual([firefox]);
});

test("where there is nothing of ours, the browser offers what it likes", () => {
  expect(offered([codec("video/AV1"), codec("video/rtx")], true)).toEqual([]);
});
