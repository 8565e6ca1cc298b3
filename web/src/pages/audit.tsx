/** Every write of the admin API. */
import { Code, Flex } from '@radix-ui/themes';
import { useState } from 'react';
import { type AuditLine, query } from '../api';
import { Field } from '../parts/fields';
import { Answer, PageFrame } from '../parts/page';
import { More, usePaged } from '../parts/paged';
import { DataTable } from '../parts/table';
import { time } from '../words';

export function AuditPage() {
  const [subject, setSubject] = useState('');
  const [action, setAction] = useState('');
  const lines = usePaged<AuditLine>('audit', `/audit${query({ limit: 100, subject, action })}`);
  return (
    <PageFrame title="Audit" hint="Who changed what, newest first.">
      <Flex gap="2" wrap="wrap">
        <Field label="Of: an id or a name" value={subject} onChange={setSubject} />
        <Field label="What, such as key.create" value={action} onChange={setAction} />
      </Flex>
      <Answer of={lines}>
        {(rows) => (
          <DataTable
            caption="Audit log"
            rows={rows}
            id={(line) => line.id}
            empty={subject + action === '' ? 'Nothing was changed yet.' : 'There is no such line. Take a filter away.'}
            columns={[
              { name: 'Time', cell: (line) => time(line.at) },
              { name: 'Who', cell: (line) => line.actor },
              { name: 'What', cell: (line) => line.action },
              { name: 'Of', cell: (line) => line.subject },
              { name: 'Detail', cell: (line) => <Code size="1">{JSON.stringify(line.detail)}</Code> },
            ]}
          />
        )}
      </Answer>
      <More of={lines} />
    </PageFrame>
  );
}
