/** The link to this recording, from its beginning or from this second on. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Check, Copy } from "lucide";
import { Button, Dialog, TextField, announce } from "../design";
import { player as words } from "../strings/player";
import { clockText } from "./moment-text";
import type { Player } from "./player";

/** The link to a recording; `at_ms` makes it start there. */
export function shareLink(page: string, at_ms: number | null): string {
  const link = new URL(page);
  link.search = "";
  link.hash = "";
  if (at_ms !== null && at_ms >= 1000) link.searchParams.set("t", String(Math.floor(at_ms / 1000)));
  return link.href;
}

export function ShareDialog({ player, open, onClose }: { player: Player; open: boolean; onClose: () => void }) {
  const at_ms = useSignal(0);
  const fromHere = useSignal(true);
  const copied = useSignal<"" | "yes" | "no">("");
  useEffect(() => {
    if (!open) return;
    at_ms.value = player.position.peek();
    copied.value = "";
  }, [open]);
  const link = shareLink(location.href, fromHere.value ? at_ms.value : null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link);
      copied.value = "yes";
      announce(words.copied);
    } catch {
      document.querySelector<HTMLInputElement>("[data-testid=share-link]")?.select();
      copied.value = "no";
    }
  };
  return (
    <Dialog
      open={open}
      title={words.shareTitle}
      onClose={onClose}
      actions={<Button kind="primary" icon={copied.value === "yes" ? Check : Copy} onClick={copy}>{copied.value === "yes" ? words.copied : words.copy}</Button>}
    >
      <div class="share">
        <TextField label={words.shareLink} value={link} onInput={() => {}} hint={copied.value === "no" ? words.notCopied : undefined} data-testid="share-link" />
        <label class="check">
          <input type="checkbox" checked={fromHere.value} onChange={(event) => (fromHere.value = event.currentTarget.checked)} />
          <span>{words.shareAt(clockText(at_ms.value))}</span>
        </label>
      </div>
    </Dialog>
  );
}
