import { ask, type Check, type Finding, unknown, unlessWrong, warning } from './finding.js';

/** Users who sit at a desktop that is not ours get no headless one meanwhile: a user's services are there only once. */
export const otherSessions: Check = {
  name: 'other sessions',
  async look() {
    const list = await ask('loginctl', 'list-sessions', '--no-legend', '--no-pager');
    if (list === undefined) return [unknown('logind does not answer', 'see logind')];
    const ids = list.split('\n').flatMap((line) => line.trim().split(/\s+/)[0] || []);
    const properties = ['Id', 'Name', 'Type', 'Class', 'Service', 'State', 'Seat'].map((name) => `--property=${name}`);
    const shown = ids.length === 0 ? '' : ((await ask('loginctl', 'show-session', ...properties, ...ids)) ?? '');
    const wrong: Finding[] = [];
    for (const block of shown.split('\n\n')) {
      const session = new Map(block.split('\n').map((line) => line.split('=', 2) as [string, string]));
      const { Id, Name, Type = '', Class, Service, State } = Object.fromEntries(session);
      if (Class !== 'user' || Service === 'remote-access' || State === 'closing') continue;
      if (!['wayland', 'x11', 'mir'].includes(Type)) continue;
      wrong.push(
        warning(
          `${Name} has a desktop elsewhere (logind session ${Id})`,
          `loginctl terminate-session ${Id}, or log out there`,
        ),
      );
    }
    return unlessWrong(wrong, 'nobody has a desktop elsewhere');
  },
};
