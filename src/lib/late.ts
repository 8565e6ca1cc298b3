/**
 * The event of a request whose body comes too slowly. Whoever reads the body listens for it and answers with 408; a request
 * that nobody listens to is cut off.
 */
export const late = Symbol('late');

export const tooSlow = "The request's body came too slowly (server.timeout.body).";
