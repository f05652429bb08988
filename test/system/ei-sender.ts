import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Line, Lines } from './lines.js';
import { asNobody, type RemoteConnection } from './remote-tool.js';

export type Region = { id: string; x: number; y: number; width: number; height: number };

/** A libei client of user nobody: clients/ei.py. */
export class EiSender extends Lines {
  static async start(connection: RemoteConnection): Promise<EiSender> {
    const fd = await connection.input.connectToEIS({});
    const script = fileURLToPath(new URL('clients/ei.py', import.meta.url));
    const [program, args] = asNobody(['python3', script]);
    try {
      return new EiSender(spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit', fd] }));
    } finally {
      closeSync(fd);
    }
  }

  /** Waits until the devices are so. */
  devices(matches: (line: Line) => boolean): Promise<Line> {
    return this.next((line) => line.event === 'devices' && matches(line), `devices: ${matches}`);
  }

  async do(what: string, how: object = {}): Promise<void> {
    this.send({ do: what, ...how });
    await this.next((line) => line.answer === true, what);
  }

  async type(...codes: number[]): Promise<void> {
    for (const code of codes) for (const down of [true, false]) await this.do('key', { code, down });
  }
}
