import { writeFile } from 'node:fs/promises';
import { takePicture } from '../../tool/picture.js';
import { encodePng } from '../../tool/png.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { withProgress } from '../progress.js';
import { writeOut } from '../standard-streams.js';
import { connectToSession } from '../target.js';
import { UsageError } from '../usage-error.js';

export async function run(context: Context, given: Arguments): Promise<void> {
  const [file = '-'] = given.positionals;
  if (file === '-' && process.stdout.isTTY)
    throw new UsageError('standard output is a terminal, which shows no pictures', 'screenshot');
  const cursor = given.flag('pointer') ? 'embedded' : 'hidden';
  const connection = await connectToSession(context, given, ['capture'], { cursor });
  const picture = await withProgress('taking the picture', takePicture(connection, given.text('monitor')));
  const png = await encodePng(picture);
  if (file === '-') return writeOut(png);
  await writeFile(file, png);
  if (context.output.json) context.output.object({ file, width: picture.width, height: picture.height });
}
