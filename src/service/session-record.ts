import type { Monitor, SessionClient } from '../bus/generated/dictionaries.js';
import type { ConnectionRecord } from './connection.js';
import type { HooksRecord } from './hooks.js';
import type { LoginRight } from './rights.js';

/** What identifies a session beyond the daemon's life: kept by its worker, which outlives us. */
export type SessionRecord = {
  readonly id: string;
  readonly user: string;
  readonly uid: number;
  readonly desktop: string;
  readonly compositor: string;
  readonly created: number;
  /** Seconds that its desktop may take to come up. */
  readonly startTimeout: number;
  /** The layout to begin with, if somebody asked for one. */
  readonly monitors?: readonly Monitor[];
  /** Of the client that it was started for, if there was one. */
  readonly address?: string;
};

/** The same with what changes, and with who may use it and does: all of it is kept by the worker. */
export type KeptSession = SessionRecord & {
  /** It has had an agent, so its start is over. */
  readonly ready: boolean;
  /** It was told to end. */
  readonly closing: boolean;
  /** Somebody who logged in is or was connected: the screen is to be locked when nobody is. */
  readonly entered: boolean;
  /** When the last client went, in seconds since the machine was started; there is none if somebody is connected. */
  readonly left?: number | undefined;
  /** When the latest client that may put anything in came, in the same seconds. */
  readonly joined?: number | undefined;
  /** Who left last. */
  readonly lastClient?: SessionClient;
  /** What the programs in session.d have been told. */
  readonly hooks?: HooksRecord;
  /** The message bus that the names below are of: another one gives the same names to others. */
  readonly bus: string;
  readonly rights: readonly (readonly [name: string, rights: readonly LoginRight[]])[];
  readonly connections: readonly ConnectionRecord[];
};

export type SessionPast = Partial<Pick<KeptSession, 'ready' | 'entered' | 'left' | 'joined' | 'lastClient' | 'hooks'>>;
