import { execFileSync } from 'node:child_process';

/** The part of ./demo inside the container. Prints each finished step as a line of JSON. */

function step(name: string, work: () => void): void {
  const started = performance.now();
  work();
  console.log(JSON.stringify({ name, ms: Math.round(performance.now() - started) }));
}

step('activate org.freedesktop.RemoteAccess', () => {
  execFileSync('busctl', ['call', 'org.freedesktop.RemoteAccess', '/', 'org.freedesktop.DBus.Peer', 'Ping']);
});
