/** Whether prompts and answers are kept, as written. */
import { z } from 'zod';
import { captureModes } from '../lib/capture-spec.js';
import * as s from './scalars.js';

const MOST_SIZE = 8 * 1024 * 1024;
const LEAST_SIZE = 1024;

export const captureMode = z
  .enum(captureModes)
  .describe('Whether prompts and answers are kept: not (off), as they are (on), or without personal data (redacted).');

export const captureSection = z
  .strictObject({
    content: captureMode.default('off'),
    retention: s.longDuration(60_000).prefault('30d').describe('How long they are kept.'),
    max_size: s
      .size(MOST_SIZE)
      .refine((bytes) => bytes >= LEAST_SIZE, 'must be at least 1kb')
      .prefault('1mb')
      .describe('Most that is kept of a request, and of an answer. Texts beyond it are cut.'),
  })
  .prefault({})
  .describe('Prompts and answers in the database, encrypted, where nobody says otherwise. Keys, teams and models can.');
