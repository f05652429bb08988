import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { commandLineFiles } from './command-line/files.js';

/** `npm run build`: compiles the native parts into dist/ and bundles each program. */

const repository = fileURLToPath(new URL('..', import.meta.url));
process.chdir(repository);

const WARNINGS = ['-std=gnu11', '-O2', '-g', '-Wall', '-Wextra', '-Werror'];
const HARDENING = ['-fstack-protector-strong', '-D_FORTIFY_SOURCE=2', '-Wl,-z,relro,-z,now,-z,noexecstack'];
const SHARED = ['-shared', '-fPIC', '-fvisibility=hidden'];
const ADDON = [...SHARED, '-Inode_modules/node-api-headers/include'];
const PROGRAM = ['-fPIE', '-pie'];

/** Compiles a folder's C files into one output, if any of them, of `headers` elsewhere, or this file is newer than it. */
function compile(
  output: string,
  sources: string,
  flags: readonly string[],
  libraries: readonly string[] = [],
  headers: readonly string[] = [],
): void {
  const files = readdirSync(sources).map((name) => join(sources, name));
  const inputs = [fileURLToPath(import.meta.url), ...headers, ...files.filter((name) => /\.[ch]$/.test(name))];
  const newest = Math.max(...inputs.map((name) => statSync(name).mtimeMs));
  if (existsSync(output) && statSync(output).mtimeMs > newest) return;
  console.log(`compile ${output}`);
  mkdirSync(dirname(output), { recursive: true });
  const partial = `${output}.${process.pid}`;
  const units = files.filter((name) => name.endsWith('.c'));
  execFileSync('gcc', [...WARNINGS, ...HARDENING, ...flags, '-o', partial, ...units, ...libraries], {
    stdio: 'inherit',
  });
  renameSync(partial, output);
}

/** What pkg-config answers, as arguments for gcc. */
function pkgConfig(kind: '--cflags' | '--libs', module: string): string[] {
  return execFileSync('pkg-config', [kind, module], { encoding: 'utf8' }).trim().split(/\s+/);
}

compile('dist/native/descriptors.node', 'src/bus/native', ADDON);
compile(
  'dist/native/pipewire.node',
  'src/portal-backend/pipewire',
  [...ADDON, ...pkgConfig('--cflags', 'libpipewire-0.3')],
  pkgConfig('--libs', 'libpipewire-0.3'),
);
compile(
  'dist/remote-access-worker',
  'src/login/worker',
  PROGRAM,
  ['-lpam', '-pthread'],
  ['src/login/kerberos/kerberos.h'],
);
const kerberos = (kind: '--cflags' | '--libs') => ['krb5-gssapi', 'krb5'].flatMap((module) => pkgConfig(kind, module));
compile(
  'dist/native/kerberos.so',
  'src/login/kerberos',
  [...SHARED, ...kerberos('--cflags')],
  [...kerberos('--libs'), '-lresolv'],
);
compile(
  'dist/remote-access-initiator',
  'src/tool/initiator',
  [...PROGRAM, ...pkgConfig('--cflags', 'krb5-gssapi')],
  [...pkgConfig('--libs', 'krb5-gssapi'), '-lresolv'],
);
// Not installed: for the tests.
compile('dist/test/pam_probe.so', 'test/pam', SHARED, ['-lpam']);
compile('dist/test/libnss_probe.so.2', 'test/nss', SHARED);

const OPTIONS: BuildOptions = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  logLevel: 'warning',
};
// Bundled CommonJS packages call require(), which an ES module does not have.
const REQUIRE =
  "import { createRequire as bannerRequire } from 'node:module';\nconst require = bannerRequire(import.meta.url);";

/** What Node.js comes with, by require() and not by import. */
const required: Plugin = {
  name: 'required',
  setup(options) {
    options.onResolve({ filter: /^node:/ }, ({ path, namespace }) =>
      namespace === 'required' ? { path, external: true } : { path, namespace: 'required' },
    );
    options.onLoad({ filter: /./, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require('${path}');`,
    }));
  },
};

const bundles = [buildServices(), buildCommandLine()];
// esbuild has said what is wrong.
await Promise.all(bundles).catch(() => process.exit(1));

/**
 * The programs that people wait for start as scripts. An ES module needs a loader of its own, and for each import all
 * that a module exports, with what that loads in turn: `node:fs` has streams. Debian's Node.js compiles its modules at
 * each start.
 */
async function buildServices(): Promise<void> {
  await build({
    ...OPTIONS,
    entryPoints: {
      'remote-accessd': 'src/service/main.ts',
      'remote-access-agent': 'src/portal-backend/main.ts',
    },
    outdir: 'dist',
    outExtension: { '.js': '.cjs' },
    plugins: [required],
    define: { 'import.meta.url': 'moduleUrl' },
    // A script has no await of its own.
    banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;\n(async () => {" },
    footer: { js: '})();' },
  });
}

/** remoteaccessctl in parts, so that it reads only those of the command that is called. */
async function buildCommandLine(): Promise<void> {
  const folder = 'dist/cli';
  // The parts' names change with their contents.
  rmSync(folder, { recursive: true, force: true });
  await build({
    ...OPTIONS,
    entryPoints: { remoteaccessctl: 'src/cli/main.ts' },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    splitting: true,
    banner: { js: REQUIRE },
  });
  const program = join(folder, 'remoteaccessctl.mjs');
  writeFileSync(program, `#!/usr/bin/node\n${readFileSync(program, 'utf8')}`, { mode: 0o755 });
  chmodSync(program, 0o755);
  for (const [name, text] of commandLineFiles()) {
    mkdirSync(join('dist', dirname(name)), { recursive: true });
    writeFileSync(join('dist', name), text);
  }
}
