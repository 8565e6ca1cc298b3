import { Button, Card, Flex, Heading, Text } from '@radix-ui/themes';
import { type FormEvent, useState } from 'react';
import { get, session } from '../api';
import { Field } from '../parts/fields';
import { Problem } from '../parts/page';

export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const [key, setKey] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const enter = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    session.set(key.trim());
    try {
      await get('/config/status');
      onSignedIn();
    } catch (refused) {
      session.end();
      setError(refused);
    }
    setBusy(false);
  };
  return (
    <main>
      <Flex justify="center" pt="9">
        <Card size="3">
          <form onSubmit={(event) => void enter(event)}>
            <Flex direction="column" gap="3" width="22rem" maxWidth="80vw">
              <Heading as="h1" size="5">
                Sign in to Tollgate
              </Heading>
              <Text as="p" size="2" color="gray">
                With the admin key. The first start of the gateway says in which file it is: admin.key in its data
                folder.
              </Text>
              <Field label="Admin key" type="password" value={key} onChange={setKey} required />
              {error !== null && <Problem error={error} />}
              <Button type="submit" disabled={busy || key.trim() === ''}>
                Sign in
              </Button>
            </Flex>
          </form>
        </Card>
      </Flex>
    </main>
  );
}
