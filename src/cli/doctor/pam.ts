import { readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { type Check, exists, type Finding, problem, REINSTALL, unlessWrong } from './finding.js';

const SERVICE = 'remote-access';
const FOLDERS = ['/etc/pam.d', '/usr/lib/pam.d'];

type Line = { readonly type: string; readonly module: string; readonly optional: boolean };

/** The PAM service that opens sessions: it is there, so are its modules, and logind hears of sessions. */
export const pam: Check = {
  name: 'PAM service',
  async look() {
    const lines = await readService(SERVICE);
    if (lines === undefined) return [problem(`${FOLDERS[0]}/${SERVICE} is missing`, REINSTALL)];
    const wrong: Finding[] = [];
    const folders = await moduleFolders();
    for (const module of new Set(lines.filter(({ optional }) => !optional).map((line) => line.module))) {
      const places = isAbsolute(module) ? [module] : folders.map((folder) => join(folder, module));
      const there = await Promise.all(places.map((place) => exists(place)));
      if (!there.includes(true))
        wrong.push(
          problem(`module ${module} is not installed`, `apt-file search ${module}, or take it out of ${FOLDERS[0]}`),
        );
    }
    if (!lines.some(({ type, module }) => type === 'session' && /(^|\/)pam_systemd\.so$/.test(module)))
      wrong.push(
        problem(
          'pam_systemd.so is not called: logind would not know sessions',
          'apt install libpam-systemd && pam-auth-update',
        ),
      );
    return unlessWrong(wrong, `${SERVICE}, with all of its modules`);
  },
};

/**
 * The modules that a service calls, with those of the files it includes (pam.conf(5)); undefined if there is none of
 * that name.
 */
async function readService(name: string, depth = 0): Promise<Line[] | undefined> {
  let text: string | undefined;
  for (const folder of FOLDERS) text ??= await readFile(join(folder, name), 'utf8').catch(() => undefined);
  if (text === undefined || depth > 8) return undefined;
  const lines: Line[] = [];
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const [, at] = /^@include\s+(\S+)/.exec(line) ?? [];
    if (at !== undefined) lines.push(...((await readService(at, depth + 1)) ?? []));
    // The control is a word, or words in brackets.
    const [, dash, type = '', control = '', module = ''] =
      /^(-?)(auth|account|session|password)\s+(\[[^\]]*\]|\S+)\s+(\S+)/.exec(line) ?? [];
    if (module === '') continue;
    if (control === 'include' || control === 'substack') lines.push(...((await readService(module, depth + 1)) ?? []));
    else lines.push({ type, module, optional: dash === '-' || control.includes('module_unknown=ignore') });
  }
  return lines;
}

/** Where PAM looks for modules: Debian has them in a folder for each architecture. */
async function moduleFolders(): Promise<string[]> {
  const folders: string[] = [];
  for (const library of ['/usr/lib', '/lib']) {
    folders.push(join(library, 'security'));
    for (const name of await readdir(library).catch(() => []))
      if (name.includes('-linux-')) folders.push(join(library, name, 'security'));
  }
  return folders;
}
