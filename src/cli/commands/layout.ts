import { CallError } from '../../bus/call-error.js';
import { formatLayout, parseLayout } from '../../layout/notation.js';
import type { ToolConnection } from '../../tool/tool-connection.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { connectToSession } from '../target.js';

/** If somebody else changes the layout at the same time. */
const TRIES = 5;

export async function run(context: Context, given: Arguments): Promise<void> {
  const [wanted] = given.positionals;
  // What cannot be read needs no connection.
  if (wanted !== undefined) parseLayout(wanted);
  const connection = await connectToSession(context, given, ['monitors']);
  if (wanted !== undefined) await layOut(connection, wanted);
  const [, monitors] = await connection.monitors.methods.getLayout();
  if (!context.output.json) return context.output.line(formatLayout(monitors));
  for (const { id, size, position, scale, refresh, transform, primary } of monitors)
    context.output.object({ id, size, position, scale, refresh, transform, primary });
}

async function layOut({ monitors }: ToolConnection, wanted: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    const [serial, there] = await monitors.methods.getLayout();
    try {
      await monitors.methods.setLayout(serial, parseLayout(wanted, there));
      return;
    } catch (error) {
      const stale = error instanceof CallError && error.dbusName.endsWith('.StaleSerial');
      if (!stale || tries === TRIES) throw error;
    }
  }
}
