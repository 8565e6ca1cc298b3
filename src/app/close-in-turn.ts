/** Closes what is open, one after the other: what is behind may be needed by what is before it. */
export async function closeInTurn(all: readonly ({ close(): unknown } | undefined)[]): Promise<void> {
  for (const one of all) await one?.close();
}
