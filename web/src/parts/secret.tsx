/** A secret that was just made, this once. */
import { Button, Flex, Text } from '@radix-ui/themes';
import { Lines } from './lines';

export function Secret({ of: secret, what, close }: { of: string; what: string; close: () => void }) {
  return (
    <Flex direction="column" gap="3">
      <Text as="p" size="2">
        {`This is the ${what}. It is shown now and never again.`}
      </Text>
      <Lines testId="secret">{secret}</Lines>
      <Flex gap="2" justify="end">
        <Button variant="soft" onClick={() => void navigator.clipboard?.writeText(secret)}>
          Copy
        </Button>
        <Button onClick={close}>Done</Button>
      </Flex>
    </Flex>
  );
}
