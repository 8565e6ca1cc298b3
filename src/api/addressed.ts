/** What the addresses say that name a model: each in the manner of its clients. */
import { apiFormat } from '../formats/registry.js';
import { deploymentAt } from './addresses.js';
import { googleAddressed } from './google/addressed.js';
import type { Addressed } from './openai/call.js';
import type { Row } from './table.js';

/** How a row's requests are read beyond their bodies; undefined: the body says it all. */
export function addressedBy(row: Row): ((target: string) => Addressed) | undefined {
  if (row.path.includes('}:')) return googleAddressed(row);
  return row.format && row.path.includes('{model}') ? deploymentAddressed(row.format) : undefined;
}

/** A deployment of Azure's is a model of the gateway's, whatever the body calls it. */
function deploymentAddressed(id: NonNullable<Row['format']>): (target: string) => Addressed {
  const format = apiFormat(id);
  return (target) => ({ format, model: deploymentAt(target) ?? '' });
}
