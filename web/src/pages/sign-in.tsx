/** Signing in: by OIDC where it is configured, with an address and a password, or with the admin key. */
import { Button, Callout, Card, Flex, Heading, Text } from '@radix-ui/themes';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { query, type SignInState, type Ways, write } from '../api';
import { Field } from '../parts/fields';
import { Problem } from '../parts/page';

/** Why signing in by OIDC came to nothing; the gateway leads back with one of these. */
const reasons: Readonly<Record<string, string>> = {
  away: 'The sign-in service does not answer. Try again in a moment, or sign in with the admin key.',
  denied: 'The sign-in service refused, or it was broken off there.',
  invalid: 'What the sign-in service answered cannot be used. The log of the gateway says why.',
  expired: 'This sign-in was begun too long ago, in another browser, or was used before. Begin anew.',
  no_access: 'You are known, but nothing gives you access here. Ask whoever runs this gateway for a role.',
  blocked: 'You are blocked here. Ask whoever runs this gateway.',
  busy: 'Too many are signing in. Try again in a few minutes.',
  off: 'Signing in this way is not configured here.',
  unavailable: 'The gateway does not reach its database. Try again in a moment.',
};

/** Which of two ways was taken last: nothing that is secret. */
const LAST = 'tollgate.sign-in';

export function SignIn({ ways, onSignedIn }: { ways: Ways; onSignedIn: (state: SignInState) => void }) {
  const [byPassword, setByPassword] = useState(localStorage.getItem(LAST) === 'password');
  const [email, setEmail] = useState('');
  const [secret, setSecret] = useState('');
  const reason = new URLSearchParams(location.search).get('sign_in');
  useEffect(() => {
    document.title = 'Sign in · Tollgate';
  }, []);
  const enter = useMutation({
    mutationFn: () =>
      write<SignInState>('POST', '/session', byPassword ? { email, password: secret } : { admin_key: secret.trim() }),
    onSuccess: (state) => {
      localStorage.setItem(LAST, byPassword ? 'password' : 'admin_key');
      if (reason !== null) history.replaceState(null, '', location.pathname);
      onSignedIn(state);
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    enter.mutate();
  };
  const change = (): void => {
    setByPassword(!byPassword);
    setSecret('');
    enter.reset();
  };
  const here = location.pathname.startsWith('/ui') ? location.pathname : '/ui/';
  return (
    <main>
      <Flex justify="center" pt="9">
        <Card size="3">
          <form onSubmit={submit}>
            <Flex direction="column" gap="3" width="22rem" maxWidth="80vw">
              <Heading as="h1" size="5">
                Sign in to Tollgate
              </Heading>
              {reason !== null && enter.error === null && (
                <Callout.Root color="red" role="alert">
                  <Callout.Text>{Object.hasOwn(reasons, reason) ? reasons[reason] : reasons['invalid']}</Callout.Text>
                </Callout.Root>
              )}
              {ways.oidc !== null && (
                <Button asChild>
                  <a href={`/admin/v1/session/oidc${query({ to: here })}`}>{`Sign in with ${ways.oidc}`}</a>
                </Button>
              )}
              {byPassword ? (
                <>
                  <Field label="E-mail address" value={email} onChange={setEmail} autoComplete="username" required />
                  <Field
                    label="Password"
                    type="password"
                    value={secret}
                    onChange={setSecret}
                    autoComplete="current-password"
                    required
                  />
                </>
              ) : (
                <>
                  <Text as="p" size="2" color="gray">
                    With the admin key. The first start of the gateway says in which file it is: admin.key in its data
                    folder.
                  </Text>
                  <Field
                    label="Admin key"
                    type="password"
                    value={secret}
                    onChange={setSecret}
                    autoComplete="off"
                    required
                  />
                </>
              )}
              {enter.error !== null && <Problem error={enter.error} />}
              <Button
                type="submit"
                variant={ways.oidc === null ? 'solid' : 'soft'}
                disabled={enter.isPending || secret.trim() === '' || (byPassword && email === '')}
              >
                Sign in
              </Button>
              <button type="button" className="link" onClick={change}>
                {byPassword ? 'Sign in with the admin key' : 'Sign in with a password'}
              </button>
            </Flex>
          </form>
        </Card>
      </Flex>
    </main>
  );
}
