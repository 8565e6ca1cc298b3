/** There is no credential to sign a request with. Its words hold no secret: they are shown to whoever may see an upstream's words. */
export class NoCredential extends Error {
  override readonly name = 'NoCredential';
}
