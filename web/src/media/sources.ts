/** What a participant can send, in the order of its lines in the offer. Names as in server/rooms/stage.py. */

export type Source = "mic" | "camera" | "screen" | "screen_audio";

export const SOURCES: readonly Source[] = ["mic", "camera", "screen", "screen_audio"];
