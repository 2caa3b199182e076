/** A client of wschat.v1: see docs/protocol.md. Ids are strings, since they may be larger than a number holds. */

export type State = 'connecting' | 'online' | 'offline' | 'closed';

/** Why it does not go on: asked for by close(); another client took the seat with its key; a token is wanted; put out or
 * without the right; the origin, the host or the path is refused. */
export type WhyCode = 'closed' | 'replaced' | 'token' | 'forbidden' | 'refused';

export interface Why {
  code: WhyCode;
  text: string;
}

/** An error has a code of the protocol, or 'too-long', 'unsure' (a direct message that may have arrived), 'offline', or a
 * WhyCode. */
export interface ChatError extends Error {
  code: string;
}

export interface Options {
  /** 'lobby' without it. */
  room?: string;
  name?: string;
  /** 1 to 2^63-1; the time without it. Another one is taken where it is in use. */
  id?: string | number;
  /** What a welcome told: takes that seat back. */
  key?: string;
  /** A position to go on from. */
  since?: string;
  /** Old messages at the start; 50 without it. */
  history?: number;
  token?: string;
  /** Called when the server wants another token; nothing, or the same one, ends it. */
  askToken?: (refused: { text: string; refused?: string }) => Promise<string | undefined> | string | undefined;
  /** A class to take in place of the global one, such as that of the package ws, where Node is older than 22. */
  WebSocket?: unknown;
  /** What is known of a room, where a program keeps it longer than this object. */
  place?: (room: string) => Place;
  /** Sees every frame: 'in' or 'out', 'http', 'text' or 'close'. */
  tap?: (direction: 'in' | 'out', kind: 'http' | 'text' | 'close', payload: string) => void;
}

export interface RoomEvent {
  type: string;
  pos?: string;
  ts: number;
  from: string;
  name: string;
  /** Said by the seat that this client holds. */
  isOwn: boolean;
}

export interface Message extends RoomEvent {
  type: 'message' | 'direct';
  text?: string;
  data?: unknown;
  /** The position of the message that this one answers. */
  re?: string;
  to?: string;
  ref?: string;
  retracted?: boolean;
  reactions?: Record<string, string[]>;
  /** It was said by somebody else, and not before this client came. */
  isNew: boolean;
  /** What say() made of it. */
  entry?: Entry;
}

export interface Entry {
  ref: string;
  from: string;
  text?: string;
  to?: string;
  state: 'waiting' | 'sending' | 'doubt' | string;
}

export interface Events {
  message: Message;
  direct: Message;
  join: RoomEvent;
  leave: RoomEvent;
  /** `was`: the name before. */
  rename: RoomEvent & { was?: string };
  count: { type: 'count'; count: number };
  react: RoomEvent & { to: string; emoji: string; on: boolean };
  retract: RoomEvent & { of: string };
  slow: RoomEvent & { seconds: number };
  typing: RoomEvent;
  /** After command({ type: 'wire' }): control frames of this connection, which browsers hide. */
  wire: { by?: 'client' | 'server'; frame?: 'ping' | 'pong' | 'close'; code?: number; count?: number; length?: number; hex?: string;
    on?: boolean };
  /** isLate: something may be missing. */
  welcome: { id: string; room: string; name: string; pos: string; key: string; recovered: boolean; isLate: boolean; count: number;
    members: { id: string; name: string }[]; mod?: boolean; slow?: number };
  /** What comes from now on is not the replay of before. */
  live: undefined;
  error: { code: string; text: string; ref?: string };
  state: { state: State; retryAt?: number; why?: Why };
  /** A connection ended; the next try follows. */
  break: { code: number; text: string };
  /** A message that was not said and will not be. */
  failed: { entry: Entry; code: string; text: string };
  /** The entries of the place have changed. */
  entries: undefined;
  /** Members or their count have changed. */
  people: undefined;
  /** The id was in use, and is another now. */
  id: Chat;
}

/** What a client knows of a room. */
export class Place {
  constructor(name: string);
  readonly name: string;
  since?: string;
  /** What has not come back yet. */
  entries: Entry[];
  members: Map<string, string>;
  count: number;
  /** For subclasses that keep the entries. */
  onEntries(): void;
}

export class Chat {
  constructor(base: string | URL, options?: Options);
  readonly state: State;
  readonly why?: Why;
  readonly id: string;
  readonly key?: string;
  readonly room: string;
  readonly since?: string;
  readonly members: Map<string, string>;
  readonly count: number;
  readonly isModerator: boolean;
  readonly hasTyping: boolean;
  readonly isReplaying: boolean;
  /** Bytes of the longest message. */
  readonly limit: number;
  on<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): this;
  start(): this;
  /** Gives the seat up. What has not come back by then is told as failed to who waits for it. */
  close(): Promise<void>;
  /** Resolves when it has its place in the room, which may be after breaks of the connection: it is said once. */
  say(text: string | undefined, options?: { to?: string | number; re?: string; data?: unknown }): Promise<Message>;
  /** Bytes that a message is over the limit. */
  excess(text: string, re?: string): number;
  rename(name: string): void;
  enter(room: string): Promise<void>;
  setToken(token: string): void;
  /** Tells the room that one writes, at most once in three seconds, where the server runs with --typing. */
  typing(): void;
  /** How many messages a room keeps that came after one of its positions; 0 also where a token does not open all rooms. */
  unread(room: string, since: string): Promise<{ count: number }>;
  older(before: string, limit?: number): Promise<{ events: Message[]; end: boolean }>;
  react(to: string, emoji: string, on?: boolean): Promise<unknown>;
  retract(of: string): Promise<unknown>;
  slow(seconds: number): Promise<unknown>;
  kick(id: string | number, reason?: string): void;
  ban(id: string | number, seconds?: number, reason?: string): Promise<{ ban: string; until?: number }>;
  /** Any other command. Resolves with the answer that has its ref. */
  command(fields: object, ids?: Record<string, string | number>): Promise<unknown>;
}

/** The address is that of a server, or of the folder of its page. */
export function connect(base: string | URL, options?: Options): Chat;
