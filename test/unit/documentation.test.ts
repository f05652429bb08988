import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const inDocs = readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name));
const PAGES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...inDocs].filter((name) => name.endsWith('.md'));

describe('the documentation', () => {
  for (const page of PAGES)
    it(`of ${page} leads nowhere that is not there`, () => {
      const text = readFileSync(page, 'utf8');
      const links = [...text.matchAll(/\]\(([^)#:\s]+)\)/g)].map(([, target = '']) => join(dirname(page), target));
      // Folders of the repository and what is in them, wherever a page names them.
      const paths = [
        ...text.matchAll(/(?<![\w/.-])(?:src|test|scripts|bench|docs|data|interfaces|examples)\/[\w./-]*\w/g),
      ];
      const named = paths.map(([path]) => path).filter((path) => !path.includes('generated'));
      assert.deepEqual(
        [...links, ...named].filter((path) => !existsSync(path)),
        [],
      );
    });

  it('lists every decision', () => {
    const index = readFileSync('docs/README.md', 'utf8');
    for (const name of readdirSync('docs/decisions')) assert.ok(index.includes(`(decisions/${name})`), name);
  });
});
