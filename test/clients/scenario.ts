/**
 * What a client library must be able to do through a gateway, as plain functions that are handed the library: the same
 * scenarios run in the test's own process and, with newer libraries, in a process of a newer Node.
 */
export interface Context {
  /** Of the gateway, with `/v1`. */
  readonly baseURL: string;
  /** A key that may use every model. */
  readonly apiKey: string;
  /** A key that may use `gpt-4o-mini` alone. */
  readonly narrowKey: string;
  /** Makes what one scenario asks for different from what every other one asks for. */
  readonly run: string;
}

export interface Scenario<Library> {
  readonly name: string;
  run(library: Library, context: Context): Promise<void>;
}
