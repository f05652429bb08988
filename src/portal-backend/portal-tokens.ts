import { setTimeout as delay } from 'node:timers/promises';
import type { Bus } from '../bus/bus.js';
import { dbus } from '../bus/generated/dbus.js';
import type { Grant } from '../bus/generated/dictionaries.js';
import { implPortalPermissionStore } from '../bus/generated/impl-portal-permission-store.js';
import { RemoteObject } from '../bus/remote-object.js';
import { Variant } from '../bus/variant.js';
import { NotSupported } from '../errors.js';

/** The table in which xdg-desktop-portal looks up restore tokens of RemoteDesktop sessions. */
const TABLE = 'remote-desktop';

/** How often, and with what pause in between, a session that starts is asked whether it has: ten seconds in all. */
const SESSION_TRIES = 100;
const SESSION_PAUSE = 100;

/** Device types of org.freedesktop.portal.RemoteDesktop. */
const DEVICES: readonly (readonly [Grant, number])[] = [
  ['keyboard', 1],
  ['pointer', 2],
  ['touch', 4],
];

/** Source type "virtual" of org.freedesktop.portal.ScreenCast. */
const VIRTUAL = 4;

/**
 * Restore tokens for the portals on the user's bus, put where the portal frontend looks for those that a user agreed
 * to earlier. The private part of an entry is the backend's own format: so far that of xdg-desktop-portal-gnome.
 */
export class PortalTokens {
  readonly #bus: Bus;
  readonly #store;
  readonly #granted = new Map<object, string[]>();

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#store = new RemoteObject(
      bus,
      implPortalPermissionStore,
      'org.freedesktop.impl.portal.PermissionStore',
      '/org/freedesktop/impl/portal/PermissionStore',
    );
  }

  /** A token that is good until `holder` is revoked. */
  async grant(appId: string, grants: readonly Grant[], holder: object): Promise<string> {
    if (!(await this.#hasBackend()))
      throw new NotSupported('this session has no portal that takes restore tokens for remote desktops');
    // Node loads crypto when it is used: 7 ms that no start of an agent has to wait for.
    const token = crypto.randomUUID();
    const now = BigInt(Date.now()) * 1000n;
    const devices = DEVICES.reduce((mask, [grant, bit]) => mask | (grants.includes(grant) ? bit : 0), 0);
    const clipboard = grants.includes('clipboard-read') && grants.includes('clipboard-write');
    const streams = grants.includes('capture') ? [[0, VIRTUAL, new Variant('b', true)]] : [];
    const data = new Variant('(xxuba(uuv))', [now, now, devices, clipboard, streams]);
    await this.#store.methods.set(
      TABLE,
      true,
      token,
      new Map([[appId, ['yes']]]),
      new Variant('(suv)', ['GNOME', 1, data]),
    );
    this.#granted.set(holder, [...(this.#granted.get(holder) ?? []), token]);
    return token;
  }

  async revoke(holder: object): Promise<void> {
    const tokens = this.#granted.get(holder) ?? [];
    this.#granted.delete(holder);
    for (const token of tokens) await this.#store.methods.delete(TABLE, token).catch(() => {});
  }

  /**
   * GNOME's is installed with the shell but runs in full sessions only, from when graphical-session.target is reached:
   * a little after the compositor, which is when tools may connect.
   */
  async #hasBackend(): Promise<boolean> {
    if (!(process.env.XDG_CURRENT_DESKTOP ?? '').split(':').includes('GNOME')) return false;
    const driver = new RemoteObject(this.#bus, dbus, 'org.freedesktop.DBus', '/org/freedesktop/DBus');
    if (!(await driver.methods.nameHasOwner('org.gnome.SessionManager'))) return false;
    for (let tries = 0; tries < SESSION_TRIES; tries++) {
      if (await this.#sessionIsUp()) return true;
      await delay(SESSION_PAUSE);
    }
    return false;
  }

  async #sessionIsUp(): Promise<boolean> {
    const { body } = await this.#bus.call({
      destination: 'org.freedesktop.systemd1',
      path: '/org/freedesktop/systemd1/unit/graphical_2dsession_2etarget',
      interface: 'org.freedesktop.DBus.Properties',
      member: 'Get',
      signature: 'ss',
      body: ['org.freedesktop.systemd1.Unit', 'ActiveState'],
    });
    return (body?.[0] as Variant | undefined)?.value === 'active';
  }
}
