import assert from 'node:assert/strict';
import { ALL_GRANTS } from '../../src/service/grants.js';
import { answer, type RejoinSettings, type Request, type Running } from '../../src/service/rejoin.js';

const RUNNING: Running = { id: '1a2b3c4d', user: 'alice', desktop: 'gnome', connected: false };

const monitor = (width: number, height: number, x = 0, more = {}) => ({
  id: `at-${x}`,
  size: [width, height] as [number, number],
  position: [x, 0] as [number, number],
  scale: 1,
  primary: x === 0,
  ...more,
});

describe('who asks for a session', () => {
  const ask = (request: Request, settings: Partial<RejoinSettings> = {}, running: Partial<Running> = {}) =>
    answer({ ...RUNNING, ...running }, request, { Rejoin: [], OtherSession: 'refuse', ...settings });
  const refusal = (...given: Parameters<typeof ask>): string => {
    const answered = ask(...given);
    assert.ok(answered.do === 'refuse', answered.do);
    return answered.why;
  };
  const other: Request = { desktop: 'kiosk', monitors: [monitor(800, 600)], clientAddress: '192.0.2.1' };
  const address = '192.0.2.7';

  it('is given the running one, whatever else they ask for', () => {
    for (const request of [{}, other, { ...other, reuse: true }])
      assert.deepEqual(ask(request, {}, { address }), { do: 'rejoin' });
  });

  it('is given it if they ask for nothing in particular', () => {
    assert.deepEqual(ask({}, { Rejoin: ['desktop', 'size', 'address'] }, { address }), { do: 'rejoin' });
  });

  it('is refused if they want one of their own', () => {
    for (const OtherSession of ['refuse', 'end-disconnected', 'end'] as const)
      assert.equal(
        refusal({ reuse: false }, { OtherSession }),
        'alice has session 1a2b3c4d already, and a user can have only one',
      );
  });

  it('is told what differs', () => {
    const running = { address };
    assert.equal(
      refusal(other, { Rejoin: ['desktop'] }, running),
      'session 1a2b3c4d of alice has the desktop gnome, not kiosk: ask for that, or end it first',
    );
    assert.equal(
      refusal(other, { Rejoin: ['size'] }, running),
      'session 1a2b3c4d of alice began with 1280x720, not 800x600: ask for that, or end it first',
    );
    assert.equal(
      refusal(other, { Rejoin: ['address'] }, running),
      'session 1a2b3c4d of alice was started for 192.0.2.7, not 192.0.2.1: end it first',
    );
    assert.equal(
      refusal(other, { Rejoin: ['address', 'size', 'desktop'] }, running),
      'session 1a2b3c4d of alice has the desktop gnome, not kiosk, and began with 1280x720, not 800x600, and was started for 192.0.2.7, not 192.0.2.1: end it first',
    );
  });

  describe('by size', () => {
    const settings: Partial<RejoinSettings> = { Rejoin: ['size'] };
    const two = [monitor(1920, 1080), monitor(1080, 1920, 1920, { transform: 1 })];
    const same = (monitors: Request['monitors'], running: Partial<Running>) =>
      assert.deepEqual(ask({ monitors }, settings, running), { do: 'rejoin' });

    it('gets the same monitors, whatever they are called, in whichever order and place they are told', () => {
      same(two, { monitors: two });
      same([...two].reverse(), { monitors: two });
      same(
        two.map((one, index) => ({ ...one, id: `other-${index}`, refresh: 75, primary: index === 1 })),
        { monitors: two },
      );
      same(
        two.map((one) => ({ ...one, position: [one.position[0] - 1920, 40] as [number, number] })),
        { monitors: two },
      );
      same([monitor(1280, 720)], {});
    });

    it('does not get others', () => {
      const differ = (monitors: Request['monitors']) => refusal({ monitors }, settings, { monitors: two });
      assert.match(differ([monitor(1920, 1080)]), / began with 1920x1080\+0\+0,1080x1920\+1920\+0:90, not 1920x1080:/);
      assert.match(differ([monitor(1920, 1080), monitor(1080, 1920, 1920)]), /1080x1920\+1920\+0:90, not /);
      assert.match(refusal({ monitors: [monitor(1280, 720, 0, { scale: 2 })] }, settings), /1280x720, not 1280x720@2:/);
    });
  });

  describe('by address', () => {
    const from = (clientAddress: string, address?: string) =>
      ask({ clientAddress }, { Rejoin: ['address'] }, { address }).do;

    it('gets the session that was started for it, or for nobody', () => {
      for (const [one, other] of [
        ['192.0.2.7', '::ffff:192.0.2.7'],
        ['2001:db8::1', '2001:DB8::ffff'],
        ['Client.Example', 'client.example'],
        ['127.0.0.1', '::1'],
        ['localhost', '127.0.1.1'],
        ['192.0.2.7', undefined],
      ] as const)
        assert.equal(from(one, other), 'rejoin', `${one} ${other}`);
    });

    it('does not get that of another one', () => {
      for (const [one, other] of [
        ['192.0.2.7', '192.0.2.8'],
        ['2001:db8::1', '2001:db8:0:1::1'],
        ['127.0.0.1', '192.0.2.7'],
        ['localhost.example', 'localhost'],
        ['12.7.0.0', '127.0.0.1'],
      ] as const)
        assert.equal(from(one, other), 'refuse', `${one} ${other}`);
    });
  });

  it('anew is given none where it is configured so, but root is who wants one to be there', () => {
    assert.equal(
      refusal({}, { Rejoin: ['never'] }),
      'session 1a2b3c4d of alice is given to nobody who logs in anew: end it first',
    );
    assert.deepEqual(ask({ reuse: true }, { Rejoin: ['never'] }), { do: 'rejoin' });
    assert.equal(ask({}, { Rejoin: ['never'], OtherSession: 'end' }).do, 'replace');
  });

  it('gets another one in its place where it is configured so', () => {
    const settings: Partial<RejoinSettings> = { Rejoin: ['desktop'], OtherSession: 'end' };
    for (const connected of [false, true])
      assert.deepEqual(ask(other, settings, { connected }), {
        do: 'replace',
        why: 'session 1a2b3c4d of alice has the desktop gnome, not kiosk',
      });
    assert.deepEqual(ask({ desktop: 'gnome' }, settings), { do: 'rejoin' });
  });

  it('gets another one only if nobody is connected where it is configured so', () => {
    const settings: Partial<RejoinSettings> = { Rejoin: ['desktop'], OtherSession: 'end-disconnected' };
    assert.equal(ask(other, settings).do, 'replace');
    assert.match(refusal(other, settings, { connected: true }), /not kiosk, and somebody is connected to it$/);
  });

  it('ends none with a login that only looks', () => {
    const settings: Partial<RejoinSettings> = { Rejoin: ['desktop'], OtherSession: 'end' };
    assert.match(
      refusal({ ...other, grants: ['capture', 'pointer'] }, settings),
      /not kiosk, and a login without the keyboard cannot end it$/,
    );
    assert.equal(ask({ ...other, grants: ALL_GRANTS }, settings).do, 'replace');
  });
});
