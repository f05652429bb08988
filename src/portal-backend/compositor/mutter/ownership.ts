import type { Bus } from '../../../bus/bus.js';
import { mutterRemoteDesktop } from '../../../bus/generated/mutter-remote-desktop.js';
import {
  type MutterRemoteDesktopSession,
  mutterRemoteDesktopSession,
} from '../../../bus/generated/mutter-remote-desktop-session.js';
import { mutterScreenCast } from '../../../bus/generated/mutter-screen-cast.js';
import {
  type MutterScreenCastSession,
  mutterScreenCastSession,
} from '../../../bus/generated/mutter-screen-cast-session.js';
import { RemoteObject } from '../../../bus/remote-object.js';
import { Variant } from '../../../bus/variant.js';
import { SessionFailed } from '../../../errors.js';
import type { Anchor } from '../../anchor.js';
import type { MadeMonitor } from './virtual-monitor.js';

type Notes = { mutter: string; remoteDesktop: string; screenCast: string; made: readonly MadeMonitor[] };

/**
 * The sessions of mutter that the monitors belong to. mutter gives every monitor that it makes a serial number of its
 * own and remembers windows by that, so monitors made anew are not the ones that windows were on. Therefore the
 * sessions belong to the anchor's bus connection, not to the agent's.
 */
export class Ownership {
  /** The remote desktop session's object path. */
  readonly path: string;
  readonly screenCast: RemoteObject<MutterScreenCastSession>;
  /** The monitors that an agent before us made; undefined if everything is new. */
  readonly made: readonly MadeMonitor[] | undefined;
  readonly #anchor: Anchor;

  private constructor(anchor: Anchor, { mutter, remoteDesktop, screenCast }: Notes, made?: readonly MadeMonitor[]) {
    this.#anchor = anchor;
    this.path = remoteDesktop;
    this.screenCast = new RemoteObject(anchor.bus, mutterScreenCastSession, mutter, screenCast);
    this.made = made;
  }

  /** Fails where the anchor was left by an agent whose sessions mutter no longer has. */
  static async take(anchor: Anchor, mutter: string): Promise<Ownership> {
    if (anchor.inherited) {
      const notes = anchor.recall() as Notes | undefined;
      if (notes?.mutter !== mutter) throw new SessionFailed('the agent before left no notes');
      await new RemoteObject(anchor.bus, mutterRemoteDesktopSession, mutter, notes.remoteDesktop).property('SessionId');
      return new Ownership(anchor, notes, notes.made);
    }
    const owner = await createSession(anchor.bus, mutter);
    const root = new RemoteObject(anchor.bus, mutterScreenCast, mutter, '/org/gnome/Mutter/ScreenCast');
    const screenCast = await root.methods.createSession(
      new Map([['remote-desktop-session-id', new Variant('s', await owner.property('SessionId'))]]),
    );
    await owner.methods.start();
    return new Ownership(anchor, { mutter, remoteDesktop: owner.path, screenCast, made: [] });
  }

  /** For the next agent. */
  note(made: readonly MadeMonitor[]): void {
    const { destination, path } = this.screenCast;
    this.#anchor.note({ mutter: destination, remoteDesktop: this.path, screenCast: path, made } satisfies Notes);
  }
}

export async function createSession(bus: Bus, mutter: string): Promise<RemoteObject<MutterRemoteDesktopSession>> {
  const root = new RemoteObject(bus, mutterRemoteDesktop, mutter, '/org/gnome/Mutter/RemoteDesktop');
  return new RemoteObject(bus, mutterRemoteDesktopSession, mutter, await root.methods.createSession());
}
