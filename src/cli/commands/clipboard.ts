import { createReadStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { NotSupported } from '../../errors.js';
import { ClipboardOffer } from '../../tool/clipboard-offer.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { readIn, writeOut } from '../standard-streams.js';
import { connectToSession, untilClosed } from '../target.js';
import { UsageError } from '../usage-error.js';

/** How applications call text, the best first. */
const TEXT = ['text/plain;charset=utf-8', 'UTF8_STRING', 'text/plain', 'STRING', 'TEXT'];
/** What is offered as text. */
const OFFERED = TEXT.slice(0, 3);

const LARGEST = 256 << 20;

/** Milliseconds for the compositor to begin with its copy, and to be done with what stands in the pipe. */
const FIRST_ASK = 1000;
const LAST_READ = [50, 500];

export async function run(context: Context, given: Arguments): Promise<void> {
  const [action] = given.positionals;
  if (action === 'set') return set(context, given);
  const { clipboard } = await connectToSession(context, given, ['clipboard-read']);
  const types = await clipboard.property('MimeTypes');
  if (action === 'types') {
    for (const type of types) context.output.json ? context.output.object({ type }) : context.output.line(type);
    return;
  }
  const fd = await clipboard.methods.selectionRead(choose(types, given.text('type')));
  for await (const part of createReadStream('', { fd }) as AsyncIterable<Buffer>) await writeOut(part);
}

function choose(types: readonly string[], wanted?: string): string {
  if (types.length === 0) throw new NotSupported('the clipboard is empty');
  const type = wanted ?? TEXT.find((text) => types.includes(text));
  if (type !== undefined && types.includes(type)) return type;
  throw new NotSupported(`the clipboard has no ${wanted ?? 'text'}; --type takes one of ${types.join(', ')}`);
}

async function set(context: Context, given: Arguments): Promise<void> {
  if (given.text('token-file') === '-' || given.text('token-fd') === '0')
    throw new UsageError('standard input has either the token or the data: --token-fd takes another one', 'clipboard');
  const data = await readIn(LARGEST);
  const type = given.text('type');
  const connection = await connectToSession(context, given, ['clipboard-read', 'clipboard-write']);
  await using offer = await ClipboardOffer.make(connection, type === undefined ? OFFERED : [type], data);
  const replaced = Promise.race([offer.replaced.then(() => true), untilClosed(connection)]);
  const taken = await Promise.race([replaced, offer.taken.then(() => false), delay(FIRST_ASK)]);
  if (taken === true) return;
  // Compositors keep a copy of usual types for when the owner goes.
  for (const pause of taken === false ? LAST_READ : []) {
    if (await Promise.race([replaced, delay(pause)])) return;
    if ((await offer.withdraw()).length > 0) return;
    await offer.renew();
  }
  context.output.note('The desktop keeps no copy: serving it until something else is copied, or Ctrl-C.');
  await replaced;
}
