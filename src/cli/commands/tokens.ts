import type { TokenInfo } from '../../bus/generated/dictionaries.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { grantsText } from '../grants.js';
import { withPermission } from '../permission.js';
import type { Column } from '../table.js';
import { timeText } from '../time.js';

const COLUMNS: readonly Column<TokenInfo>[] = [
  { title: 'ID', text: ({ id }) => id },
  { title: 'USER', text: ({ user }) => user },
  { title: 'USES', text: ({ uses }) => (uses === 0 ? 'any' : `${uses}`), right: true },
  { title: 'EXPIRES', text: ({ expires }) => timeText(expires, 'never') },
  { title: 'LAST-USED', text: (token) => timeText(token['last-used'], 'never') },
  { title: 'DESKTOP', text: ({ desktop }) => desktop },
  { title: 'GRANTS', text: ({ grants }) => grantsText(grants) },
  { title: 'LABEL', text: ({ label }) => label },
];

export async function run({ output, connect }: Context, { positionals: [user] }: Arguments): Promise<void> {
  const { tokens } = await connect();
  const filter = user === undefined ? {} : { user };
  output.list(await withPermission((how) => tokens.methods.list(filter, how)), COLUMNS, 'tokens');
}
