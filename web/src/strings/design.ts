/** The few words the design system says by itself, in English. */

export const design = {
  close: "Close",
  cancel: "Cancel",
  news: "News",
  dismiss: "Dismiss",
  microphoneOff: "Microphone off",
  handRaised: "Hand raised",
  answer: "Answer",
  votes: "Votes",
  yourAnswer: "Your answer",
  share: (part: number) => new Intl.NumberFormat("en", { style: "percent" }).format(part),
  countNew: (n: number) => `${n} new`,
};
