import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';

const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found]) => found ?? '').sort();
const interfaces = readdirSync('interfaces').filter((file) => file.endsWith('.xml'));

describe('bus policy', () => {
  const policy = readFileSync('dbus-policy/org.freedesktop.RemoteAccess.conf', 'utf8');

  it('lets everybody call every interface of the service, and only those', () => {
    const standard = ['Introspectable', 'ObjectManager', 'Peer', 'Properties'].map(
      (name) => `org.freedesktop.DBus.${name}`,
    );
    const served = interfaces.map((file) => file.slice(0, -'.xml'.length)).filter((name) => !/\.Agents?$/.test(name));
    const open = /<allow send_destination="org\.freedesktop\.RemoteAccess" send_interface="([\w.]+)"\/>/g;
    assert.deepEqual(matches(policy, open), [...standard, ...served].sort());
  });

  it('lets agents call the process, which answers them also while it leaves', () => {
    const open = /<allow send_destination="org\.freedesktop\.RemoteAccess\.Daemon" send_interface="([\w.]+)"\/>/g;
    assert.deepEqual(matches(policy, open), ['org.freedesktop.RemoteAccess.Agents']);
  });

  it('lets root alone own the name and call agents', () => {
    const root = policy.slice(policy.indexOf('<policy user="root">'), policy.indexOf('</policy>'));
    assert.match(root, /own="org\.freedesktop\.RemoteAccess"/);
    assert.match(root, /send_interface="org\.freedesktop\.RemoteAccess\.Agent"/);
    assert.doesNotMatch(policy.slice(policy.indexOf('</policy>')), /own=|RemoteAccess\.Agent"|send_path/);
  });
});

describe('polkit actions', () => {
  const policy = readFileSync('data/org.freedesktop.RemoteAccess.policy', 'utf8');

  it('are those that the interfaces name', () => {
    const xml = interfaces.map((file) => readFileSync(`interfaces/${file}`, 'utf8')).join('');
    const named = new Set(matches(xml, /polkit:([\w.-]+)/g));
    assert.deepEqual(matches(policy, /<action id="([\w.-]+)">/g), [...named].sort());
  });

  it('need an administrator', () => {
    for (const answer of matches(policy, /<allow_\w+>(\w+)</g)) assert.match(answer, /^auth_admin(_keep)?$/);
  });
});
