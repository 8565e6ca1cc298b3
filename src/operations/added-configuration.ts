/**
 * Providers and models that are made, changed and removed while the gateways run. What is in the database is read at the start and
 * whenever it is told that it changed, and comes into force as a reload of the file does. A change is tried with everything else
 * before it is written, in its own transaction and under a lock that all gateways share: what would not work, or would leave
 * something else without what it needs, is refused. A row that cannot be used never stops a start or a reload: it is left out,
 * told in the log and shown. With the database away what is in force stays.
 */
import {
  type AddedEntry,
  type AddedKind,
  DATABASE,
  forbidden,
  type LeftOut,
  type LoadedWithAdded,
  pathWithin,
} from '../config/added.js';
import type { Draft } from '../config/draft.js';
import type { Loaded } from '../config/load.js';
import { formatPath, formatProblem } from '../config/problem.js';
import type { NumberedLoad, ReloadResult, Trigger } from '../config/reload.js';
import type { Changes } from '../identity/changes.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import type { Json } from '../lib/json.js';
import type { Query } from '../lib/query.js';
import { messageOf } from '../lib/thrown.js';
import { type AddedRow, type AddedRows, inOrder, MOST_ADDED } from './added-pg.js';

interface AddedDeps {
  readonly rows: AddedRows;
  readonly query: Query;
  /** Reads the file, with these beside what it has. */
  readonly load: (added: readonly AddedEntry[], draft?: Draft) => Promise<LoadedWithAdded>;
  readonly changes: Pick<Changes, 'subscribe'>;
  readonly nowMs: () => number;
  readonly log: { error(fields: object, message: string): void };
}

/** The part of the reloader that is needed here. */
interface Reloading {
  read(load?: () => Promise<Loaded>): Promise<NumberedLoad>;
  take(load: NumberedLoad, trigger: Trigger): ReloadResult;
  reload(trigger: Trigger): Promise<ReloadResult>;
}

/** A refusal that tells of several fields. */
type Refused = Refusal & { readonly errors?: readonly { readonly field: string; readonly message: string }[] };

const MOST_TOLD = 20;
const OTHER_KEY = 'it was encrypted with another secrets_key: set secrets_key to that of the other gateways';

export class AddedConfiguration {
  readonly #deps: AddedDeps;
  #reloading: Reloading | undefined;
  #rows: readonly AddedRow[] = [];
  /** Those that the configuration was read with last. */
  #read: readonly AddedRow[] = [];
  #leftOut: readonly LeftOut[] = [];
  #working: Promise<unknown> = Promise.resolve();
  readonly #stop: () => void;

  constructor(deps: AddedDeps) {
    this.#deps = deps;
    this.#stop = deps.changes.subscribe(({ kind }) => {
      if (kind === 'configuration' || kind === 'all') void this.refresh();
    });
  }

  /** Reads what there is and takes it in. Never fails: what cannot be used is told. */
  async start(reloading: Reloading): Promise<void> {
    this.#reloading = reloading;
    await this.refresh();
  }

  close(): void {
    this.#stop();
  }

  /** A draft of the file with what is in the database; nothing changes. */
  judge(draft: Draft): Promise<LoadedWithAdded> {
    return this.#deps.load(entriesOf(this.#rows), draft);
  }

  /** The file with what is in the database, for a reload. */
  async load(): Promise<Loaded> {
    this.#read = this.#rows;
    const loaded = await this.#deps.load(entriesOf(this.#rows));
    this.#leave(loaded.leftOut);
    return loaded;
  }

  isAdded(kind: AddedKind, name: string): boolean {
    return this.#rows.some((row) => row.kind === kind && row.name === name);
  }

  /** Those that are not in force, with the reason in words. */
  leftOut(kind: AddedKind): readonly { readonly name: string; readonly problem: string }[] {
    const unreadable = this.#rows.filter((row) => row.kind === kind && !row.entry);
    return [
      ...unreadable.map(({ name }) => ({ name, problem: OTHER_KEY })),
      ...this.#leftOut.filter((one) => one.kind === kind).map((one) => ({ name: one.name, problem: wordsOf(one) })),
    ];
  }

  /** Takes in what is in the database now, where it is not what it was. Never rejects. */
  refresh(): Promise<void> {
    return this.#inTurn(async () => {
      try {
        const rows = inOrder(await this.#deps.rows.read(this.#deps.query));
        if (JSON.stringify(rows) === JSON.stringify(this.#read)) return;
        this.#rows = rows;
        for (const { kind, name, entry } of rows)
          if (!entry)
            this.#deps.log.error({ kind, name, problem: OTHER_KEY }, 'a part of the configuration is left out');
        await this.#reloading?.reload('database');
      } catch (error) {
        this.#deps.log.error(
          { error: messageOf(error) },
          'added providers and models cannot be read: what is in force stays',
        );
      }
    });
  }

  /**
   * A change, its transaction included, while no other one and no refresh runs: those who wait hold no connection. Afterwards what is
   * in force is what the database has, also where the transaction failed.
   */
  exclusively<T>(write: () => Promise<T>): Promise<T> {
    return this.#inTurn(write).finally(() => void this.refresh());
  }

  /**
   * Writes what `make` makes of what is there (null: removes it) and takes it in, inside the transaction of `query`: the last step
   * before its end. `audit` writes its line once it is known that it can be made. To be called inside `exclusively`.
   */
  async change(
    query: Query,
    { kind, name }: Pick<AddedEntry, 'kind' | 'name'>,
    make: (before: Json | undefined) => Result<Json | null>,
    audit: (before: Json | undefined, after: Json | null) => Promise<void>,
  ): Promise<Result<null>> {
    const { rows } = this.#deps;
    await rows.lock(query);
    const now = await rows.read(query);
    const before = now.find((row) => row.kind === kind && row.name === name);
    const made = make(before?.entry?.written);
    if (!made.ok) return made;
    const rest = now.filter((row) => row !== before);
    const audited = async (write: () => Promise<void>) => {
      await audit(before?.entry?.written, made.value);
      await write();
    };
    if (made.value === null) {
      if (!before) return refused(refuse('not_found', `There is no ${kind} named ${name} that the API made.`));
      return this.#try(rest, undefined, () => audited(() => rows.remove(query, kind, name)));
    }
    const entry: AddedEntry = { kind, name, written: made.value };
    const never = forbidden(entry);
    if (never) return refused(refuse('invalid_value', never.message, { param: formatPath(never.path) }));
    if (rest.length >= MOST_ADDED)
      return refused(refuse('conflict', `There are ${MOST_ADDED} of them, which is the most.`));
    const next = [...rest, { kind, name, entry }];
    return this.#try(next, entry, () => audited(() => rows.put(query, entry, this.#deps.nowMs())));
  }

  async #try(
    rows: readonly AddedRow[],
    entry: AddedEntry | undefined,
    write: () => Promise<void>,
  ): Promise<Result<null>> {
    const reloading = this.#reloading!;
    let leftOut: readonly LeftOut[] = [];
    const load = await reloading.read(async () => {
      const loaded = await this.#deps.load(entriesOf(rows));
      leftOut = loaded.leftOut;
      return loaded;
    });
    if (!load.loaded.ok) return refused(rejection(load.loaded.problems.map(formatProblem)));
    const own = entry && leftOut.find((one) => one.kind === entry.kind && one.name === entry.name);
    if (own) return refused(refusalOf(own));
    const broken = leftOut.find((one) => !this.#leftOut.some((old) => old.kind === one.kind && old.name === one.name));
    if (broken)
      return refused(refuse('conflict', `The ${broken.kind} ${broken.name} needs it as it is: ${wordsOf(broken)}`));
    await write();
    const taken = reloading.take(load, 'api');
    if (taken.status === 'rejected') return refused(rejection(taken.problems.map(formatProblem)));
    this.#rows = inOrder(rows);
    this.#read = this.#rows;
    this.#leave(leftOut);
    return ok(null);
  }

  #leave(leftOut: readonly LeftOut[]): void {
    for (const one of leftOut) {
      if (this.#leftOut.some((old) => old.kind === one.kind && old.name === one.name)) continue;
      this.#deps.log.error(
        { kind: one.kind, name: one.name, problem: wordsOf(one) },
        'a part of the configuration is left out',
      );
    }
    this.#leftOut = leftOut;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#working.then(work);
    this.#working = done.catch(() => {});
    return done;
  }
}

const entriesOf = (rows: readonly AddedRow[]): readonly AddedEntry[] => rows.flatMap(({ entry }) => entry ?? []);

const wordsOf = ({ inFile, problems, kind, name }: LeftOut): string =>
  inFile
    ? `the configuration file has a ${kind} named ${name}, which counts`
    : problems.map((problem) => `${problem.path}: ${problem.message}`).join('; ');

function refusalOf(own: LeftOut): Refused {
  // It makes something of the file wrong.
  if (own.problems.some(({ file }) => file !== DATABASE)) return rejection(own.problems.map(formatProblem));
  if (own.inFile) {
    const words = `The configuration file has a ${own.kind} named ${own.name}: change it there, or take another name.`;
    return refuse('conflict', words, { param: 'name' });
  }
  const errors = own.problems.slice(0, MOST_TOLD).map(({ path, message }) => ({
    field: pathWithin(path, own) || 'name',
    message,
  }));
  const words = errors.slice(0, 3).map(({ field, message }) => `${field}: ${message}`);
  return { ...refuse('invalid_value', words.join('; ')), errors };
}

const rejection = (problems: readonly string[]): Refusal =>
  refuse('config_rejected', `The configuration as a whole cannot be taken in, and nothing was changed: ${problems[0]}`);
