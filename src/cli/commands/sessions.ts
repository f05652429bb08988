import type { Context } from '../context.js';
import { clientText, listSessions, type SessionInfo } from '../session-info.js';
import type { Column } from '../table.js';
import { timeText } from '../time.js';

export async function run({ output, connect }: Context): Promise<void> {
  const columns: readonly Column<SessionInfo>[] = [
    { title: 'SESSION', text: ({ id }) => id },
    { title: 'UID', text: ({ uid }) => `${uid}`, right: true },
    { title: 'USER', text: ({ user }) => user },
    { title: 'STATE', text: ({ state, locked }) => (locked ? `${state},locked` : state) },
    { title: 'DESKTOP', text: ({ desktop }) => desktop },
    { title: 'SINCE', text: ({ created }) => timeText(created, 'unknown') },
    { title: 'CLIENT', text: ({ client }) => clientText(client) },
  ];
  output.list(await listSessions(await connect()), columns, 'sessions');
}
