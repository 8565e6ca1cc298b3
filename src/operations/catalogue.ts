/**
 * The catalogue of list prices, changed while the gateway runs. An operator brings a file to one gateway; it is validated there,
 * kept in the database, and taken in by all that use it, within a second. Work is done one piece after the other. While the
 * database is away the catalogue that is in force stays. A kept catalogue that is older than the one of the package (after an
 * upgrade) is passed over.
 */
import type { Change, Changes } from '../identity/changes.js';
import type { Clock } from '../lib/clock.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { messageOf } from '../lib/thrown.js';
import { lookup } from '../pricing/catalogue.js';
import { type CatalogueFile, readCatalogue } from '../pricing/catalogue-file.js';
import { type CatalogueInForce, catalogueInForce, catalogueNow, takeCatalogue } from '../pricing/catalogue-in-force.js';
import type { CatalogueStore } from '../pricing/kept-catalogue-pg.js';

interface CatalogueDeps {
  readonly store: CatalogueStore;
  readonly changes: Pick<Changes, 'subscribe' | 'publish'>;
  readonly clock: Clock;
  readonly log: { info(fields: object, message: string): void; error(fields: object, message: string): void };
}

export interface NewCatalogue {
  readonly file: string;
  readonly date?: string | undefined;
  /** Also where it is not newer, or models would lose their price. */
  readonly force: boolean;
  readonly actor: string;
}

/** What makes something of prices and is to make it anew. */
interface Priced {
  /** Targets that nothing prices now. */
  readonly unpriced: () => readonly string[];
  readonly changed: () => void;
}

const DAY_MS = 86_400_000;
/** A list of names in an error. */
const MOST_NAMES = 10;

export class Catalogue {
  readonly #deps: CatalogueDeps;
  #priced: Priced = { unpriced: () => [], changed: () => {} };
  #working: Promise<unknown> = Promise.resolve();
  #stop: () => void;

  constructor(deps: CatalogueDeps) {
    this.#deps = deps;
    this.#stop = deps.changes.subscribe(({ kind }: Change) => {
      if (kind !== 'prices' && kind !== 'all') return;
      this.#inTurn(() => this.#takeKept()).catch((error: unknown) =>
        deps.log.error({ error: messageOf(error) }, 'the catalogue of prices cannot be read: what is in force stays'),
      );
    });
  }

  /** Takes in what is kept. Before anything is made of prices. */
  start(): Promise<void> {
    return this.#inTurn(() => this.#takeKept());
  }

  /** From now on this is told of changes, and says what a catalogue leaves without a price. */
  use(priced: Priced): void {
    this.#priced = priced;
  }

  /** A newer catalogue for all gateways. A file that is in force already changes nothing. */
  update(given: NewCatalogue): Promise<Result<CatalogueInForce & { readonly models: number }>> {
    return this.#inTurn(async () => {
      const read = readCatalogue(given.file, given.date);
      if (!read.ok) return read;
      const file = read.value;
      const { date, sha256, models } = file;
      if (sha256 !== catalogueInForce().sha256) {
        const problem = this.#problemOf(file, given.force);
        if (problem !== undefined) return refused(refuse('conflict', problem, { param: 'catalogue' }));
        const detail = {
          sha256,
          date,
          models,
          before: catalogueInForce().version,
          ...(given.force && { forced: true }),
        };
        const by = { actor: given.actor, atMs: this.#deps.clock.now() };
        if (!(await this.#deps.store.keep({ sha256, date, file: given.file, detail }, by, given.force)))
          return refused(
            refuse('conflict', 'Another gateway took in a catalogue that is as new. Nothing was changed.'),
          );
        this.#take(file);
        this.#deps.changes.publish({ kind: 'prices' });
      }
      return ok({ ...catalogueInForce(), models });
    });
  }

  /** The catalogue of the package again, for all gateways. */
  reset(actor: string): Promise<CatalogueInForce> {
    return this.#inTurn(async () => {
      await this.#deps.store.forget({ actor, atMs: this.#deps.clock.now() });
      this.#take(null);
      this.#deps.changes.publish({ kind: 'prices' });
      return catalogueInForce();
    });
  }

  close(): void {
    this.#stop();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#working.then(work);
    this.#working = done.catch(() => {});
    return done;
  }

  async #takeKept(): Promise<void> {
    const { store, log } = this.#deps;
    const kept = await store.kept();
    const now = catalogueInForce();
    if ((kept?.sha256 ?? null) === now.sha256) return;
    if (kept === null) return this.#take(null);
    const file = await store.file(kept.sha256);
    if (file === undefined) return; // it was changed meanwhile, which is told too
    const read = readCatalogue(file, kept.date);
    if (!read.ok)
      return log.error({ sha256: kept.sha256, error: read.refusal.message }, 'the kept catalogue of prices');
    if (now.sha256 === null && kept.date <= now.date)
      return log.info(
        { kept: kept.date, shipped: now.date },
        'the kept catalogue of prices is older than this version: passed over',
      );
    this.#take(read.value);
  }

  /** Nothing else runs between the change and what follows from it. */
  #take(file: CatalogueFile | null): void {
    const { log } = this.#deps;
    const problem = takeCatalogue(file);
    if (problem !== undefined) return log.error({ error: problem }, 'the catalogue of prices is not taken in');
    log.info({ ...catalogueInForce() }, 'another catalogue of prices is in force');
    this.#priced.changed();
  }

  /** Why a catalogue is not to be taken in; it is in force only while that is found out. */
  #problemOf(file: CatalogueFile, force: boolean): string | undefined {
    const now = catalogueInForce();
    const nowMs = this.#deps.clock.now();
    if (Date.parse(file.date) > nowMs + DAY_MS)
      return `The catalogue is from ${file.date}, which is not yet. Nothing was changed.`;
    if (!force && file.date <= now.date)
      return `The catalogue is from ${file.date} and not newer than the one in force (${now.version}, from ${now.date}). Nothing was changed; force takes it all the same.`;
    const before = new Set(this.#priced.unpriced());
    const back = catalogueNow();
    try {
      const problem = takeCatalogue(file) ?? faultOf(file, nowMs);
      if (problem !== undefined) return `This is no catalogue of prices: ${problem}. Nothing was changed.`;
      const lost = this.#priced.unpriced().filter((target) => !before.has(target));
      if (force || lost.length === 0) return undefined;
      const names = lost.slice(0, MOST_NAMES).join(', ') + (lost.length > MOST_NAMES ? ', ...' : '');
      return `With this catalogue ${names} would have no price and be refused. Nothing was changed; force takes it all the same.`;
    } finally {
      back.restore();
    }
  }
}

/** A model whose price cannot be made anything of. */
function faultOf({ providers }: CatalogueFile, nowMs: number): string | undefined {
  for (const { id, models } of providers) {
    for (const model of models) {
      try {
        lookup(id, model.id, nowMs);
      } catch (error) {
        return `${id}/${model.id}: ${messageOf(error)}`;
      }
    }
  }
  return undefined;
}
