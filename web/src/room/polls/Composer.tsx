/** Writing a poll: a question, answers line by line (Enter adds one), and Start. */

import { useSignal } from "@preact/signals";
import { Play, Plus, X } from "lucide";
import { useEffect, useRef } from "preact/hooks";
import { Button, IconButton, Select, TextField, Toggle } from "../../design";
import { en } from "../../strings/en";
import { useRoom } from "../context";
import { BLANK, commandFor, missingIn, OPTIONS_MOST, TEXT_LONGEST, withOption, withOptionAfter, withoutOption } from "./draft";

const LIMITS = [
  { value: "0", label: en.polls.limits.none },
  { value: "30000", label: en.polls.limits.half },
  { value: "60000", label: en.polls.limits.one },
  { value: "120000", label: en.polls.limits.two },
  { value: "300000", label: en.polls.limits.five },
];

export function Composer({ onDone, cancellable }: { onDone: () => void; cancellable: boolean }) {
  const { session } = useRoom();
  const draft = useSignal(BLANK);
  const complain = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  const focusLine = useRef<number | null>(null);
  const missing = complain.value ? missingIn(draft.value) : null;

  useEffect(() => {
    if (focusLine.current === null) return;
    form.current?.querySelectorAll<HTMLInputElement>(".option-line input")[focusLine.current]?.focus();
    focusLine.current = null;
  }, [draft.value.options.length]);

  const addAfter = (n: number) => {
    focusLine.current = n + 1;
    draft.value = withOptionAfter(draft.value, n);
  };
  const send = (open: boolean) => {
    complain.value = true;
    const gap = missingIn(draft.value);
    if (gap !== null) return goTo(gap);
    const sent = draft.value;
    onDone();
    void session.send(commandFor(sent, open));
  };
  /** To the question, or to the first answer without words. */
  const goTo = (gap: "question" | "options") => {
    const lines = [...(form.current?.querySelectorAll<HTMLInputElement>("input[type=text], input:not([type])") ?? [])];
    (gap === "question" ? lines[0] : lines.slice(1).find((line) => !line.value.trim()))?.focus();
  };
  /** Enter goes on to the next line; from the last one it adds another. Line -1 is the question. */
  const enterAdds = (n: number) => (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if (n < draft.value.options.length - 1) form.current?.querySelectorAll<HTMLInputElement>(".option-line input")[n + 1]?.focus();
    else if (draft.value.options[n]?.trim()) addAfter(n);
  };

  return (
    <form
      class="panel-section composer"
      ref={form}
      aria-label={en.polls.composer}
      onSubmit={(event) => {
        event.preventDefault();
        send(true);
      }}
    >
      <TextField
        label={en.polls.question}
        placeholder={en.polls.questionHint}
        value={draft.value.question}
        onInput={(question) => (draft.value = { ...draft.value, question })}
        onKeyDown={enterAdds(-1)}
        {...(missing === "question" ? { error: en.polls.needQuestion } : {})}
        maxLength={TEXT_LONGEST}
        data-testid="poll-question"
      />
      <div class="option-lines">
        {draft.value.options.map((option, n) => (
          <div class="option-line" key={n}>
            <TextField
              label={en.polls.option(n + 1)}
              labelHidden
              placeholder={en.polls.option(n + 1)}
              value={option}
              onInput={(text) => (draft.value = withOption(draft.value, n, text))}
              onKeyDown={enterAdds(n)}
              maxLength={TEXT_LONGEST}
              {...(missing === "options" && n === 1 ? { error: en.polls.needOptions } : {})}
              data-testid="poll-option"
            />
            <IconButton icon={X} size="small" label={en.polls.removeOption(n + 1)} tipAlign="end" onClick={() => (draft.value = withoutOption(draft.value, n))} />
          </div>
        ))}
        {draft.value.options.length < OPTIONS_MOST && (
          <Button kind="quiet" size="small" icon={Plus} onClick={() => addAfter(draft.value.options.length - 1)} data-testid="poll-add-option">{en.polls.addOption}</Button>
        )}
      </div>
      <Select label={en.polls.limit} value={String(draft.value.durationMs)} options={LIMITS} onChange={(ms) => (draft.value = { ...draft.value, durationMs: Number(ms) })} />
      <Toggle label={en.polls.anonymous} hint={en.polls.anonymousHint} checked={draft.value.anonymous} onChange={(anonymous) => (draft.value = { ...draft.value, anonymous })} />
      <div class="composer-actions">
        <Button kind="primary" icon={Play} type="submit" data-testid="poll-start">{en.polls.start}</Button>
        <Button kind="plain" onClick={() => send(false)} data-testid="poll-save">{en.polls.save}</Button>
        {cancellable && <Button kind="quiet" onClick={onDone}>{en.polls.cancel}</Button>}
      </div>
    </form>
  );
}
