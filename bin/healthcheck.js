// The image's health check: the exit code is 0 where the gateway of this container is ready, whether it speaks HTTP or HTTPS.
import { get } from 'node:http';
import { get as getSecure } from 'node:https';

const at = { host: '127.0.0.1', port: process.env.PORT || 4000, path: '/readyz', timeout: 1_400 };

/** A status, or the code of what went wrong. */
const ask = (by, options) =>
  new Promise((resolve) => {
    const request = by(options, (answer) => resolve({ status: answer.statusCode, code: '' }));
    request.on('timeout', () => request.destroy());
    request.on('error', ({ code = '' }) => resolve({ status: 0, code }));
  });

const ready = async () => {
  const plain = await ask(get, at);
  if (plain.status > 0 || plain.code === 'ECONNREFUSED') return plain.status === 200;
  // The certificate is for the name by which others know this gateway. One that wants a certificate of its clients (`client_ca`)
  // refuses this one in words of TLS: it is there, and its state is not told.
  const { status, code } = await ask(getSecure, { ...at, rejectUnauthorized: false });
  return status === 200 || /^ERR_SSL_.*ALERT/.test(code);
};

process.exit((await ready()) ? 0 : 1);
