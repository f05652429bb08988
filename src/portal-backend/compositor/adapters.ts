import type { Bus } from '../../bus/bus.js';
import { NotSupported } from '../../errors.js';
import type { Anchor } from '../anchor.js';
import type { Compositor, Screen } from './compositor.js';
import { FakeCompositor } from './fake.js';
import { Mutter } from './mutter/mutter.js';

type Adapter = {
  /** The name on the user's bus that says that the compositor is up; none: nothing to wait for. */
  readonly busName: string | undefined;
  connect(bus: Bus, owner: string, layout: readonly Screen[], anchor: Anchor): Promise<Compositor>;
};

/** What X-RemoteAccess-Compositor in a session's desktop file may say. */
const ADAPTERS: Readonly<Record<string, Adapter>> = {
  mutter: { busName: 'org.gnome.Mutter.RemoteDesktop', connect: Mutter.connect },
  fake: { busName: undefined, connect: FakeCompositor.connect },
};

export function adapterFor(compositor: string): Adapter {
  const adapter = Object.hasOwn(ADAPTERS, compositor) ? ADAPTERS[compositor] : undefined;
  if (adapter === undefined) throw new NotSupported(`there is no adapter for the compositor '${compositor}'`);
  return adapter;
}
