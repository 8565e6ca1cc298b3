/** SQL as the parts of the domain need it that write in a transaction of somebody else's: a text with parameters, and rows. */
export type Query = <T extends object = Record<string, unknown>>(
  text: string,
  values?: readonly unknown[],
) => Promise<T[]>;

export interface Sql {
  readonly query: Query;
  /** Runs `work` in one transaction, undone where it throws. To use anything but its own `query` inside waits for ever. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
}
