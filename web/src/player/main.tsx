/** The player's page: reads what the server put into it and starts. */
import { render } from "preact";
import "../design";
import { toast } from "../design";
import { player as words } from "../strings/player";
import { App } from "./App";
import { clockText, parseTime } from "./moment-text";
import { Player } from "./player";
import { remembering } from "./remember";

interface Boot {
  recordingId: string;
  title: string;
}

const boot = JSON.parse(document.getElementById("boot")?.textContent ?? "{}") as Boot;
const root = document.getElementById("app");
const player = new Player(boot.recordingId, words.mainRoom);

const asked = parseTime(new URLSearchParams(location.search).get("t"));
const remembered = asked === null ? remembering(player, boot.recordingId) : null;
void player.start(asked ?? remembered).then(() => {
  if (remembered !== null && player.phase.value === "ready") {
    toast(words.resumed(clockText(remembered)), "info", { label: words.startOver, onSelect: () => player.seek(0) });
  }
});

if (root) {
  root.replaceChildren();
  render(<App player={player} title={boot.title} />, root);
}

declare global {
  interface Window {
    /** For end-to-end tests and the curious. */
    bichron?: unknown;
  }
}
window.bichron = {
  player: {
    position: () => player.position.peek(),
    seek: (ms: number) => player.seek(ms),
    play: () => player.play(),
    pause: () => player.pause(),
    report: () => player.report(),
  },
};
