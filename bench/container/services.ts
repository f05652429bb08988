import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Services of the container's system bus that are activated as the project's own is: by a call, through systemd, with
 * the same settings, for to make a sandbox takes longer than to start a small program.
 */

const UNIT = readFileSync('/usr/lib/systemd/system/remote-accessd.service', 'utf8');
const built = (name: string): string => fileURLToPath(new URL(`../../dist/bench/${name}`, import.meta.url));

/** Node as the daemon's unit starts it. */
const NODE = /^ExecStart=(\/\S+node(?: --\S+)*)/m.exec(UNIT)?.[1] ?? '/usr/bin/node';

export type Service = { readonly name: string; readonly unit: string };

/** Does nothing, with src/bus. */
export function bareNodeService(): Service {
  // Beside the daemon, where it finds the native parts.
  copyFileSync(built('bare-service.mjs'), '/usr/lib/remote-access/bare-service.mjs');
  const name = 'org.example.BareNode';
  return install(name, 'bare-node.service', `${NODE} /usr/lib/remote-access/bare-service.mjs ${name}`);
}

/** Does nothing, with GDBus. */
export function gdbusService(): Service {
  const name = 'org.example.Bench';
  const bus = 'unix:path=/run/dbus/system_bus_socket';
  return install(name, 'gdbus.service', `${built('gdbus-service')} ${bus} ${name}`);
}

function install(name: string, unit: string, command: string): Service {
  const settings = UNIT.replace(/^BusName=.*$/m, `BusName=${name}`)
    .replace(/^ExecStart=.*$/m, `ExecStart=${command}`)
    .replace(/^((?:State|Runtime)Directory)=.*$/gm, `$1=${unit}`);
  writeFileSync(`/etc/systemd/system/${unit}`, settings);
  writeFileSync(
    `/usr/share/dbus-1/system-services/${name}.service`,
    `[D-BUS Service]\nName=${name}\nExec=/bin/false\nUser=root\nSystemdService=${unit}\n`,
  );
  writeFileSync(
    `/etc/dbus-1/system.d/${name}.conf`,
    `<busconfig>
       <policy user="root"><allow own="${name}"/></policy>
       <policy context="default"><allow send_destination="${name}"/></policy>
     </busconfig>`,
  );
  for (const command of [['daemon-reload'], ['reload', 'dbus']]) execFileSync('systemctl', command);
  return { name, unit };
}
