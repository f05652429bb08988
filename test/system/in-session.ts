import { execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Lines } from './lines.js';

/** The command line that runs another one as the session's user, in the reach of their bus, compositor and PipeWire. */
export function asUser(user: string, command: readonly string[]): [string, string[]] {
  const entry = execFileSync('getent', ['passwd', '--', user], { encoding: 'utf8' }).split(':');
  const [, , id, group, , home] = entry;
  const runtime = `/run/user/${id}`;
  const env = [
    `HOME=${home}`,
    `XDG_RUNTIME_DIR=${runtime}`,
    `DBUS_SESSION_BUS_ADDRESS=unix:path=${runtime}/bus`,
    'XDG_CURRENT_DESKTOP=GNOME',
    'WAYLAND_DISPLAY=wayland-0',
    'GDK_BACKEND=wayland',
    'GSK_RENDERER=cairo',
    'GTK_A11Y=none',
    'NO_COLOR=1',
    'LANG=C.UTF-8',
  ];
  return ['setpriv', [`--reuid=${id}`, `--regid=${group}`, '--init-groups', 'env', ...env, ...command]];
}

/** Runs a program of the session to its end; what it printed. */
export function runAsUser(user: string, ...command: string[]): string {
  const [program, args] = asUser(user, command);
  return execFileSync(program, args, { encoding: 'utf8' });
}

/** An application in the session: clients/window.py. */
export class Window extends Lines {
  /**
   * Shows a window in full screen on the monitor with the pointer, and waits until it is there. mutter remembers that
   * one as the window's, unlike one that an application asks for.
   */
  static async open(user = 'alice'): Promise<Window> {
    const script = fileURLToPath(new URL('clients/window.py', import.meta.url));
    const [program, args] = asUser(user, ['python3', script]);
    const window = new Window(spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await window.next((line) => line.event === 'active', 'active');
    return window;
  }

  async ask(command: object): Promise<Record<string, unknown>> {
    this.send(command);
    return this.next((line) => 'answer' in line, 'an answer');
  }
}
