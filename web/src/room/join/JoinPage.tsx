/** The door: who you are, how you look and sound, and what you are walking into. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { CircleDot, Users } from "lucide";
import { Badge, Banner, Button, Icon, TextField } from "../../design";
import type { LocalMedia } from "../../media/local";
import { en } from "../../strings/en";
import type { Boot } from "../boot";
import { DeviceChoice } from "./DeviceChoice";
import { Preview } from "./Preview";
import "./join.css";

interface JoinPageProps {
  boot: Boot;
  local: LocalMedia;
  onJoin: (name: string) => void;
}

const NAME_LONGEST = 100;

export function JoinPage({ boot, local, onJoin }: JoinPageProps) {
  const name = useSignal(boot.suggestedName);
  const missing = useSignal(false);

  // Both are asked for at once, and only here: whoever says no may still join.
  useEffect(() => {
    void local.start();
  }, [local]);

  const join = () => {
    const typed = name.value.trim();
    missing.value = typed === "";
    if (missing.value) document.querySelector<HTMLInputElement>("[data-testid=join-name]")?.focus();
    else onJoin(typed);
  };
  const joinWithout = () => {
    if (name.value.trim() !== "") local.close();
    join();
  };

  return (
    <main class="join">
      <header class="join-head">
        <h1>{boot.title}</h1>
        {boot.role !== null && en.join.asRole[boot.role] !== "" && <Badge tone="accent">{en.join.asRole[boot.role]}</Badge>}
        {boot.inside && <p class="join-inside"><Icon of={Users} size={16} /> {en.join.inside(boot.inside)}</p>}
      </header>
      <div class="join-columns">
        <Preview local={local} name={name.value} />
        <form
          class="join-form"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            join();
          }}
        >
          <h2>{en.join.heading}</h2>
          <TextField
            label={en.join.name}
            hint={en.join.nameHint}
            value={name.value}
            onInput={(value) => {
              name.value = value;
              missing.value = false;
            }}
            {...(missing.value ? { error: en.join.nameMissing } : {})}
            maxLength={NAME_LONGEST}
            large
            required
            autoFocus={boot.needsName}
            autoComplete="name"
            data-testid="join-name"
          />
          <DeviceChoice local={local} />
          {boot.recorded && <Banner tone="warning" icon={CircleDot}>{en.join.recorded}</Banner>}
          <div class="join-actions">
            <Button kind="primary" size="large" wide type="submit" data-testid="join-button">{en.join.join}</Button>
            <Button kind="plain" size="large" wide onClick={joinWithout} data-testid="join-without">{en.join.without}</Button>
          </div>
        </form>
      </div>
    </main>
  );
}
