import { NotSupported } from '../../errors.js';
import { Keyboard } from '../../tool/keyboard.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { withProgress } from '../progress.js';
import { readIn } from '../standard-streams.js';
import { connectToSession } from '../target.js';
import { UsageError } from '../usage-error.js';

/** Bytes: more than anybody wants to see typed. */
const LONGEST_TEXT = 1_000_000;

export async function run(context: Context, given: Arguments): Promise<void> {
  const [text = '-'] = given.positionals;
  if (text === '-' && (given.text('token-file') === '-' || given.text('token-fd') === '0'))
    throw new UsageError('standard input has either the token or the text: --token-fd takes another one', 'type');
  const typed = text === '-' ? decode(await readIn(LONGEST_TEXT)) : text;
  const connection = await connectToSession(context, given, ['keyboard']);
  using keyboard = await Keyboard.open(await connection.input.methods.connectToEIS({}));
  // Standard input may be a secret, and an error is read by others.
  const places = text === '-' ? keyboard.missing(typed).map(([place]) => place) : [];
  if (places.length > 0)
    throw new NotSupported(
      `the keyboard layout ${keyboard.keymap.name} has no key for character ${places.slice(0, 5).join(', ')} of standard input; nothing was typed`,
    );
  await withProgress('typing', keyboard.type(typed));
  const others = keyboard.otherLayouts(typed);
  if (others.length > 0)
    context.output.note(
      `Typed for the keyboard layout ${keyboard.keymap.name}; with ${others.join(' or ')} in use it came out differently.`,
    );
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError('standard input is not UTF-8 text', 'type');
  }
}
