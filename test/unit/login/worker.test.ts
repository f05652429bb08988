import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { AuthenticationFailed, Busy, InvalidArgs, NoSuchUser, SessionFailed } from '../../../src/errors.js';
import { NOT_ACCEPTED } from '../../../src/login/failure.js';
import { LINE_MAX } from '../../../src/login/wire.js';
import { Worker } from '../../../src/login/worker.js';
import { FakeWorker, SocketDirectory } from './fake-worker.js';

const NEW = ['hello 1', 'state new'];
const RUNNING = ['hello 1', 'record some%20thing', 'state running', 'opened c7 1000', 'started 4711'];
const login = { user: 'alice', command: ['/bin/desktop', 'a b'], record: 'mine', rhost: '192.0.2.1' } as const;

describe('a connection to a worker', () => {
  let directory: SocketDirectory;
  let path: string;

  beforeEach(() => {
    directory = new SocketDirectory();
    path = join(directory.path, 'one');
  });

  afterEach(async () => {
    await directory[Symbol.asyncDispose]();
  });

  it('learns from the announcement what runs', async () => {
    await using _fake = await FakeWorker.listen(path, RUNNING);
    const worker = await Worker.connect(path);
    assert.equal(worker.record, 'some thing');
    assert.deepEqual(worker.session, { logindSession: 'c7', uid: 1000, pid: 4711 });
    worker.close();
  });

  it('is complete only when the whole announcement has come, in whatever pieces', async () => {
    await using fake = await FakeWorker.listen(path, ['hello 1']);
    const said: string[] = [];
    const connecting = Worker.connect(path);
    connecting.then(() => said.push('connected'));
    await fake.connected;
    for (const piece of ['state runn', 'ing\nopened c', '7 1000\nstarted 47']) await fake.write(piece);
    said.push('the last piece');
    await fake.write('11\n');
    const worker = await connecting;
    assert.equal(worker.session?.pid, 4711);
    assert.deepEqual(said, ['the last piece', 'connected']);
    worker.close();
  });

  it('sends everything a login needs and resolves with the session', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const worker = await Worker.connect(path);
    const opening = worker.open({ ...login, environment: { XDG_SESSION_CLASS: 'greeter', LANG: 'C.UTF-8' } });
    await fake.heard('open');
    assert.deepEqual(fake.lines, [
      'record mine',
      'user alice',
      'service remote-access',
      'rhost 192.0.2.1',
      'env XDG_SESSION_TYPE=wayland',
      'env XDG_SESSION_CLASS=greeter',
      'env LANG=C.UTF-8',
      'exec /bin/desktop a%20b',
      'open',
    ]);
    fake.say('message info Welcome%20back', 'opened c7 1000');
    fake.say('started 4711');
    assert.deepEqual(await opening, { logindSession: 'c7', uid: 1000, pid: 4711 });
    worker.close();
  });

  it('explains a refusal with what the modules said', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const worker = await Worker.connect(path);
    const opening = worker.open(login);
    await fake.heard('open');
    fake.say('message error Closed%20for%20today', 'failed account PAM_AUTH_ERR Authentication%20failure');
    await assert.rejects(opening, new SessionFailed('alice may not log in: Closed for today'));
    worker.close();
  });

  it('names an unknown user', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const worker = await Worker.connect(path);
    const opening = worker.open(login);
    await fake.heard('open');
    fake.say('failed account PAM_USER_UNKNOWN x');
    await assert.rejects(opening, NoSuchUser);
    worker.close();
  });

  it('authenticates, and opens the session in the same transaction', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const worker = await Worker.connect(path);
    const said: string[] = [];
    worker.on('message', (style, text) => said.push(`${style} ${text}`));
    worker.on('prompt', (style, text) => {
      said.push(`${style} ${text}`);
      worker.answer(`an answer to ${style}`);
    });
    const authenticating = worker.authenticate({ user: 'Alice', rhost: '192.0.2.1' });
    await fake.heard('authenticate');
    fake.say('message info Hello', 'prompt visible Colour?%20', 'prompt secret Password:%20');
    await fake.heard('answer an%20answer%20to%20secret');
    fake.say('authenticated alice 1000');
    assert.deepEqual(await authenticating, { user: 'alice', uid: 1000 });
    assert.deepEqual(said, ['info Hello', 'visible Colour? ', 'secret Password: ']);
    const opening = worker.open({ ...login, environment: {} });
    await fake.heard('open');
    worker.release();
    fake.say('opened c7 1000', 'started 4711');
    assert.equal((await opening).pid, 4711);
    assert.deepEqual(fake.lines, [
      'user Alice',
      'service remote-access-login',
      'rhost 192.0.2.1',
      'authenticate',
      'answer an%20answer%20to%20visible',
      'answer an%20answer%20to%20secret',
      'record mine',
      'env XDG_SESSION_TYPE=wayland',
      'env XDG_SESSION_CLASS=user',
      'exec /bin/desktop a%20b',
      'open',
    ]);
    worker.close();
  });

  it('passes messages of GSSAPI on, and goes on with the session', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const worker = await Worker.connect(path);
    const beginning = worker.beginKerberos({ rhost: '192.0.2.1' });
    await fake.heard('kerberos');
    fake.say('token ');
    await beginning;
    const longest = Buffer.alloc(49_146, 0xff);
    const first = worker.step(longest);
    await fake.heard(`token ${longest.toString('base64')}`);
    fake.say(`token ${Buffer.from('more').toString('base64')}`);
    assert.deepEqual(await first, { output: Buffer.from('more'), authenticated: undefined });
    const second = worker.step(Buffer.from('two'));
    await fake.heard('token dHdv');
    fake.say('user alice alice@EXAMPLE.TEST', 'authenticated alice 1000 ');
    const authenticated = { user: 'alice', uid: 1000, principal: 'alice@EXAMPLE.TEST' };
    assert.deepEqual(await second, { output: Buffer.alloc(0), authenticated });
    const opening = worker.open({ ...login, environment: {} });
    await fake.heard('open');
    fake.say('opened c7 1000', 'started 4711');
    await opening;
    const said = fake.lines.filter((line) => !line.startsWith('token'));
    assert.deepEqual(said.slice(0, 4), ['service remote-access', 'rhost 192.0.2.1', 'kerberos', 'record mine']);
    worker.close();
  });

  it('says about whom PAM was asked after Kerberos', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const worker = await Worker.connect(path);
    const beginning = worker.beginKerberos({});
    await fake.heard('kerberos');
    fake.say('token ');
    await beginning;
    const step = worker.step(Buffer.from('one'));
    await fake.heard('token b25l');
    fake.say('user alice alice@EXAMPLE.TEST', 'failed account PAM_ACCT_EXPIRED no');
    await assert.rejects(step, /The account of alice has expired/);
  });

  const authenticating = async (fake: FakeWorker, signal?: AbortSignal) => {
    const worker = await Worker.connect(path);
    const outcome = worker.authenticate({ user: 'alice' }, signal === undefined ? {} : { signal });
    outcome.catch(() => {});
    await fake.heard('authenticate');
    return { worker, outcome };
  };
  const error = (promise: Promise<unknown>) =>
    promise.then(
      () => assert.fail('it worked'),
      (error: Error) => error,
    );

  it('says nothing of why somebody was not authenticated, except as the cause', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const refused = await authenticating(fake);
    fake.say('message error No%20such%20user', 'failed auth PAM_USER_UNKNOWN User%20not%20known');
    const told = await error(refused.outcome);
    assert.deepEqual(told, new AuthenticationFailed(NOT_ACCEPTED, { cause: 'User not known (PAM_USER_UNKNOWN)' }));
    fake.lines.length = 0;
    const vanished = await authenticating(fake);
    fake.hangUp();
    const lost = await error(vanished.outcome);
    assert.deepEqual([lost.name, lost.message], ['AuthenticationFailed', NOT_ACCEPTED]);
    assert.match(String(lost.cause), /went away/);
  });

  it('says why an account may not log in, with what was said since the last answer', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const { worker, outcome } = await authenticating(fake);
    worker.on('prompt', () => worker.answer('x'));
    fake.say('message info Hello', 'prompt secret Password:');
    await fake.heard('answer x');
    fake.say('message error Closed%20for%20today', 'failed account PAM_AUTH_ERR no');
    assert.deepEqual(await error(outcome), new SessionFailed('alice may not log in: Closed for today'));
  });

  it('hangs up when nobody is there any more, whatever PAM does', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const left = new AbortController();
    const { outcome } = await authenticating(fake, left.signal);
    left.abort(new Busy('gone'));
    assert.deepEqual(await error(outcome), new Busy('gone'));
    await fake.hungUp;
  });

  it('sends no answer that no line can hold', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const { worker } = await authenticating(fake);
    assert.throws(() => worker.answer('a\0b'), InvalidArgs);
    assert.throws(() => worker.answer('x'.repeat(LINE_MAX)), InvalidArgs);
    worker.answer('good');
    await fake.heard('answer good');
    worker.close();
  });

  it('leads into a session that runs', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const { worker, outcome } = await authenticating(fake);
    fake.say('authenticated alice 1000');
    await outcome;
    const rejoining = worker.rejoin();
    await fake.heard('rejoin');
    fake.say('admitted');
    fake.hangUp();
    await rejoining;
  });

  it('hangs up on an authenticated worker that is not needed', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const { worker, outcome } = await authenticating(fake);
    fake.say('authenticated alice 1000');
    await outcome;
    worker.release();
    await fake.hungUp;
  });

  it('refuses a login that does not fit a line and sends none of it', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const worker = await Worker.connect(path);
    await assert.rejects(worker.open({ ...login, record: 'x'.repeat(70_000) }), InvalidArgs);
    await assert.rejects(worker.open({ ...login, user: 'a\0b' }), InvalidArgs);
    assert.throws(() => worker.setRecord('\0'), InvalidArgs);
    worker.setRecord('still good');
    await fake.heard('record still%20good');
    assert.deepEqual(fake.lines, ['record still%20good']);
    worker.close();
  });

  it('tells the worker to end when the start is given up', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const worker = await Worker.connect(path);
    const given = new AbortController();
    const opening = worker.open(login, { signal: given.signal });
    await fake.heard('open');
    given.abort(new SessionFailed('changed my mind'));
    await assert.rejects(opening, new SessionFailed('changed my mind'));
    await fake.heard('terminate');
    worker.close();
  });

  it('does not wait forever', async () => {
    await using _fake = await FakeWorker.listen(path, ['hello 1']);
    await assert.rejects(Worker.connect(path, { signal: AbortSignal.timeout(1) }), SessionFailed);
  });

  for (const [line, ended] of [
    ['ended exit 3', { how: 'exit', number: 3 }],
    ['ended signal 9', { how: 'signal', number: 9 }],
  ] as const) {
    it(`reports '${line}'`, async () => {
      await using fake = await FakeWorker.listen(path, RUNNING);
      const worker = await Worker.connect(path);
      const event = once(worker, 'ended');
      worker.terminate();
      await fake.heard('terminate');
      fake.say(line);
      fake.hangUp();
      assert.deepEqual(await event, [ended]);
    });
  }

  it('reports a worker that vanished, also to who waits for it', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const worker = await Worker.connect(path);
    const event = once(worker, 'ended');
    const opening = worker.open(login);
    await fake.heard('open');
    fake.hangUp();
    await assert.rejects(opening, new SessionFailed("The session's worker went away"));
    assert.deepEqual(await event, [{ how: 'lost' }]);
    await assert.rejects(worker.open(login), new SessionFailed("The session's worker is gone"));
  });

  it('says nothing about the session when it was replaced', async () => {
    await using fake = await FakeWorker.listen(path, RUNNING);
    const worker = await Worker.connect(path);
    worker.on('ended', () => assert.fail('the session has not ended'));
    const replaced = once(worker, 'replaced');
    fake.say('replaced');
    fake.hangUp();
    await replaced;
    worker.close();
  });

  it('treats what the worker did not accept as a failure', async () => {
    await using fake = await FakeWorker.listen(path, NEW);
    const worker = await Worker.connect(path);
    const opening = worker.open(login);
    await fake.heard('open');
    fake.say('error not%20understood');
    await assert.rejects(opening, new SessionFailed("The session's worker did not accept a line: not understood"));
    worker.close();
  });

  it('fails with SessionFailed where nobody listens', async () => {
    await assert.rejects(Worker.connect(join(directory.path, 'nobody')), SessionFailed);
  });
});
