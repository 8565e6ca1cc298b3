/**
 * Content as Google's Gemini API words it, honouring the request: `:generateContent`, `:streamGenerateContent` with and without
 * `alt=sse`, `tools`, `toolConfig`, JSON answers, thoughts. As in `openai-answers.ts`, given tools are called once each, and after
 * their results come words. Since Gemini 3 calls are signed, and a call that comes back unsigned is refused.
 */
import { sampleOf } from './schema-sample.js';
import { head, json, type Received, type Step, sseHeaders, write } from './upstream-steps.js';

interface Part {
  readonly text?: string;
  readonly thought?: boolean;
  readonly functionCall?: { readonly name: string; readonly args: unknown; readonly id?: string };
  readonly functionResponse?: { readonly name: string; readonly response: unknown };
  readonly thoughtSignature?: string;
  readonly inlineData?: { readonly mimeType: string };
}

interface Body {
  readonly contents: readonly { readonly role?: string; readonly parts: readonly Part[] }[];
  readonly systemInstruction?: { readonly parts: readonly Part[] };
  readonly tools?: readonly {
    readonly functionDeclarations?: readonly {
      readonly name: string;
      readonly parameters?: Record<string, unknown>;
      readonly parametersJsonSchema?: Record<string, unknown>;
    }[];
  }[];
  readonly toolConfig?: {
    readonly functionCallingConfig?: { readonly mode?: string; readonly allowedFunctionNames?: string[] };
  };
  readonly generationConfig?: {
    readonly candidateCount?: number;
    readonly responseMimeType?: string;
    readonly responseJsonSchema?: Record<string, unknown>;
    readonly responseSchema?: Record<string, unknown>;
    readonly thinkingConfig?: { readonly includeThoughts?: boolean };
  };
}

/** An error as Google words it. */
export const googleError = (
  code: number,
  status: string,
  message: string,
  details: readonly object[] = [],
): readonly Step[] => json(code, { error: { code, message, status, ...(details.length > 0 && { details }) } });

const addressed = /\/models\/([^/:]+):(\w+)(?:\?(.*))?$/;

export function answerGemini(request: Received): readonly Step[] {
  const [, model = '', verb, query = ''] = addressed.exec(request.path) ?? [];
  const { headers } = request;
  if (!headers['x-goog-api-key'] && !headers.authorization)
    return googleError(403, 'PERMISSION_DENIED', "Method doesn't allow unregistered callers.");
  const body = request.json() as unknown as Body;
  if (verb === 'batchEmbedContents') return embedBatch(request);
  if (!Array.isArray(body.contents))
    return googleError(400, 'INVALID_ARGUMENT', '* contents: contents is not specified');
  if (model.startsWith('gemini-3') && body.contents.some(callsUnsigned))
    return googleError(400, 'INVALID_ARGUMENT', 'Function call is missing a thought_signature in functionCall parts.');
  if (verb === 'generateContent') return json(200, answerOf(body, model));
  if (verb !== 'streamGenerateContent') return googleError(404, 'NOT_FOUND', `There is no ${verb}.`);
  const events = eventsOf(body, model);
  if (query.includes('alt=sse'))
    return [head(200, sseHeaders), ...events.map((event) => write(`data: ${JSON.stringify(event)}\r\n\r\n`))];
  return json(200, JSON.stringify(events, null, 2));
}

const callsUnsigned = ({ role, parts }: Body['contents'][number]): boolean => {
  const first = parts.find(({ functionCall }) => functionCall);
  return role === 'model' && first !== undefined && first.thoughtSignature === undefined;
};

function partsFor(body: Body, model: string): Part[] {
  const last = body.contents.at(-1)!;
  const result = last.parts.find(({ functionResponse }) => functionResponse)?.functionResponse;
  if (result) return [{ text: `The tool said: ${JSON.stringify(result.response)}` }];
  const { mode, allowedFunctionNames: names } = body.toolConfig?.functionCallingConfig ?? {};
  const declared = (body.tools ?? []).flatMap(({ functionDeclarations }) => functionDeclarations ?? []);
  const tools = mode === 'NONE' ? [] : declared.filter(({ name }) => names === undefined || names.includes(name));
  if (tools.length > 0) {
    return tools.map(({ name, parameters, parametersJsonSchema }, at) => ({
      functionCall: { name, args: sampleOf(lower(parametersJsonSchema ?? parameters ?? { type: 'object' })) },
      ...(model.startsWith('gemini-3') && at === 0 && { thoughtSignature: 'c2lnbmVkLWNhbGw=' }),
    }));
  }
  const { responseMimeType, responseJsonSchema, responseSchema, thinkingConfig } = body.generationConfig ?? {};
  const schema = responseJsonSchema ?? responseSchema ?? { type: 'object' };
  const text =
    responseMimeType === 'application/json'
      ? JSON.stringify(sampleOf(lower(schema)))
      : `You said: ${wordsOf(last.parts)}`;
  return [...(thinkingConfig?.includeThoughts ? [{ text: 'Let me think about that.', thought: true }] : []), { text }];
}

/** Google's own clients write types in capitals. */
const lower = (schema: Record<string, unknown>): Record<string, unknown> =>
  JSON.parse(JSON.stringify(schema), (name, value: unknown) =>
    name === 'type' && typeof value === 'string' ? value.toLowerCase() : value,
  ) as Record<string, unknown>;

const wordsOf = (parts: readonly Part[]): string =>
  parts.map(({ text, inlineData }) => text ?? `[${inlineData?.mimeType ?? 'part'}]`).join(' ');

const words = (text: string): string[] => text.match(/\s*\S+\s*$|\s*\S+/g) ?? [];

function usageOf(body: Body, parts: readonly Part[]) {
  const promptTokenCount = words(body.contents.map(({ parts: said }) => wordsOf(said)).join(' ')).length + 5;
  const tokens = (of: readonly Part[]) =>
    of.reduce((sum, part) => sum + words(part.text ?? JSON.stringify(part)).length, 0);
  const thoughtsTokenCount = tokens(parts.filter(({ thought }) => thought));
  const candidatesTokenCount =
    tokens(parts.filter(({ thought }) => !thought)) * (body.generationConfig?.candidateCount ?? 1);
  return {
    promptTokenCount,
    candidatesTokenCount,
    ...(thoughtsTokenCount > 0 && { thoughtsTokenCount }),
    totalTokenCount: promptTokenCount + candidatesTokenCount + thoughtsTokenCount,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: promptTokenCount }],
  };
}

const identity = (model: string) => ({ modelVersion: `${model}-served`, responseId: 'resp-upstream' });

export function answerOf(body: Body, model: string) {
  const parts = partsFor(body, model);
  const candidates = Array.from({ length: body.generationConfig?.candidateCount ?? 1 }, (_, index) => ({
    content: { parts, role: 'model' },
    finishReason: 'STOP',
    index,
  }));
  return { candidates, usageMetadata: usageOf(body, parts), ...identity(model) };
}

/** Every event of the stream, in order. Usage comes with each, and grows. */
function eventsOf(body: Body, model: string): object[] {
  const parts = partsFor(body, model);
  const usage = usageOf(body, parts);
  const pieces = parts.flatMap((part): Part[] =>
    part.text === undefined ? [part] : words(part.text).map((text) => ({ ...part, text })),
  );
  const count = body.generationConfig?.candidateCount ?? 1;
  return pieces.map((piece, at) => {
    const last = at === pieces.length - 1;
    const candidates = Array.from({ length: count }, (_, index) => ({
      content: { parts: [piece], role: 'model' },
      ...(last && { finishReason: 'STOP' }),
      index,
    }));
    const { candidatesTokenCount, ...early } = usage;
    return { candidates, usageMetadata: last ? usage : early, ...identity(model) };
  });
}

interface EmbedRequest {
  readonly content: { readonly parts: readonly Part[] };
  readonly outputDimensionality?: number;
}

/** A vector tells the length of its text and its place. */
function embedBatch(request: Received): readonly Step[] {
  const { requests } = request.json() as unknown as { requests: readonly EmbedRequest[] };
  const embeddings = requests.map(({ content, outputDimensionality: dimensions = 4 }, index) => ({
    values: Array.from({ length: dimensions }, (_, i) => (i % 2 === 0 ? wordsOf(content.parts).length : index + 0.5)),
  }));
  return json(200, { embeddings });
}
