/** What is wrong with a device, what to do about it, and one button. */

import { CircleAlert } from "lucide";
import { Button, Icon } from "../../design";
import { HOPELESS, type Trouble } from "../../media/trouble";
import { en } from "../../strings/en";

interface TroubleNoteProps {
  trouble: Trouble;
  /** The other device has the same trouble: one note says it for both. */
  both?: boolean;
  onRetry: () => void;
}

export function TroubleNote({ trouble, both = false, onRetry }: TroubleNoteProps) {
  const device = both ? "both" : trouble.device;
  return (
    <div class="trouble" role="alert">
      <Icon of={CircleAlert} size={18} />
      <div>
        <p class="trouble-title">{en.trouble.title[device]}</p>
        <p>{en.trouble.text(device, trouble.reason)}</p>
      </div>
      {!HOPELESS.includes(trouble.reason) && <Button size="small" onClick={onRetry}>{en.trouble.retry}</Button>}
    </div>
  );
}
