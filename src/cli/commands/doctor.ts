import { Bus } from '../../bus/bus.js';
import type { Arguments } from '../arguments.js';
import type { Context } from '../context.js';
import { CHECKS } from '../doctor/checks.js';
import { type Check, type Finding, type Surroundings, unknown } from '../doctor/finding.js';
import { EXIT } from '../exit-code.js';
import type { Output, Style } from '../output.js';
import { withProgress } from '../progress.js';
import { visible } from '../table.js';

const STYLES: Record<Finding['state'], Style> = { ok: 'green', warning: 'yellow', problem: 'red', unknown: 'dim' };

export async function run({ output }: Context, given: Arguments): Promise<number> {
  const bus = await Bus.system().catch((error: Error) => error);
  const looking = Promise.all(CHECKS.map((check) => look(check, { bus })));
  const findings = (await withProgress('Looking', looking)).flatMap((found, index) =>
    found.map((finding) => ({ check: CHECKS[index]?.name ?? '', ...finding })),
  );
  const shown = given.flag('quiet') ? findings.filter(({ state }) => state !== 'ok') : findings;
  const width = Math.max(...CHECKS.map(({ name }) => name.length));
  for (const { check, state, message, remedy = '' } of shown)
    if (output.json) output.object({ check, state, message, remedy });
    else printFinding(output, check.padEnd(width), { state, message, remedy });
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
  const problems = count('problem');
  if (!output.json && output.legend)
    output.line(`\n${problems} ${problems === 1 ? 'problem' : 'problems'}, ${count('warning')} warnings.`);
  return problems === 0 ? EXIT.ok : EXIT.failed;
}

function printFinding(output: Output, check: string, { state, message, remedy = '' }: Finding): void {
  output.line(`${output.style(STYLES[state], state.padEnd('problem'.length))} ${check} ${visible(message)}`);
  if (remedy !== '') output.line(`${' '.repeat('problem'.length + check.length + 2)}→ ${visible(remedy)}`);
}

async function look(check: Check, surroundings: Surroundings): Promise<Finding[]> {
  try {
    return await check.look(surroundings);
  } catch (error) {
    return [unknown(`could not be looked at: ${error instanceof Error ? error.message : error}`)];
  }
}
