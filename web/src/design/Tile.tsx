/** One picture of the class: a camera, a screen, or the initials of who has neither. Put the <video> inside it. */
import type { ComponentChildren, JSX } from "preact";
import { Hand, MicOff, MonitorUp } from "lucide";
import { Avatar } from "./Avatar";
import { Icon } from "./Icon";
import { design as words } from "../strings/design";
import "./tile.css";

interface TileProps extends Omit<JSX.IntrinsicElements["div"], "name" | "ref" | "label"> {
  participant: string;
  name: string;
  source?: "camera" | "screen";
  /** False shows the initials in place of the picture. */
  hasVideo: boolean;
  /** The words on the plate; the name alone unless given ("You", "Ana's screen"). */
  label?: string;
  speaking?: boolean;
  muted?: boolean;
  handRaised?: boolean;
  /** Show the picture as in a mirror: one's own camera. */
  mirrored?: boolean;
  /** The whole picture must be seen (screens), instead of filling the tile. */
  contain?: boolean;
  /** Connection lost, or frozen. */
  dimmed?: boolean;
  children?: ComponentChildren;
}

export function Tile(props: TileProps) {
  const { participant, name, source = "camera", hasVideo, label, speaking, muted, handRaised, mirrored, contain, dimmed, children, class: extra, ...rest } = props;
  const names = ["tile", "always-dark", speaking && "tile-speaking", mirrored && "tile-mirrored", (contain ?? source === "screen") && "tile-contain", dimmed && "tile-dimmed", extra];
  return (
    <div role="group" aria-label={label ?? name} {...rest} class={names.filter(Boolean).join(" ")} data-testid="tile" data-participant={participant} data-source={source}>
      {children}
      {!hasVideo && <span class="tile-face"><Avatar name={name} seed={participant} /></span>}
      <span class="tile-plate">
        {source === "screen" ? <Icon of={MonitorUp} size={14} /> : muted && <Icon of={MicOff} size={14} class="tile-muted" label={words.microphoneOff} />}
        <span class="tile-name">{label ?? name}</span>
      </span>
      {handRaised && <span class="tile-hand"><Icon of={Hand} size={18} label={words.handRaised} /></span>}
    </div>
  );
}
