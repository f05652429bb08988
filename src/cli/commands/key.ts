import { Keyboard } from '../../tool/keyboard.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { connectToSession } from '../target.js';

export async function run(context: Context, given: Arguments): Promise<void> {
  const connection = await connectToSession(context, given, ['keyboard']);
  using keyboard = await Keyboard.open(await connection.input.methods.connectToEIS({}));
  await keyboard.press(...given.positionals);
}
