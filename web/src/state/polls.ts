/** Polls and their votes: the browser's twin of `apply` in server/rooms/polls.py. An empty tally is a hidden one. */

import type { Event, Poll, Polls } from "./model";

export function applyPolls(polls: Polls, event: Event, at: number): Polls {
  switch (event.type) {
    case "poll.drafted":
      return { polls: [...polls.polls, blank(event)] };
    case "poll.opened": {
      const opened: Poll = {
        ...blank(event),
        phase: "open",
        opened_at: at,
        closes_at: event.closes_at,
        tally: event.tally,
      };
      return { polls: [...polls.polls.filter((poll) => poll.id !== event.poll), opened] };
    }
    case "poll.discarded":
      return { polls: polls.polls.filter((poll) => poll.id !== event.poll) };
    case "poll.voted":
      return change(polls, event.poll, (poll) => voted(poll, event.voter, event.option));
    case "poll.answered":
      return change(polls, event.poll, (poll) => ({ ...poll, answered: event.answered, tally: event.tally }));
    case "poll.closed":
      return change(polls, event.poll, (poll) => ({ ...poll, phase: "closed", tally: event.tally }));
    case "poll.published":
      return change(polls, event.poll, (poll) => ({ ...poll, phase: "published", tally: event.tally }));
    default:
      return polls;
  }
}

type Asked = Extract<Event, { type: "poll.drafted" | "poll.opened" }>;

function blank({ poll: id, question, options, anonymous }: Asked): Poll {
  return {
    id,
    question,
    options,
    anonymous,
    phase: "draft",
    opened_at: 0,
    closes_at: 0,
    votes: {},
    answered: 0,
    tally: [],
  };
}

function voted(poll: Poll, voter: string, option: number): Poll {
  const before = poll.votes[voter];
  return {
    ...poll,
    votes: { ...poll.votes, [voter]: option },
    answered: poll.answered + (before === undefined ? 1 : 0),
    tally: poll.tally.map((votes, n) => votes + (n === option ? 1 : 0) - (n === before ? 1 : 0)),
  };
}

function change(polls: Polls, id: string, how: (poll: Poll) => Poll): Polls {
  return { polls: polls.polls.map((poll) => (poll.id === id ? how(poll) : poll)) };
}
