/** What was captured of a request. It is asked for when somebody wants to see it: each reading is in the audit log. */
import { Badge, Button, Callout, Flex, Heading } from '@radix-ui/themes';
import { useMutation } from '@tanstack/react-query';
import { ApiError, get } from '../api';
import { Problem } from './page';

interface Content {
  readonly content: 'on' | 'redacted';
  readonly readable: boolean;
  readonly request: unknown;
  readonly answer: unknown;
  readonly complete: boolean;
  readonly truncated: { readonly request: boolean; readonly answer: boolean };
}

export function CapturedContent({ entry }: { entry: string }) {
  const asked = useMutation({ mutationFn: () => get<Content>(`/usage/entries/${encodeURIComponent(entry)}/content`) });
  if (asked.data) return <Shown content={asked.data} />;
  if (asked.error instanceof ApiError && asked.error.status === 404)
    return (
      <Callout.Root color="gray">
        <Callout.Text>Nothing is captured of this request.</Callout.Text>
      </Callout.Root>
    );
  if (asked.error) return <Problem error={asked.error} retry={() => asked.mutate()} />;
  return (
    <div>
      <Button variant="soft" onClick={() => asked.mutate()} disabled={asked.isPending}>
        Show prompt and answer
      </Button>
    </div>
  );
}

function Shown({ content: { content, readable, request, answer, complete, truncated } }: { content: Content }) {
  if (!readable)
    return (
      <Callout.Root color="orange">
        <Callout.Text>It was encrypted with another secrets_key and cannot be read.</Callout.Text>
      </Callout.Root>
    );
  const sides = [
    ['Prompt', request, truncated.request, false],
    ['Answer', answer, truncated.answer, !complete],
  ] as const;
  return (
    <Flex direction="column" gap="3">
      {sides.map(([name, json, isCut, isPartial]) => (
        <Flex key={name} direction="column" gap="1">
          <Flex gap="2" align="center">
            <Heading as="h3" size="2">
              {name}
            </Heading>
            {content === 'redacted' && <Badge highContrast>redacted</Badge>}
            {isCut && <Badge highContrast>cut</Badge>}
            {isPartial && (
              <Badge highContrast color="orange">
                not whole
              </Badge>
            )}
          </Flex>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
          <pre className="content" tabIndex={0}>
            {json === null ? 'nothing' : JSON.stringify(json, null, 2)}
          </pre>
        </Flex>
      ))}
    </Flex>
  );
}
