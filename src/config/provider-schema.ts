/** Providers in the configuration as written: an account, where it is, and what its errors mean. */
import { z } from 'zod';
import { failureClasses } from '../lib/failure-spec.js';
import { isListHeader } from '../lib/passed-headers.js';
import { type SettingName, settingForm, settingNames } from '../lib/provider-settings.js';
import { isCatalogueProvider } from '../pricing/catalogue-provider.js';
import * as s from './scalars.js';
import { providerTls } from './tls-schema.js';

const status = z.number().int().min(400, 'an error status is 400 to 599').max(599, 'an error status is 400 to 599');
const text = z.string().min(1, 'a text that is empty fits nothing').max(500);

const failure = z
  .strictObject({
    is: z.enum(failureClasses).describe('What such an error means; docs/routing.md tells what follows.'),
    status: z
      .union([status, z.array(status).min(1, 'name a status, or leave `status` out').max(50)])
      .optional()
      .describe('The HTTP status, or several.'),
    code: text.optional().describe("The error's code. `*` stands for any text."),
    type: text.optional().describe("The error's type. `*` stands for any text."),
    message: text.optional().describe("Words that occur in the error's message. `*` stands for any text."),
  })
  .refine(
    ({ status, code, type, message }) => (status ?? code ?? type ?? message) !== undefined,
    'state a `status`, `code`, `type` or `message`: a rule without any would fit every error',
  );

export type WrittenFailure = z.output<typeof failure>;

const health = z
  .strictObject({
    path: z
      .string()
      .regex(/^\/[\x21-\x7e]{0,500}$/, 'a path begins with / and is one line of ASCII characters')
      .default('/v1/models')
      .describe(
        'What is asked for, by GET, below base_url without its /v1: something that costs nothing. Default /v1/models.',
      ),
    interval: s.duration(100).prefault('30s').describe('From the end of a probe to the next. Default 30s.'),
    timeout: s.duration(10).prefault('5s').describe('Longest wait for its answer. Default 5s.'),
    unhealthy_after: z
      .number()
      .int()
      .min(1)
      .max(100)
      .default(3)
      .describe('Bad probes in a row after which the targets of the provider are passed over. Default 3.'),
    healthy_after: z
      .number()
      .int()
      .min(1)
      .max(100)
      .default(2)
      .describe('Good ones in a row after which they are used again. Default 2.'),
  })
  .describe(
    'Probes of the provider, whatever requests show. One is bad where no answer comes in time, or one with a status of 500 and more. Left out: none.',
  );
const setting = (name: SettingName) => {
  const { form, says, secret } = settingForm(name);
  if (secret) return s.secret.optional().describe(says);
  const fits = (value: string) => value === '' || (value.length <= 4096 && form.test(value));
  return z.string().refine(fits, `a value that \`${name}\` cannot have`).optional().describe(says);
};

const settings = Object.fromEntries(settingNames.map((name) => [name, setting(name)])) as Record<
  SettingName,
  ReturnType<typeof setting>
>;

const fields = z.strictObject({
  type: z.string().describe('Which API it speaks; docs/configuration.md lists the types.'),
  api_key: s.secret.default('').describe('The credential that is sent upstream.'),
  api_keys: z
    .array(s.secret)
    .min(1)
    .max(100)
    .optional()
    .describe('Several credentials instead of one: used in turn, and each left alone for itself when it is refused.'),
  base_url: s.baseUrl
    .optional()
    .describe('Where the API is, if not at its usual place, such as http://10.0.0.7:8000/v1.'),
  catalogue: z
    .string()
    .refine(isCatalogueProvider, 'the price catalogue has no such provider')
    .optional()
    .describe(
      "Whose list prices hold, such as groq, together or x-ai. Default: the type's own, else by the host of base_url.",
    ),
  headers: z.record(s.headerName, s.headerValue).default({}).describe('Headers that are added to every request.'),
  pass_headers: z
    .array(s.passedHeader)
    .max(50)
    .optional()
    .describe(
      'Headers of callers that go on to the provider. Default: those of the type, anthropic-beta of type anthropic. []: none.',
    ),
  ...settings,
  speaks: z
    .array(z.string())
    .min(1, 'name a format, or leave `speaks` out')
    .max(20)
    .optional()
    .describe(
      'The wire formats that it is spoken to in, such as [openai-chat, anthropic-messages], where they are not those of its type.',
    ),
  usage: z
    .enum(['ask', 'never'])
    .optional()
    .describe('Whether streams are asked for their usage (`stream_options`), which a few servers refuse.'),
  health: health.optional(),
  proxy: s.secret
    .optional()
    .describe(
      'The HTTP proxy that leads to it, with credentials where it wants them. Default: as the environment says. none: without one.',
    ),
  tls: providerTls
    .optional()
    .describe('Authorities, certificates and the name, where it is spoken to with other than the usual ones.'),
  failures: z
    .array(failure)
    .max(100)
    .default([])
    .describe(
      'What errors of this provider mean, where it words them in its own way. The first rule that fits counts.',
    ),
});

/** A caller must not put its own value in the place of one that the configuration states. */
export const provider = fields.superRefine(({ headers, pass_headers = [] }, context) => {
  const stated = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  pass_headers.forEach((name, i) => {
    if (!stated.has(name) || isListHeader(name)) return;
    const message = `is stated under \`headers\` as well: leave it out of one of the two`;
    context.addIssue({ code: 'custom', path: ['pass_headers', i], message });
  });
});
