import type { Monitor } from '../bus/generated/dictionaries.js';
import { InvalidLayout } from '../errors.js';
import { logicalSize } from './layout.js';

/**
 * Layouts as people write them: monitors separated by commas, each `[ID=]WIDTHxHEIGHT[@SCALE][+X+Y][:WORD]...`, for
 * example `1920x1080@2,1280x720` or `left=1920x1080@1.5+0+0:90:75Hz:primary`. Sizes are physical pixels before the
 * transform, positions logical ones.
 */
const MONITOR =
  /^(?:([^=]*)=)?(\d{1,9})[x×](\d{1,9})(?:@(\d{1,9}(?:\.\d{1,17})?))?(?:([+-]\d{1,10})([+-]\d{1,10}))?((?::[^:]*)*)$/;

/** The transforms of wl_output, by number. */
const TRANSFORMS = ['normal', '90', '180', '270', 'flipped', 'flipped-90', 'flipped-180', 'flipped-270'];

const USUAL_REFRESH = 60;

/**
 * Reads a layout. A monitor without a position stands right of the one before it. Those without an id take the ids of
 * `existing` in turn, so that windows stay where they are, then new ones. Without a `primary` the first one is.
 * InvalidLayout says what cannot be read; whether the layout can be shown is the session's matter.
 */
export function parseLayout(text: string, existing: readonly Existing[] = []): Monitor[] {
  const parts = text.split(',').map((part) => readMonitor(part.trim()));
  const taken = new Set(parts.map(({ id }) => id));
  const free = existing.map(({ id }) => id).filter((id) => !taken.has(id));
  const newId = (number: number): string => {
    const id = `monitor-${number}`;
    return taken.has(id) || existing.some((one) => one.id === id) ? newId(number + 1) : id;
  };
  const monitors: Monitor[] = [];
  for (const [index, { id = free.shift() ?? newId(index + 1), position, ...rest }] of parts.entries()) {
    taken.add(id);
    const there = existing.find((one) => one.id === id);
    const { scale, refresh } = rest;
    // What formatLayout shortens is meant as it is.
    if (there?.scale !== undefined && shortScale(there.scale) === scale) rest.scale = there.scale;
    if (there?.refresh !== undefined && shortRefresh(there.refresh) === refresh) rest.refresh = there.refresh;
    monitors.push({ ...rest, id, position: position ?? rightOf(monitors.at(-1)) });
  }
  const [first] = monitors;
  if (first !== undefined && !monitors.some(({ primary }) => primary)) first.primary = true;
  return monitors;
}

/** A monitor that there is. */
type Existing = Pick<Monitor, 'id'> & Partial<Monitor>;

/** Shorter than compositors tell them, and closer than a pixel of the largest monitor. */
const shortScale = (scale: number) => Number(scale.toFixed(6));
const shortRefresh = (refresh: number) => Number(refresh.toFixed(3));

/** Writes a layout so that parseLayout reads the same. */
export function formatLayout(monitors: readonly Monitor[]): string {
  const several = monitors.length > 1;
  return monitors
    .map(({ id, size, position, scale, refresh = USUAL_REFRESH, transform = 0, primary = false }) => {
      const scaled = scale === 1 ? '' : `@${shortScale(scale)}`;
      const words = [
        ...(transform === 0 ? [] : [TRANSFORMS[transform]]),
        ...(refresh === USUAL_REFRESH ? [] : [`${shortRefresh(refresh)}Hz`]),
        ...(primary && several ? ['primary'] : []),
      ];
      const place = several ? position.map((at) => (at < 0 ? `${at}` : `+${at}`)).join('') : '';
      return `${id}=${size.join('x')}${scaled}${place}${words.map((word) => `:${word}`).join('')}`;
    })
    .join(',');
}

type Part = Omit<Monitor, 'id' | 'position'> & { id?: string; position?: [number, number] };

function readMonitor(text: string): Part {
  const match = MONITOR.exec(text);
  if (match === null)
    throw new InvalidLayout(
      `'${text}' is no monitor such as 1920x1080, 1920x1080@2 or left=1920x1080@1.5+0+0:90:75Hz:primary`,
    );
  const [, id, width, height, scale = '1', x, y, words = ''] = match;
  const part: Part = { size: [Number(width), Number(height)], scale: Number(scale) };
  if (part.scale === 0) throw new InvalidLayout(`'${text}' has scale 0`);
  if (id !== undefined) part.id = id;
  if (x !== undefined) part.position = [Number(x), Number(y)];
  for (const word of words.split(':').slice(1)) readWord(part, word, text);
  return part;
}

function readWord(part: Part, word: string, text: string): void {
  const hertz = /^(\d{1,9}(?:\.\d{1,9})?)hz$/i.exec(word)?.[1];
  const transform = TRANSFORMS.indexOf(word);
  if (word === 'primary') part.primary = true;
  else if (transform >= 0) part.transform = transform;
  else if (hertz !== undefined) part.refresh = Number(hertz);
  else throw new InvalidLayout(`'${word}' in '${text}' is none of primary, 75Hz, ${TRANSFORMS.join(', ')}`);
}

function rightOf(monitor: Monitor | undefined): [number, number] {
  if (monitor === undefined) return [0, 0];
  return [monitor.position[0] + logicalSize(monitor)[0], monitor.position[1]];
}
