import type { Desktop } from '../../bus/generated/dictionaries.js';
import type { Context } from '../context.js';
import type { Column } from '../table.js';

const COLUMNS: readonly Column<Desktop>[] = [
  { title: 'ID', text: ({ id }) => id },
  { title: 'COMPOSITOR', text: ({ compositor }) => compositor },
  { title: 'NAME', text: ({ name }) => name },
];

export async function run({ output, connect }: Context): Promise<void> {
  const { root } = await connect();
  output.list(await root.methods.listDesktops(), COLUMNS, 'desktops');
}
