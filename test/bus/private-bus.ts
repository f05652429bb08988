import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

// The limits that the system bus has (system.conf of dbus-daemon), and its rule that nobody answers unasked.
const CONFIG = (
  socket: string,
): string => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
  <limit name="max_message_size">33554432</limit>
  <limit name="max_message_unix_fds">16</limit>
  <limit name="max_match_rules_per_connection">512</limit>
</busconfig>
`;

/** A message bus of a test's own. */
export class PrivateBus implements AsyncDisposable {
  readonly address: string;
  readonly #directory: string;
  readonly #daemon: ChildProcess;

  private constructor(address: string, directory: string, daemon: ChildProcess) {
    this.address = address;
    this.#directory = directory;
    this.#daemon = daemon;
  }

  static async start(): Promise<PrivateBus> {
    const directory = mkdtempSync(join(tmpdir(), 'private-bus-'));
    const config = join(directory, 'bus.conf');
    writeFileSync(config, CONFIG(join(directory, 'bus')));
    const daemon = spawn('dbus-daemon', [`--config-file=${config}`, '--nofork', '--print-address'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [address] = (await once(createInterface(daemon.stdout), 'line')) as [string];
    return new PrivateBus(address, directory, daemon);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemon.exitCode === null && this.#daemon.signalCode === null) {
      this.#daemon.kill('SIGKILL');
      await once(this.#daemon, 'exit');
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
