/** Where requests of classic routes go: targets, and how they are reached, watched and asked again. */
import { z } from 'zod';
import * as r from './route-scalars.js';
import * as s from './scalars.js';

const MOST_KEPT = 2 ** 27;
export const status = z.number().int().min(100).max(599);

const timeout = z.strictObject({
  connect: s.duration().optional().describe('Longest wait for a connection. Default 5s.'),
  headers: s.duration().optional().describe('From the end of the request to the head of the answer. Default 60s.'),
  idle: s.duration().optional().describe('Longest silence while a body is on its way. Default 60s.'),
  total: s.duration().optional().describe('Longest time for a whole request. Default: no end.'),
});

const retry = z.strictObject({
  max_attempts: z.number().int().min(1).max(10).optional().describe('The first one included. Default 2.'),
  on: z
    .array(z.union([z.enum(['connect_error', 'reset', 'timeout']), z.number().int().min(400).max(599)]))
    .optional()
    .describe('connect_error, reset, timeout, and statuses. Default [connect_error, reset].'),
  buffer: s.size(MOST_KEPT).optional().describe('Largest body that is kept for another attempt. Default 64kb.'),
  budget: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe('Most retries as a share of requests, so that they cannot multiply load. Default 0.2.'),
});

export const breaker = z.strictObject({
  failure_rate: z.number().gt(0).max(1).optional().describe('Share of failures that opens it. Default 0.5.'),
  min_requests: z.number().int().min(1).optional().describe('Below so many in the window it stays closed. Default 20.'),
  window: s.duration(100).optional().describe('Over which failures are counted. Default 10s.'),
  open: s.duration().optional().describe('How long it stays open before it is tried again. Default 30s.'),
  half_open_probes: z.number().int().min(1).max(1000).optional().describe('Requests that try it. Default 3.'),
  statuses: z.array(status).optional().describe('Statuses that count as failures. Default [500, 502, 503, 504].'),
});

const health = z
  .strictObject({
    path: z
      .string()
      .regex(/^\/[\x21-\x7e]*$/, 'a path begins with /')
      .optional()
      .describe('Asked regularly.'),
    interval: s.duration(50).optional().describe('How often. Default 5s.'),
    timeout: s.duration().optional().describe('Longest wait for its answer. Default 2s.'),
    statuses: z.array(status).optional().describe('Which mean healthy. Default: 200 to 399.'),
    healthy_after: z.number().int().min(1).max(100).optional().describe('Good answers in turn. Default 2.'),
    unhealthy_after: z.number().int().min(1).max(100).optional().describe('Bad answers in turn. Default 3.'),
    passive: z
      .strictObject({
        failures: z.number().int().min(1).optional().describe('Failed requests in turn. Default 5.'),
        out: s.duration().optional().describe('How long the target is left out. Default 30s.'),
        statuses: z.array(status).optional().describe('Which count as failures. Default [500, 502, 503, 504].'),
      })
      .optional()
      .describe('What requests show. Works with or without `path`.'),
  })
  .refine(({ path, passive }) => path !== undefined || passive !== undefined, {
    message: 'needs a `path` (active checks), `passive`, or both',
  });

export const tls = z.strictObject({
  verify: z.boolean().optional().describe('Check the certificate. Default true.'),
  ca: z.string().min(1).optional().describe('A file with certificates of authorities, instead of the usual ones.'),
  cert: z.string().min(1).optional().describe('A file with the certificate that is shown.'),
  key: z.string().min(1).optional().describe('And its key.'),
  server_name: z.string().min(1).optional().describe("The name that is asked for and checked. Default: the URL's."),
});

const dns = z.strictObject({
  interval: s.duration(100).optional().describe('How often names are looked up anew. Default 5s.'),
  servers: z
    .array(z.string().min(1))
    .optional()
    .describe("Name servers, as address or address:port. Default: the system's."),
});

export const upstream = z.strictObject({
  targets: z
    .array(
      z.strictObject({
        url: r.upstreamUrl.describe('http://host:port, and a path before all paths.'),
        weight: z.number().int().min(0).max(1000).optional().describe('Share of requests. Default 1.'),
        srv: z.boolean().optional().describe('The host is an SRV record, which names hosts, ports and weights.'),
      }),
    )
    .min(1, 'an upstream needs a target'),
  balance: z
    .union([
      z.enum(['round_robin', 'least_requests', 'latency']),
      z.strictObject({
        hash: z.union([
          z.enum(['consumer', 'ip', 'path']),
          z.strictObject({ header: r.fieldName }),
          z.strictObject({ cookie: z.string().regex(/^[\w.-]+$/) }),
        ]),
      }),
    ])
    .optional()
    .describe('How targets take turns. Default round_robin.'),
  health: health.optional(),
  timeout: timeout.optional(),
  retry: retry.optional(),
  tls: tls.optional(),
  dns: dns.optional(),
  preserve_host: z.boolean().optional().describe("Send the client's Host. Default false: the target's own."),
  max_connections: z.number().int().min(1).max(65_535).optional().describe('To each target. Default: no limit.'),
});
