import type { Grant, Monitor } from '../bus/generated/dictionaries.js';
import type { Settings } from '../configuration/generated/settings.js';
import { defaultLayout, placeMonitors } from '../layout/layout.js';
import { formatLayout } from '../layout/notation.js';
import { clientKey } from './client-address.js';

/** The session that a user has, as it was started. */
export type Running = {
  readonly id: string;
  readonly user: string;
  readonly desktop: string;
  readonly monitors?: readonly Monitor[] | undefined;
  /** Of the client that it was started for. */
  readonly address?: string | undefined;
  readonly connected: boolean;
};

/** What somebody asks for. What they do not mention may be as it is. */
export type Request = {
  readonly desktop?: string | undefined;
  readonly monitors?: readonly Monitor[] | undefined;
  readonly clientAddress?: string | undefined;
  /** Whether the running session is wanted, or another one and no other's end; undefined: as it is configured. */
  readonly reuse?: boolean | undefined;
  /** What they may do in it; undefined: everything. */
  readonly grants?: readonly Grant[] | undefined;
};

/** Whether somebody is given the running session, or another one in its place, or neither. */
export type Answer =
  | { readonly do: 'rejoin' }
  | { readonly do: 'replace'; readonly why: string }
  | { readonly do: 'refuse'; readonly why: string };

export type RejoinSettings = Pick<Settings['Session'], 'Rejoin' | 'OtherSession'>;

/** Decides for somebody who may use sessions of that user what becomes of their request: remote-access.conf(5), `Rejoin`. */
export function answer(running: Running, request: Request, { Rejoin, OtherSession }: RejoinSettings): Answer {
  const { id, user, connected } = running;
  const refuse = (why: string): Answer => ({ do: 'refuse', why });
  if (request.reuse === false) return refuse(`${user} has session ${id} already, and a user can have only one`);
  const asked = [
    ...(Rejoin.includes('desktop') ? differentDesktop(running, request) : []),
    ...(Rejoin.includes('size') ? differentSize(running, request) : []),
  ];
  const given = [
    ...(Rejoin.includes('address') ? differentAddress(running, request) : []),
    ...(Rejoin.includes('never') && request.reuse === undefined ? ['is given to nobody who logs in anew'] : []),
  ];
  if (asked.length + given.length === 0) return { do: 'rejoin' };
  const why = `session ${id} of ${user} ${[...asked, ...given].join(', and ')}`;
  if (OtherSession === 'refuse') return refuse(`${why}: ${given.length > 0 ? '' : 'ask for that, or '}end it first`);
  if (OtherSession === 'end-disconnected' && connected) return refuse(`${why}, and somebody is connected to it`);
  // Who may only look shall not end what others work on.
  if (request.grants?.includes('keyboard') === false)
    return refuse(`${why}, and a login without the keyboard cannot end it`);
  return { do: 'replace', why };
}

function differentDesktop({ desktop }: Running, { desktop: wanted = desktop }: Request): string[] {
  return wanted === desktop ? [] : [`has the desktop ${desktop}, not ${wanted}`];
}

function differentSize({ monitors = defaultLayout() }: Running, { monitors: wanted = monitors }: Request): string[] {
  const [has, asked] = [shapeOf(monitors), shapeOf(wanted)];
  return has === asked ? [] : [`began with ${has}, not ${asked}`];
}

function differentAddress({ address }: Running, { clientAddress: wanted }: Request): string[] {
  if (address === undefined || wanted === undefined || placeOf(address) === placeOf(wanted)) return [];
  return [`was started for ${address}, not ${wanted}`];
}

/** How a layout looks, whatever its monitors are called, and in whichever order they are told. */
function shapeOf(monitors: readonly Monitor[]): string {
  return formatLayout(
    placeMonitors(monitors)
      .map(({ size, position, scale, transform }) => ({ id: '', size, position, scale, transform }))
      .sort((one, other) => one.position[0] - other.position[0] || one.position[1] - other.position[1]),
  ).replaceAll('=', '');
}

/** Where an address is: this machine has many. */
function placeOf(address: string): string {
  const key = clientKey(address);
  return /^(127\.|0:0:0:0::\/64$|localhost$)/.test(key) ? 'here' : key;
}
