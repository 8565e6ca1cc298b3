/** A real issuer of OpenID Connect, at which whoever is to sign in does so at once, and a browser that follows where it is led. */
import type { Server } from 'node:http';
import Provider from 'oidc-provider';

export interface Person {
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly name?: string;
  readonly groups?: readonly string[] | string;
  readonly squads?: readonly string[];
}

export interface IdentityProvider {
  readonly issuer: string;
  /** Who signs in next, by subject; `nobody`: the issuer refuses. */
  person: string;
  readonly people: Map<string, Person>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export const CLIENT_SECRET = 'a-secret-of-the-client-0123456789';

export async function startIdentityProvider(port: number, gateways: readonly string[]): Promise<IdentityProvider> {
  const issuer = `http://127.0.0.1:${port}`;
  const people = new Map<string, Person>();
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'tollgate',
        client_secret: CLIENT_SECRET,
        redirect_uris: gateways.map((url) => `${url}/admin/v1/session/oidc/callback`),
        post_logout_redirect_uris: gateways.map((url) => `${url}/ui/`),
      },
    ],
    claims: { openid: ['sub', 'groups', 'squads'], profile: ['name'], email: ['email', 'email_verified'] },
    cookies: { keys: ['a-key-of-the-tests'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...people.get(sub) }) }),
    // Nobody is asked to consent.
    loadExistingGrant: async ({ oidc }) => {
      const before = oidc.session!.grantIdFor(oidc.client!.clientId);
      if (before) return oidc.provider.Grant.find(before);
      const grant = new oidc.provider.Grant({
        accountId: oidc.session!.accountId!,
        clientId: oidc.client!.clientId,
      });
      grant.addOIDCScope('openid profile email');
      await grant.save();
      return grant;
    },
  });
  const made: IdentityProvider = {
    ...{ issuer, people, person: 'nobody' },
    start: () =>
      new Promise((resolve) => {
        server = provider.listen(port, '127.0.0.1', () => resolve());
      }),
    stop: () =>
      new Promise((resolve) => {
        server?.closeAllConnections();
        server?.close(() => resolve());
      }),
  };
  provider.use(async (context, next) => {
    if (!context.path.startsWith('/interaction/')) return next();
    const result = made.person === 'nobody' ? { error: 'access_denied' } : { login: { accountId: made.person } };
    await provider.interactionFinished(context.req, context.res, result);
    context.respond = false;
  });
  let server: Server | undefined;
  await made.start();
  return made;
}

/** A browser as far as redirects and cookies go. Cookies are of a host, whatever the port. */
export class Browser {
  readonly #cookies = new Map<string, string>();
  /** Every address that it was led to. */
  readonly visited: string[] = [];

  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** One request, and no further. */
  async ask(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    this.visited.push(url);
    const response = await fetch(url, { redirect: 'manual', headers: { cookie: this.cookie, ...headers } });
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...flags] = line.split(';');
      const at = pair!.indexOf('=');
      const gone = flags.some((flag) => /max-age=0|expires=thu, 01 jan 1970/i.test(flag));
      if (gone) this.#cookies.delete(pair!.slice(0, at));
      else this.#cookies.set(pair!.slice(0, at), pair!.slice(at + 1));
    }
    return response;
  }

  /** As far as it is led, or to the first address that `until` takes, which is not asked. Answers the address. */
  async follow(url: string, until: (to: string) => boolean = () => false): Promise<string> {
    for (let steps = 0, at = url; steps < 15; steps++) {
      const response = await this.ask(at);
      await response.arrayBuffer();
      const location = response.headers.get('location');
      if (location === null) return at;
      at = new URL(location, at).href;
      if (until(at)) return at;
    }
    throw new Error('led in circles');
  }
}
