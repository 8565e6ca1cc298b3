/**
 * A map for what comes and goes with every request. V8's own `Map` is rebuilt as keys come and go; a table that it has left
 * behind still points to what was in it and to the next table, and once one such table is old, all later ones and what was in
 * them wait for a full collection. Here there is one table, which is overwritten. Keys end in random characters.
 */
export class PassingMap<T> {
  #buckets: Pair<T>[][] = bucketsOf(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): T | undefined {
    for (const pair of this.#bucket(key)) if (pair.key === key) return pair.value;
    return undefined;
  }

  set(key: string, value: T): void {
    const bucket = this.#bucket(key);
    for (const pair of bucket) {
      if (pair.key !== key) continue;
      pair.value = value;
      return;
    }
    bucket.push({ key, value });
    this.#size += 1;
    if (this.#size > this.#buckets.length * 4) this.#grow();
  }

  delete(key: string): boolean {
    const bucket = this.#bucket(key);
    for (let i = 0; i < bucket.length; i++) {
      if (bucket[i]!.key !== key) continue;
      const last = bucket.pop()!;
      if (i < bucket.length) bucket[i] = last;
      this.#size -= 1;
      return true;
    }
    return false;
  }

  /** Those that are there now: deleting while one goes through them is safe. */
  entries(): [string, T][] {
    return this.#buckets.flatMap((bucket) => bucket.map(({ key, value }): [string, T] => [key, value]));
  }

  #bucket(key: string): Pair<T>[] {
    let hash = 0;
    for (let i = Math.max(0, key.length - 6); i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
    return this.#buckets[(hash ^ (hash >>> 15)) & (this.#buckets.length - 1)]!;
  }

  #grow(): void {
    const pairs = this.#buckets.flat();
    this.#buckets = bucketsOf(this.#buckets.length * 4);
    for (const pair of pairs) this.#bucket(pair.key).push(pair);
  }
}

interface Pair<T> {
  readonly key: string;
  value: T;
}

const bucketsOf = <T>(count: number): Pair<T>[][] => Array.from({ length: count }, () => []);
