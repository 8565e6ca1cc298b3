/** Parts put together to one object: JSON texts by name, of which only those that two parts share are looked into. */
import type { KeptJson } from './json-edit.js';

type Member = string | Map<string, string>;

export class Merged {
  readonly #members = new Map<string, Member>();

  /** What came later in the configuration goes over what came before. Without a group an object's fields are merged in. */
  add(group: string | undefined, kept: KeptJson): void {
    if (group === undefined) {
      if ('members' in kept) for (const [name, text] of kept.members) this.#members.set(name, text);
      return;
    }
    const before = this.#members.get(group);
    if (before instanceof Map && 'members' in kept) for (const [name, text] of kept.members) before.set(name, text);
    else this.#members.set(group, 'members' in kept ? new Map(kept.members) : kept.text);
  }

  /** The object as JSON. */
  text(): string {
    return written([...this.#members].map(([name, member]) => [name, textOf(member)]));
  }
}

const textOf = (member: Member): string => (typeof member === 'string' ? member : written([...member]));

const written = (members: readonly (readonly [string, string])[]): string =>
  `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
