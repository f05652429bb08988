import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { photograph } from './pictures.js';
import { provision, RemoteTool } from './remote-tool.js';

for (const desktop of ['mutter', 'gnome']) {
  describe(`a ${desktop} session`, function () {
    this.timeout(60_000);
    it('starts with a token and shows a picture to a process of another user', async () => {
      await using tool = RemoteTool.start();
      const session = await tool.logIn(provision(), { desktop });
      const connection = await tool.connect(session);
      const picture = await photograph(connection, 'default');
      assert.deepEqual(picture.size, [1280, 720]);
      writeFileSync(`/run/${desktop}.ppm`, Buffer.concat([Buffer.from('P6 1280 720 255\n'), picture.pixels]));
      await tool.ask({ do: 'call', path: session, part: 'session', method: 'terminate', args: [] }).catch(() => {});
      await tool.signal('SessionRemoved');
    });
  });
}
