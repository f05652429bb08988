import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DOMParser, type Element } from '@xmldom/xmldom';
import type { AccessRule, Audience, Emission } from '../../src/bus/descriptor.js';
import { parseType } from '../../src/bus/signature.js';
import { type Dictionary, holdsDictionary } from './dictionary.js';

/** Who serves an interface and who calls it. */
export type Role = 'public' | 'internal' | 'foreign';

export interface Argument {
  name: string;
  type: string;
  dictionary: string | undefined;
  doc: string;
}
export interface Method {
  name: string;
  doc: string;
  in: Argument[];
  out: Argument[];
  access: AccessRule[];
}
export interface Property extends Argument {
  writable: boolean;
  emits: Emission;
  access: AccessRule[];
}
export interface Signal {
  name: string;
  doc: string;
  args: Argument[];
  to: Audience;
}
export interface Interface {
  name: string;
  role: Role;
  doc: string;
  methods: Method[];
  properties: Property[];
  signals: Signal[];
  element: Element;
}

const OURS = 'org.freedesktop.RemoteAccess';
const INTERNAL = [`${OURS}.Agents`, `${OURS}.Agent`];
const ACTIONS = ['create-session', 'provision-token', 'manage-tokens', 'manage-sessions'];
const RULES = [
  ...['anyone', 'owner', 'user', 'login', 'session', 'agent', 'root'],
  ...ACTIONS.map((action) => `polkit:${OURS}.${action}`),
];

/** The child elements of that name. */
export function children(parent: Element, name: string): Element[] {
  return Array.from(parent.childNodes).filter((node): node is Element => node.nodeName === name);
}

/** The text of an element's doc:doc, its common indentation removed; empty if there is none. */
export function documentation(element: Element): string {
  const lines = (children(element, 'doc:doc')[0]?.textContent ?? '').split('\n');
  const indents = lines.slice(1).flatMap((line) => (line.trim() === '' ? [] : [line.length - line.trimStart().length]));
  const indent = Math.min(...indents, 80);
  return lines
    .map((line, index) => (index === 0 ? line.trim() : line.slice(indent).trimEnd()))
    .join('\n')
    .trim();
}

/** Every interface in interfaces/ and interfaces/foreign/, by name; an Error names the member that is wrong. */
export function readInterfaces(folder: string, dictionaries: readonly Dictionary[]): Interface[] {
  const known = new Set(dictionaries.map((dictionary) => dictionary.$id as string));
  return ['', 'foreign'].flatMap((sub) =>
    readdirSync(join(folder, sub))
      .filter((file) => file.endsWith('.xml'))
      .sort()
      .map((file) => readInterface(join(folder, sub, file), file.slice(0, -'.xml'.length), known)),
  );
}

function readInterface(path: string, name: string, dictionaries: ReadonlySet<string>): Interface {
  const root = new DOMParser({
    onError: (level, message) => {
      throw new Error(`${path}: ${level}: ${message}`);
    },
  }).parseFromString(readFileSync(path, 'utf8'), 'text/xml').documentElement;
  const elements = root === null ? [] : children(root, 'interface');
  const element = elements[0];
  if (element === undefined || elements.length !== 1 || element.getAttribute('name') !== name)
    throw new Error(`${path}: must hold exactly the interface ${name}`);
  const role = !name.startsWith(OURS) ? 'foreign' : INTERNAL.includes(name) ? 'internal' : 'public';
  return new Reader(role, dictionaries, element).read(name);
}

/** Reads the members of one interface; keeps what the checks need. */
class Reader {
  readonly #role: Role;
  readonly #dictionaries: ReadonlySet<string>;
  readonly #element: Element;

  constructor(role: Role, dictionaries: ReadonlySet<string>, element: Element) {
    this.#role = role;
    this.#dictionaries = dictionaries;
    this.#element = element;
  }

  read(name: string): Interface {
    const members = (kind: string) => children(this.#element, kind);
    return {
      name,
      role: this.#role,
      doc: this.#doc(this.#element, name),
      methods: members('method').map((element) => this.#method(element, name)),
      properties: members('property').map((element) => this.#property(element, name)),
      signals: members('signal').map((element) => this.#signal(element, name)),
      element: this.#element,
    };
  }

  #method(element: Element, owner: string): Method {
    const where = `${owner}.${attribute(element, 'name', owner)}`;
    const args = (direction: string) =>
      children(element, 'arg')
        .filter((arg) => attribute(arg, 'direction', where) === direction)
        .map((arg) => this.#argument(arg, where));
    return {
      name: attribute(element, 'name', owner),
      doc: this.#doc(element, where),
      in: args('in'),
      out: args('out'),
      access: this.#access(element, where),
    };
  }

  #property(element: Element, owner: string): Property {
    const argument = this.#argument(element, owner);
    const where = `${owner}.${argument.name}`;
    const access = attribute(element, 'access', where);
    const emits = annotation(element, 'org.freedesktop.DBus.Property.EmitsChangedSignal') ?? 'true';
    return {
      ...argument,
      writable: oneOf(['read', 'readwrite'], access, where) === 'readwrite',
      emits: oneOf(['true', 'invalidates', 'const', 'false'], emits, where),
      access: this.#access(element, where),
    };
  }

  #signal(element: Element, owner: string): Signal {
    const where = `${owner}.${attribute(element, 'name', owner)}`;
    return {
      name: attribute(element, 'name', owner),
      doc: this.#doc(element, where),
      args: children(element, 'arg').map((arg) => this.#argument(arg, where)),
      to: oneOf(['everyone', 'owner', 'user'], annotation(element, `${OURS}.To`) ?? 'everyone', where),
    };
  }

  #argument(element: Element, owner: string): Argument {
    const name = attribute(element, 'name', owner);
    const where = `${owner}.${name}`;
    const type = attribute(element, 'type', where);
    const dictionary = annotation(element, `${OURS}.Dictionary`);
    const parsed = parseType(type);
    if (dictionary !== undefined && !(this.#dictionaries.has(dictionary) && holdsDictionary(parsed)))
      throw new Error(`${where}: no dictionary ${dictionary}, or ${type} holds none`);
    return { name, type, dictionary, doc: this.#doc(element, where) };
  }

  #access(element: Element, where: string): AccessRule[] {
    if (this.#role === 'foreign') return [];
    const value = annotation(element, `${OURS}.Access`) ?? annotation(this.#element, `${OURS}.Access`);
    if (value === undefined) throw new Error(`${where}: no rule says who may use it`);
    return value.split(' ').map((rule) => oneOf(RULES, rule, where) as AccessRule);
  }

  #doc(element: Element, where: string): string {
    const doc = documentation(element);
    if (doc === '' && this.#role !== 'foreign') throw new Error(`${where}: is not documented`);
    return doc;
  }
}

function attribute(element: Element, name: string, where: string): string {
  const value = element.getAttribute(name);
  if (value === null || value === '') throw new Error(`${where}: <${element.nodeName}> without ${name}`);
  return value;
}

function annotation(element: Element, name: string): string | undefined {
  const found = children(element, 'annotation').find((candidate) => candidate.getAttribute('name') === name);
  return found?.getAttribute('value') ?? undefined;
}

function oneOf<Word extends string>(words: readonly Word[], value: string, where: string): Word {
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw new Error(`${where}: ${JSON.stringify(value)} is none of ${words.join(', ')}`);
  return word;
}
