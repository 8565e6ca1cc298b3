/** Bytes between threads. Those that have their memory for themselves are handed over; to copy megabytes holds everybody up. */

/** What `postMessage` may hand over of them; nothing where others share their memory. The sender must not use them any more. */
export const ownedBy = ({ buffer, byteLength }: Uint8Array): ArrayBuffer[] =>
  buffer instanceof ArrayBuffer && byteLength > 0 && byteLength === buffer.byteLength ? [buffer] : [];

/** The same bytes, as what they were before they came here. */
export const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
