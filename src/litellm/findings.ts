/** What an import says beside its result: settings that were not taken, and those that were and mean something else here. */
export interface Finding {
  /** Where it stands in what is imported, such as `model_list[2].litellm_params.temperature`. */
  readonly path: string;
  readonly reason: string;
}

/** Beyond that many of one kind, the rest is only counted: a file with a hundred thousand models has few kinds of findings. */
const MOST_FINDINGS = 5_000;
const LONGEST_REASON = 300;

export class Findings {
  readonly notTaken: Finding[] = [];
  readonly notes: Finding[] = [];
  readonly #told = new Set<string>();
  #leftOut = 0;

  /** Has no equivalent. */
  lacks(path: string, reason: string): void {
    this.#add(this.notTaken, path, reason);
  }

  /** Was taken, but works differently or needs something of the reader. */
  note(path: string, reason: string): void {
    this.#add(this.notes, path, reason);
  }

  get leftOut(): number {
    return this.#leftOut;
  }

  #add(to: Finding[], path: string, reason: string): void {
    const key = `${path}\n${reason}`;
    if (this.#told.has(key)) return;
    if (to.length >= MOST_FINDINGS) this.#leftOut++;
    else {
      this.#told.add(key);
      to.push({ path: printable(path), reason: printable(reason) });
    }
  }
}

/** Names come from the file: what a terminal would act on is not passed to it. */
const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  text.slice(0, LONGEST_REASON).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/g, '?');
