/**
 * The sliding windows that this process keeps, by the name of their counter. The memory store counts in them; beside Redis
 * they know what this process itself has taken, so that its share of a window is not admitted again when Redis goes away.
 * Every method runs to its end without waiting. `dropPast` looks at a hundredth of all windows each time.
 */
import { amountOf, type Hold, type Part } from './hold.js';
import { RateWindow } from './rate-window.js';

export class RateWindows {
  readonly #windows = new Map<string, RateWindow>();
  #sweep: MapIterator<RateWindow> | undefined;

  get size(): number {
    return this.#windows.size;
  }

  get(key: string): RateWindow | undefined {
    return this.#windows.get(key);
  }

  /** The window of a part's limit, made where there is none. */
  of({ limit, key }: Part): RateWindow {
    const { slot } = limit;
    if (slot?.kind === 'rate' && slot.owner === this && slot.key === key) return slot;
    let rate = this.#windows.get(key);
    if (!rate) this.#windows.set(key, (rate = new RateWindow(this, key, limit.windowMs)));
    limit.slot = rate;
    return rate;
  }

  /** Writes into a part what it takes of its window, without asking whether it fits. */
  take(part: Part, rate: RateWindow, nowMs: number, most: number): void {
    const { own } = part;
    part.rate = rate;
    part.amount = amountOf(part, 0);
    if (own) part.entry = own.rate === rate ? own.entry : null;
    else part.entry = part.amount > 0 ? rate.take(nowMs, part.amount, most) : null;
  }

  /** Takes what was granted elsewhere. */
  note(parts: readonly Part[], nowMs: number): void {
    for (const part of parts) {
      if (part.limit.kind !== 'rate') continue;
      const rate = this.of(part);
      rate.expire(nowMs);
      this.take(part, rate, nowMs, part.limit.spec.max);
    }
  }

  /** Makes of what parts took what was really used. Once: afterwards they have nothing here. */
  settle(hold: Hold, nowMs: number): void {
    for (const part of hold.parts) {
      const { rate, entry, actual, amount } = part;
      if (rate === null) continue;
      rate.expire(nowMs);
      if (entry !== null && actual < amount) rate.giveBack(entry, amount - actual);
      else if (actual > amount) this.of(part).take(nowMs, actual - amount, part.limit.spec.max);
      part.rate = null;
      part.entry = null;
    }
  }

  /** Drops windows in which nothing is left. */
  dropPast(nowMs: number): void {
    for (let left = 1000 + this.#windows.size / 100; left > 0; left--) {
      this.#sweep ??= this.#windows.values();
      const next = this.#sweep.next();
      if (next.done) {
        this.#sweep = undefined;
        return;
      }
      const rate = next.value;
      rate.expire(nowMs);
      if (!rate.empty) continue;
      rate.owner = null;
      this.#windows.delete(rate.key);
    }
  }
}
