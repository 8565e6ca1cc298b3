/** What the semantic tier keeps, in Postgres. Vectors are bytes there and are compared in the process. */
import type { Store } from '../../store/pg.js';
import { msOf } from '../../store/times.js';
import { type AnswerRow, type BodyRow, bodyColumns, bodyOf } from '../answers-pg.js';
import type { AnswerHead, Observation, PromptStore } from './prompt-store.js';

type HeadRow = Pick<AnswerRow, Exclude<keyof AnswerHead, 'created_at' | 'expires_at'> | 'created_ms' | 'expires_ms'>;

interface PromptRow extends HeadRow {
  readonly scope: string;
  readonly prompt: Buffer;
  readonly answer_group: string;
}

interface KeptRow extends BodyRow {
  readonly id: string;
  readonly answer_vector: Buffer;
}

const page = 'select seq, key, vector from cache_prompts where scope = $1 and seq > $2 order by seq limit $3';
const texts = `
  select seq, key, prompt from cache_prompts where scope = $1 and seq > $2 and seq <> all($4::bigint[])
  order by seq limit $3`;
const read = `
  select p.scope, p.prompt, p.answer_group, a.key, a.id, a.model, a.team, a.key_id, a.tags, a.epoch,
    ${msOf('a.created_at')} as created_ms, ${msOf('a.expires_at')} as expires_ms
  from cache_prompts p join cache_answers a using (key) where p.scope = $1 and p.key = any($2)`;
const kept = `
  select a.id, ${bodyColumns}, p.answer_vector from cache_prompts p join cache_answers a using (key)
  where p.scope = $1 and p.key = $2`;
const put = `
  insert into cache_prompts (key, scope, prompt, vector, answer_vector, answer_group, whole_answer)
  select $1, $2, $3, $4, $5, $6, $7 where exists (select from cache_answers where key = $1)
  on conflict (key) do update set
    seq = default, scope = excluded.scope, prompt = excluded.prompt, vector = excluded.vector,
    answer_vector = excluded.answer_vector, answer_group = excluded.answer_group, whole_answer = excluded.whole_answer`;

export function pgPromptStore(pool: Store['pool']): PromptStore {
  return {
    async page(scope, afterSeq, most) {
      const text = { name: 'tollgate_cache_vectors', text: page, values: [scope, afterSeq, most] };
      const { rows } = await pool.query<{ seq: string; key: string; vector: Buffer }>(text);
      return rows.map(({ seq, key, vector }) => ({ seq: Number(seq), key, vector: floatsOf(vector) }));
    },
    async texts(scope, afterSeq, most, known) {
      const text = { name: 'tollgate_cache_texts', text: texts, values: [scope, afterSeq, most, known] };
      const { rows } = await pool.query<{ seq: string; key: string; prompt: Buffer }>(text);
      return rows.map(({ seq, key, prompt }) => ({ seq: Number(seq), key, prompt }));
    },
    async read(scope, keys) {
      const { rows } = await pool.query<PromptRow>({ name: 'tollgate_cache_read', text: read, values: [scope, keys] });
      return rows.map(({ scope: of, prompt, answer_group, ...head }) => ({
        key: head.key,
        scope: of,
        prompt,
        answer_group,
        answer: headOf(head),
      }));
    },
    async answer(scope, key) {
      const { rows } = await pool.query<KeptRow>({ name: 'tollgate_cache_kept', text: kept, values: [scope, key] });
      const [row] = rows;
      const body = row && (await bodyOf(pool, row.id, row));
      return body && { id: row.id, body, vector: floatsOf(row.answer_vector) };
    },
    async put({ key, scope, prompt, vector, answer_vector, answer_group, whole_answer }) {
      const values = [key, scope, prompt, bytesOf(vector), bytesOf(answer_vector), answer_group, whole_answer];
      await pool.query({ name: 'tollgate_cache_prompt', text: put, values });
    },
    async observe({ scope, team, similarity, correct, weight, audit, at }) {
      await pool.query(
        `insert into cache_observations (scope, team, similarity, correct, weight, audit, at)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [scope, team, similarity, correct, weight, audit, new Date(at)],
      );
    },
    async observations(scope, most) {
      const { rows } = await pool.query<Omit<Observation, 'at'> & { at: Date }>(
        `select scope, team, similarity, correct, weight, audit, at from cache_observations
         where scope = $1 order by seq desc limit $2`,
        [scope, most],
      );
      return rows.reverse().map((row) => ({ ...row, at: new Date(row.at).getTime() }));
    },
    async sweep(beforeMs) {
      await pool.query('delete from cache_observations where at < $1', [new Date(beforeMs)]);
    },
  };
}

const headOf = ({ created_ms, expires_ms, epoch, ...row }: HeadRow): AnswerHead => ({
  ...row,
  epoch: Number(epoch),
  created_at: Number(created_ms),
  expires_at: Number(expires_ms),
});

const bytesOf = (vector: Float32Array): Buffer => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);

/** A copy: the driver's buffer may begin anywhere. */
const floatsOf = (bytes: Buffer): Float32Array => new Float32Array(Uint8Array.from(bytes).buffer);
