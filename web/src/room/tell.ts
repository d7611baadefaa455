/** Puts news into toasts and live regions: polite for what can wait, assertive for what changes where one is. */

import { announce, toast, type Urgency } from "../design";
import type { Classroom, Event } from "../state/model";
import { en } from "../strings/en";
import type { Pulse } from "../wire/messages";
import { mutedBy, type News, newsBetween } from "./news";
import { groupOf, MAIN, nameOf, roleOf, runsPolls } from "./selectors";
import type { ClassSession, Witness } from "./session";
import type { Ui } from "./ui";

export function witnessOf(session: ClassSession, ui: Ui): Witness {
  return {
    changed: (before, after, events) => {
      const me = session.me.value;
      // How everything was brought to its end is no news beside the end itself.
      if (after.phase === "ended") return;
      for (const news of newsBetween(before, after, me)) tell(news, after, me, ui);
      tellMuted(events, after, me, ui);
    },
    pulsed: (participant, pulse) => heard(participant, pulse, session, ui),
    refused: (reason) => toast(refusal(reason), "warning"),
  };
}

export function refusal(reason: string): string {
  return en.refused[reason] ?? en.refused.fallback;
}

function tell(news: News, view: Classroom, me: string, ui: Ui): void {
  switch (news.kind) {
    case "moved": {
      const group = groupOf(view, news.room);
      const text = news.room === MAIN || group === null ? en.breakouts.movedBack : en.breakouts.movedTo(group.name);
      ui.unread.value = 0;
      ui.page.value = 0;
      toast(text, "info", undefined, "assertive");
      return;
    }
    case "role":
      toast(en.news.role[news.role], "info", undefined, "assertive");
      return;
    case "recording":
      if (news.change === "started") ui.recordingNoticeSeen.value = false;
      // The start has a banner of its own, which asks for consent.
      if (news.change === "started") announce(en.recording.started, "assertive");
      else toast(en.recording[news.change], "info", undefined, "assertive");
      return;
    case "poll-opened":
      offer(en.polls.openedNews(news.poll.question), en.polls.answerNow, "assertive", runsPolls(roleOf(view, me)), ui);
      return;
    case "poll-published":
      offer(en.polls.publishedNews(news.poll.question), en.polls.see, "polite", runsPolls(roleOf(view, me)), ui);
      return;
    case "announced":
      toast(en.breakouts.announced(news.text), "info", undefined, "assertive");
      return;
    case "messages": {
      if (ui.panel.value !== "chat") ui.unread.value += news.messages.length;
      const last = news.messages.at(-1);
      if (last !== undefined) announce(en.chat.said(nameOf(view, last.author), last.text));
      return;
    }
    case "hand-raised":
      announce(en.news.handRaised(nameOf(view, news.participant)));
      return;
    case "hand-lowered":
      return;
    case "help-asked": {
      const text = en.breakouts.helpAsked(nameOf(view, news.participant), groupOf(view, news.room)?.name ?? "");
      if (ui.panel.value === "breakouts") announce(text, "assertive");
      else toast(text, "info", { label: en.panel.breakouts, onSelect: () => ui.open("breakouts") }, "assertive");
      return;
    }
    default:
      return news satisfies never;
  }
}

/** Show the polls at once where nothing else is in the way; otherwise offer them. Who runs them is only told. */
function offer(text: string, action: string, urgency: Urgency, told: boolean, ui: Ui): void {
  if (told) return announce(text, urgency);
  const writing = document.activeElement instanceof HTMLTextAreaElement && document.activeElement.value !== "";
  // On a phone a panel covers the stage: it opens by itself only where no other one lies there already.
  const covered = ui.narrow.value && ui.panel.value !== null && ui.panel.value !== "polls";
  if (writing || covered) return toast(text, "info", { label: action, onSelect: () => ui.open("polls") }, urgency);
  announce(text, urgency);
  ui.open("polls");
}

function tellMuted(events: readonly Event[], view: Classroom, me: string, ui: Ui): void {
  for (const { source, by } of mutedBy(events, me)) {
    if (source === "screen_audio") continue;
    ui.muted.value = { source, by };
    announce(mutedWords(source, nameOf(view, by)), "assertive");
  }
}

export function mutedWords(source: string, name: string): string {
  if (source === "camera") return en.banners.cameraStoppedBy(name);
  return source === "mic" ? en.banners.mutedBy(name) : en.banners.screenStoppedBy(name);
}

function heard(participant: string, pulse: Pulse, session: ClassSession, ui: Ui): void {
  switch (pulse.type) {
    case "typing":
      return ui.heardTyping(participant, session.now.value);
    case "reaction":
      return ui.react(participant, pulse.name);
    default:
      return pulse satisfies never;
  }
}
