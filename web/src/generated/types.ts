// Written by `python -m server.http.schema` from the Python types; do not edit.
// Instants are milliseconds since the Unix epoch; an instant of 0 means "never".

export type Event = ClassOpened | ClassEnded | ParticipantJoined | ParticipantDropped | ParticipantReturned | ParticipantLeft | RoleChanged | MessageSent | MessageDeleted | BreakoutsClosed | HandRaised | HandLowered | PollDrafted | PollOpened | PollVoted | PollAnswered | PollClosed | PollPublished | PollDiscarded | BreakoutsPlanned | BreakoutsAssigned | BreakoutsOpened | BreakoutsAnnounced | BreakoutsRecalled | ParticipantMoved | HelpAsked | HelpAnswered | SourcePublished | SourceUnpublished | SourceMuted | SourceLocked | SourceUnlocked | RecordingStarted | RecordingPaused | RecordingResumed | RecordingStopped | RecordingAcknowledged | RecordingTroubled | RecordingRecovered;

export interface ClassOpened {
  type: "class.opened";
  title: string;
  settings: Settings;
}

/** What is decided before the class. `locked` are the sources that start locked. */
export interface Settings {
  record_automatically: boolean;
  locked: Source[];
}

export type Source = "mic" | "camera" | "screen" | "screen_audio";

export interface ClassEnded {
  type: "class.ended";
  by: string;
}

export interface ParticipantJoined {
  type: "participant.joined";
  participant: string;
  name: string;
  role: Role;
}

/** What somebody may do in one class; never carried over to another (permissions.py). */
export type Role = "instructor" | "assistant" | "presenter" | "learner" | "guest";

export interface ParticipantDropped {
  type: "participant.dropped";
  participant: string;
}

/** Back on a new connection, perhaps on another device: what he published before is over. */
export interface ParticipantReturned {
  type: "participant.returned";
  participant: string;
  name: string;
  role: Role;
}

export interface ParticipantLeft {
  type: "participant.left";
  participant: string;
  reason: LeaveReason;
}

export type LeaveReason = "left" | "removed" | "timeout";

export interface RoleChanged {
  type: "role.changed";
  participant: string;
  role: Role;
  by: string;
}

export interface MessageSent {
  type: "chat.sent";
  message: string;
  room: string;
  author: string;
  text: string;
}

export interface MessageDeleted {
  type: "chat.deleted";
  message: string;
  by: string;
}

/** Everyone is in the main room again. */
export interface BreakoutsClosed {
  type: "breakouts.closed";
}

export interface HandRaised {
  type: "hand.raised";
  participant: string;
}

export interface HandLowered {
  type: "hand.lowered";
  participant: string;
  by: string;
}

export interface PollDrafted {
  type: "poll.drafted";
  poll: string;
  question: string;
  options: string[];
  anonymous: boolean;
  by: string;
}

/** Whole, since most people never saw the draft. `closes_at` 0: open end. `tally`: zeros, or empty where hidden. */
export interface PollOpened {
  type: "poll.opened";
  poll: string;
  question: string;
  options: string[];
  anonymous: boolean;
  closes_at: number;
  tally: number[];
}

export interface PollVoted {
  type: "poll.voted";
  poll: string;
  voter: string;
  option: number;
}

/** A vote as those are told who may not see it: how many answered, and the tally unless hidden. Never stored. */
export interface PollAnswered {
  type: "poll.answered";
  poll: string;
  answered: number;
  tally: number[];
}

/** `tally` is empty where hidden. */
export interface PollClosed {
  type: "poll.closed";
  poll: string;
  tally: number[];
}

export interface PollPublished {
  type: "poll.published";
  poll: string;
  tally: number[];
}

export interface PollDiscarded {
  type: "poll.discarded";
  poll: string;
}

export interface BreakoutsPlanned {
  type: "breakouts.planned";
  groups: Group[];
}

/** A breakout room and those who belong there; where they really are says `Breakouts.where`. */
export interface Group {
  id: string;
  name: string;
  members: string[];
}

/** `group` "main": in none any more. */
export interface BreakoutsAssigned {
  type: "breakouts.assigned";
  participant: string;
  group: string;
}

/** Every member is in his room now. `closes_at` 0: open end. */
export interface BreakoutsOpened {
  type: "breakouts.opened";
  groups: Group[];
  closes_at: number;
}

export interface BreakoutsAnnounced {
  type: "breakouts.announced";
  text: string;
  by: string;
}

export interface BreakoutsRecalled {
  type: "breakouts.recalled";
  closes_at: number;
}

export interface ParticipantMoved {
  type: "participant.moved";
  participant: string;
  room: string;
}

export interface HelpAsked {
  type: "help.asked";
  participant: string;
  room: string;
}

export interface HelpAnswered {
  type: "help.answered";
  participant: string;
  by: string;
}

export interface SourcePublished {
  type: "stage.published";
  participant: string;
  source: Source;
}

export interface SourceUnpublished {
  type: "stage.unpublished";
  participant: string;
  source: Source;
}

export interface SourceMuted {
  type: "stage.muted";
  participant: string;
  source: Source;
  by: string;
}

export interface SourceLocked {
  type: "stage.locked";
  source: Source;
  by: string;
}

export interface SourceUnlocked {
  type: "stage.unlocked";
  source: Source;
  by: string;
}

export interface RecordingStarted {
  type: "recording.started";
}

export interface RecordingPaused {
  type: "recording.paused";
}

export interface RecordingResumed {
  type: "recording.resumed";
}

export interface RecordingStopped {
  type: "recording.stopped";
}

export interface RecordingAcknowledged {
  type: "recording.acknowledged";
  participant: string;
}

/** From here on something is missing; `reason` as in a recording's manifest: "disk-full", "too-slow", ... */
export interface RecordingTroubled {
  type: "recording.troubled";
  reason: string;
}

/** All is recorded again. */
export interface RecordingRecovered {
  type: "recording.recovered";
}

export type Command = LeaveClass | SetRole | RemoveParticipant | SendMessage | DeleteMessage | RaiseHand | LowerHand | LowerAllHands | DraftPoll | OpenPoll | CastVote | ClosePoll | PublishPoll | DiscardPoll | PlanBreakouts | ShuffleBreakouts | AssignBreakout | OpenBreakouts | AnnounceToBreakouts | RecallBreakouts | CloseBreakouts | VisitBreakout | AskHelp | AnswerHelp | PublishSource | UnpublishSource | MuteSource | MuteAll | LockSource | UnlockSource | StartRecording | PauseRecording | ResumeRecording | StopRecording | AcknowledgeRecording | EndClass;

/** Go, for good as far as one knows. */
export interface LeaveClass {
  type: "roster.leave";
}

/** Promote or demote somebody for the rest of this class. */
export interface SetRole {
  type: "roster.set-role";
  participant: string;
  role: Role;
}

/** Send somebody out and do not let him in again. */
export interface RemoveParticipant {
  type: "roster.remove";
  participant: string;
}

/** Say something to the room one is in. */
export interface SendMessage {
  type: "chat.send";
  text: string;
}

/** Take back one's own message; a host may delete anyone's in the room he is in. */
export interface DeleteMessage {
  type: "chat.delete";
  message: string;
}

/** Ask for the floor. */
export interface RaiseHand {
  type: "hand.raise";
}

/** Give up one's own place; a host may lower anyone's. */
export interface LowerHand {
  type: "hand.lower";
  participant: string;
}

/** Clear the queue. */
export interface LowerAllHands {
  type: "hand.lower-all";
}

/** Write a poll down; with `open`, ask it at once. `duration_ms` 0: until somebody closes it. */
export interface DraftPoll {
  type: "poll.draft";
  question: string;
  options: string[];
  anonymous?: boolean;
  open?: boolean;
  duration_ms?: number;
}

/** Ask a drafted poll. `duration_ms` 0: until somebody closes it. */
export interface OpenPoll {
  type: "poll.open";
  poll: string;
  duration_ms?: number;
}

/** Choose an option, counted from 0, or change one's mind. */
export interface CastVote {
  type: "poll.vote";
  poll: string;
  option: number;
}

/** End the vote. */
export interface ClosePoll {
  type: "poll.close";
  poll: string;
}

/** Show everyone the result of a closed poll. */
export interface PublishPoll {
  type: "poll.publish";
  poll: string;
}

/** Put a poll away that is not being voted on. */
export interface DiscardPoll {
  type: "poll.discard";
  poll: string;
}

/** Say who goes with whom. A new plan replaces the old one; no groups at all is no plan. */
export interface PlanBreakouts {
  type: "breakouts.plan";
  groups: GroupPlan[];
}

/** A group as somebody plans it; it gets its id when the plan is accepted. */
export interface GroupPlan {
  name: string;
  members?: string[];
}

/** Plan groups of even size by chance. Hosts stay out of it: they walk between the groups. */
export interface ShuffleBreakouts {
  type: "breakouts.shuffle";
  groups: number;
}

/** Put somebody into another group, or with "main" into none; while the rooms are open this moves him. */
export interface AssignBreakout {
  type: "breakouts.assign";
  participant: string;
  group: string;
}

/** Send everyone to his group. `duration_ms` 0: until somebody recalls them. */
export interface OpenBreakouts {
  type: "breakouts.open";
  duration_ms?: number;
}

/** Tell all rooms something. */
export interface AnnounceToBreakouts {
  type: "breakouts.announce";
  text: string;
}

/** Close the rooms after a countdown; recalling again may only shorten it. */
export interface RecallBreakouts {
  type: "breakouts.recall";
  countdown_ms?: number;
}

/** Bring everyone back to the main room now. */
export interface CloseBreakouts {
  type: "breakouts.close";
}

/** Walk into a room, or with "main" back out. */
export interface VisitBreakout {
  type: "breakouts.visit";
  room: string;
}

/** Call a host into one's group. */
export interface AskHelp {
  type: "breakouts.ask-help";
}

/** Take a call off the list. */
export interface AnswerHelp {
  type: "breakouts.answer-help";
  participant: string;
}

/** Begin to send. */
export interface PublishSource {
  type: "stage.publish";
  source: Source;
}

/** Stop sending. */
export interface UnpublishSource {
  type: "stage.unpublish";
  source: Source;
}

/** Stop somebody from sending; he may begin again unless the source is locked. */
export interface MuteSource {
  type: "stage.mute";
  participant: string;
  source: Source;
}

/** Mute the microphones of all who do not run the class. */
export interface MuteAll {
  type: "stage.mute-all";
}

/** Keep a source to those whom no lock binds, and mute the others. */
export interface LockSource {
  type: "stage.lock";
  source: Source;
}

/** Let everyone send again whose role allows it. */
export interface UnlockSource {
  type: "stage.unlock";
  source: Source;
}

/** Begin a take. */
export interface StartRecording {
  type: "recording.start";
}

/** Leave out what follows. */
export interface PauseRecording {
  type: "recording.pause";
}

/** Go on with a paused take. */
export interface ResumeRecording {
  type: "recording.resume";
}

/** End the take. */
export interface StopRecording {
  type: "recording.stop";
}

/** Say that one has read that the class is recorded. */
export interface AcknowledgeRecording {
  type: "recording.acknowledge";
}

/** End the class for everyone. Nothing happens in it afterwards. */
export interface EndClass {
  type: "class.end";
}

export type Pulse = Typing | Reaction;

/** Somebody is writing in the chat; the page forgets it after a few seconds. */
export interface Typing {
  type: "typing";
}

/** A face or a sign, shown for a moment. */
export interface Reaction {
  type: "reaction";
  name: ReactionName;
}

/** What one may show for a moment. A closed list: the name reaches other people's pages. */
export type ReactionName = "clap" | "heart" | "laugh" | "surprised" | "yes" | "no" | "slower" | "faster";

export type ClientMessage = Hello | CommandFrame | PulseFrame | MediaOffer | MediaWatch | Ping;

/** The first frame, within five seconds: the join token, which program this is, and where it had got to. */
export interface Hello {
  type: "hello";
  token: string;
  client: string;
  last_seq?: number | null;
}

/** A wish. Answered by `ack` or `refused` with its counter; sent again with the same counter it is done once. */
export interface CommandFrame {
  type: "command";
  counter: number;
  command: Command;
}

/** Something only worth knowing now; relayed to one's room, never stored, dropped when there is too much of it. */
export interface PulseFrame {
  type: "pulse";
  pulse: Pulse;
}

/** The one WebRTC offer of a media connection, or its ICE restart. Answered by `media.answer` or `error`. */
export interface MediaOffer {
  type: "media.offer";
  sdp: string;
  sources: Record<string, string>;
}

/** What is on this viewer's screen, most important first; replaces what was wanted before. */
export interface MediaWatch {
  type: "media.watch";
  wanted: Wanted[];
  cameras?: number | null;
}

/** A picture to receive; `quality` "high" (large), "low" (thumbnail) or "stills" (full size, every few seconds). */
export interface Wanted {
  participant: string;
  source: string;
  quality: string;
}

/** Answered by `pong` with the same `n`. */
export interface Ping {
  type: "ping";
  n: number;
}

export type ServerMessage = Welcome | Ack | RefusedFrame | EntryFrame | ViewFrame | PulseTold | MediaAnswer | MediaSlots | MediaLayers | MediaLevels | MediaLink | MediaLinks | MediaGone | Pong | ErrorFrame | ByeFrame;

/** The answer to `hello`: the whole view, or (a resume) none, and the missed entries follow as `entry` frames. */
export interface Welcome {
  type: "welcome";
  participant: string;
  role: Role;
  now: number;
  seq: number;
  view: Classroom | null;
  entries: EntryFrame[] | null;
}

/**
 * `seq` is that of the last entry applied; `ended_at` is 0 while the class is open.
 *
 * `done` keeps which commands of each client were carried out, as (counter, seq), newest last.
 */
export interface Classroom {
  id: string;
  title: string;
  phase: ClassPhase;
  settings: Settings;
  opened_at: number;
  ended_at: number;
  seq: number;
  roster: Roster;
  chat: Chat;
  hands: Hands;
  polls: Polls;
  breakouts: Breakouts;
  stage: Stage;
  recording: Recording;
  done: Record<string, [number, number][]>;
}

export type ClassPhase = "open" | "ended";

/** Everyone who ever came. `appointed` are those whose role an instructor chose in class: links no longer do. */
export interface Roster {
  people: Record<string, Participant>;
  removed: string[];
  appointed: string[];
}

/** `since` is when `presence` last changed. */
export interface Participant {
  id: string;
  name: string;
  role: Role;
  presence: Presence;
  joined_at: number;
  since: number;
}

export type Presence = "connected" | "dropped" | "gone";

/** Of every room, oldest first. */
export interface Chat {
  messages: Message[];
}

export interface Message {
  id: string;
  room: string;
  author: string;
  text: string;
  at: number;
  deleted: boolean;
}

/** Who waits for the floor, longest wait first. */
export interface Hands {
  queue: RaisedHand[];
}

export interface RaisedHand {
  participant: string;
  at: number;
}

/** Drafts in the order of writing; an opened poll moves to the end, so both kinds keep their order in any view. */
export interface Polls {
  polls: Poll[];
}

/** `closes_at` 0: open end. `votes` and `tally` hold what the viewer may see, in the full state everything. */
export interface Poll {
  id: string;
  question: string;
  options: string[];
  anonymous: boolean;
  phase: PollPhase;
  opened_at: number;
  closes_at: number;
  votes: Record<string, number>;
  answered: number;
  tally: number[];
}

export type PollPhase = "draft" | "open" | "closed" | "published";

/** `closes_at` 0: open end. `where` leaves out the main room. */
export interface Breakouts {
  phase: BreakoutPhase;
  groups: Group[];
  closes_at: number;
  where: Record<string, string>;
  announcements: Announcement[];
  help: HelpCall[];
}

export type BreakoutPhase = "none" | "planned" | "open" | "closing";

export interface Announcement {
  text: string;
  at: number;
  by: string;
}

export interface HelpCall {
  participant: string;
  room: string;
  at: number;
}

/** Who sends nothing is not in `live`. */
export interface Stage {
  live: Record<string, Source[]>;
  locked: Source[];
}

/** `started_at` is 0 while off, `trouble` "" while all is well. `takes` counts starts, the running one included. */
export interface Recording {
  phase: RecordingPhase;
  started_at: number;
  takes: number;
  acknowledged: string[];
  trouble: string;
}

export type RecordingPhase = "off" | "on" | "paused";

/** What one command did, as far as this viewer may see it. `seq` grows, with gaps for what he may not see. */
export interface EntryFrame {
  type: "entry";
  seq: number;
  at: number;
  actor: string;
  events: Event[];
  now: number;
}

/** The command with this counter is done and on disk; entry `seq` holds what it did. */
export interface Ack {
  type: "ack";
  counter: number;
  seq: number;
}

/** The command with this counter did nothing. `reason` is a stable dotted code, such as "poll.closed". */
export interface RefusedFrame {
  type: "refused";
  counter: number;
  reason: string;
}

/** A whole new view in place of entries: what this viewer may see has changed. */
export interface ViewFrame {
  type: "view";
  seq: number;
  view: Classroom;
  now: number;
}

export interface PulseTold {
  type: "pulse";
  participant: string;
  pulse: Pulse;
}

export interface MediaAnswer {
  type: "media.answer";
  sdp: string;
  slots: Record<string, string>;
}

/** The whole new mapping of receiving lines. It changes without any new offer. */
export interface MediaSlots {
  type: "media.slots";
  slots: MediaSlot[];
}

/**
 * What a receiving line carries; participant "" says: nothing, hide it.
 *
 * `shown` "stills": still pictures every few seconds, as wished or because the link carries no more of a screen;
 * "unplayable": the offer had none of the codecs in which this is sent, so nothing of it comes.
 */
export interface MediaSlot {
  mid: string;
  participant: string;
  source: string;
  shown: Shown;
}

/** How a source comes to a viewer. */
export type Shown = "live" | "stills" | "unplayable";

/**
 * Send these layers of one's own camera or screen and rest the others: nobody watches or records them.
 *
 * Lowest first; none: nobody wants the picture at all. A picture without layers has the one rid "". A new offer begins
 * with all of them. Who goes on sending costs himself bandwidth and nobody else anything.
 */
export interface MediaLayers {
  type: "media.layers";
  source: string;
  rids: string[];
}

/** Loudness in -dBov (0 loudest, 127 silence) of those heard, and who leads. */
export interface MediaLevels {
  type: "media.levels";
  levels: Record<string, number>;
  speaker: string | null;
}

/**
 * How good one's own connection is, told when that changes, every four seconds at most.
 *
 * `lost_in` and `lost_out` are percent of the packets one is sent and one sends, before repair; `reduced` are the
 * pictures that come with less than they would on a better connection.
 */
export interface MediaLink {
  type: "media.link";
  quality: Quality;
  lost_in: number;
  lost_out: number;
  round_trip_ms: number | null;
  reduced: ReducedPicture[];
}

/** In order of getting worse. */
export type Quality = "good" | "fair" | "weak";

/**
 * Whose picture, and what is left of it: "fewer" pictures a second, a "smaller" one, or "nothing".
 *
 * `layer` is the rid that comes, "" without layers; of its temporal layers those up to `temporal`, null for all.
 */
export interface ReducedPicture {
  participant: string;
  source: string;
  less: Less;
  layer: string;
  temporal: number | null;
}

/** What a link that is too narrow leaves of a picture. */
export type Less = "fewer" | "smaller" | "nothing";

/** For instructors and assistants: everyone whose connection is not good. The whole map, when it changes. */
export interface MediaLinks {
  type: "media.links";
  links: Record<string, Quality>;
}

/** The media connection ended ("closed", "timeout", "failed", "error"); offer again. The class goes on. */
export interface MediaGone {
  type: "media.lost";
  reason: string;
}

export interface Pong {
  type: "pong";
  n: number;
  now: number;
}

/** A frame that could not be used, or, before `welcome`, why the connection ends. `code` is stable and dotted. */
export interface ErrorFrame {
  type: "error";
  code: string;
}

/** The last frame; the close code says the same (see CLOSE_CODES). */
export interface ByeFrame {
  type: "bye";
  reason: string;
}
