/** A dialog above the page: the browser's own, so that no style is put into the page and focus stays inside. */
import { Flex, Heading, Text } from '@radix-ui/themes';
import { type ReactNode, useEffect, useId, useRef } from 'react';

interface Props {
  readonly title: string;
  readonly hint?: ReactNode;
  readonly close: () => void;
  readonly children: ReactNode;
}

export function Modal({ title, hint, close, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    if (dialog.current && !dialog.current.open) dialog.current.showModal();
  }, []);
  return (
    <dialog ref={dialog} className="modal" aria-labelledby={id} onClose={close}>
      <Flex direction="column" gap="3">
        <Heading as="h2" size="4" id={id}>
          {title}
        </Heading>
        {hint && (
          <Text as="p" size="2" color="gray">
            {hint}
          </Text>
        )}
        {children}
      </Flex>
    </dialog>
  );
}
