/** Characters that mean something to a shell: the specification wants arguments with them quoted. */
const RESERVED = /[\t\n"'\\><~|&;$*?#()`]/;
const FIELD_CODES = 'fFuUdDnNickvm';

/**
 * The arguments of an Exec value whose string escapes are undone already (Desktop Entry Specification 1.5, "The Exec
 * key"). A session gets no files, so that field codes stand for nothing; %% is a percent sign. What the specification
 * leaves undefined is refused, not guessed. Throws SyntaxError.
 */
export function parseCommand(value: string): string[] {
  const command: string[] = [];
  let rest = value.replace(/^ +/, '');
  while (rest !== '') {
    const [whole, quoted, plain] = /^(?:"((?:[^"\\`$]|\\["\\`$])*)"|([^ "]+))(?: +|$)/.exec(rest) ?? [];
    if (whole === undefined) throw new SyntaxError(`wrong quotes at ${JSON.stringify(rest)}`);
    if (quoted !== undefined) command.push(unquote(quoted));
    else if (plain !== undefined) command.push(...expand(plain));
    rest = rest.slice(whole.length);
  }
  const program = command[0];
  if (program === undefined || program === '' || program.includes('='))
    throw new SyntaxError('it does not begin with the name of a program');
  return command;
}

function unquote(quoted: string): string {
  const text = quoted.replace(/\\(.)/gs, '$1');
  return text.replace(/%(.?)/gs, (_, code: string) => {
    if (code !== '%') throw new SyntaxError(`'%${code}' inside quotes`);
    return '%';
  });
}

/** An argument that is nothing but field codes vanishes. */
function expand(plain: string): string[] {
  if (RESERVED.test(plain)) throw new SyntaxError(`${JSON.stringify(plain)} has to be quoted`);
  const text = plain.replace(/%(.?)/g, (_, code: string) => {
    if (code === '%') return '%';
    if (code === '' || !FIELD_CODES.includes(code)) throw new SyntaxError(`unknown field code '%${code}'`);
    return '';
  });
  return text === '' ? [] : [text];
}
