import { Tool } from '../../src/tool/tool.js';
import { person } from '../container/person.js';
import { alternate } from '../container/rounds.js';
import { endUserManagersAtOnce } from '../container/user-manager.js';
import { type Figure, type Quantiles, quantiles } from '../figure.js';
import { newSession } from '../session/new-session.js';
import { allowChannels, installXrdp, throughClient, withoutClient } from './peer.js';
import { Screen } from './screen.js';

/** From a password to the first picture of a session that is new, nothing of its user's running before. */

const PASSWORD = 'alice-password';
const alice = person('alice');
const admin = await Tool.start();
endUserManagersAtOnce();
installXrdp(alice);
using screen = await Screen.start([1280, 720]);

const stages = new Map<string, number[]>();
/** The same sessions as `xrdp`, from where the client was started. */
const fromClient: number[] = [];

const samples = await alternate(
  {
    ours,
    xrdp: async () => {
      allowChannels(true);
      const { started, asked, seen } = await throughClient(alice, PASSWORD, screen);
      fromClient.push(seen - started);
      return seen - asked;
    },
    noChannels: async () => {
      allowChannels(false);
      const { asked, seen } = await throughClient(alice, PASSWORD, screen);
      return seen - asked;
    },
    noClient: () => withoutClient(alice, PASSWORD),
  },
  { most: 20, seconds: 300 },
);

const own = quantiles(samples.ours);
const beside = (name: string, figures: Quantiles): Figure => ({
  name: '',
  unit: 'ms',
  ours: own,
  reference: { name, ...figures },
});
const figures: Figure[] = [
  {
    ...beside('xrdp', quantiles(samples.xrdp)),
    name: 'password → first frame, mutter',
    aim: 'p50 ≤ 0.25',
  },
  // The first round warms up.
  beside('xrdp, from the start of the client', quantiles(fromClient.slice(1))),
  beside('xrdp without channels', quantiles(samples.noChannels)),
  beside('xrdp-sesrun and xwd', quantiles(samples.noClient)),
  ...[...stages].map(
    ([stage, times]): Figure => ({
      name: `  until ${stage}`,
      unit: 'ms',
      ours: quantiles(times.slice(1)),
    }),
  ),
];
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);

async function ours(): Promise<number> {
  const { took, stages: reached } = await newSession(alice, admin, (tool) =>
    tool.logIn('password', { user: 'alice', password: PASSWORD }, { desktop: 'mutter' }),
  );
  for (const [stage, time] of reached) stages.set(stage, [...(stages.get(stage) ?? []), time]);
  return took;
}
