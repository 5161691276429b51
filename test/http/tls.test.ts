import { copyFile } from 'node:fs/promises';
import { get } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { Authority, type Certificate } from '../support/certificates.ts';
import { type House, openHouse } from '../support/house.ts';
import { until } from '../support/until.ts';

const TOKEN = 'a-token-for-tests-0123456789';
let authority: Authority;
let certificate: Certificate;
let house: House;
beforeAll(async () => {
  authority = await Authority.make();
  certificate = await authority.issue('first.test');
  house = await openHouse(
    { API_TOKEN: TOKEN, HTTP_TLS_CERT: certificate.certFile, HTTP_TLS_KEY: certificate.keyFile },
    ['api'],
  );
});
afterAll(async () => {
  await house?.close();
  await authority?.remove();
});

/** Asks over a connection of its own; the status, the cookie, and whose certificate was shown. */
function ask(path: string): Promise<{ status: number; body: string; subject: string }> {
  return new Promise((resolve, reject) => {
    const request = get(
      house.http.replace('http:', 'https:') + path,
      { ca: authority.ca, agent: false, headers: { authorization: `Bearer ${TOKEN}` } },
      (response) => {
        const subject = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body, subject: String(subject) }),
        );
      },
    );
    request.on('error', reject);
  });
}

test('with a certificate HTTP_LISTEN speaks HTTPS alone', async () => {
  expect(await ask('/v1/zones')).toMatchObject({ status: 200, subject: 'first.test' });
  expect(JSON.parse((await ask('/healthz')).body)).toEqual({ status: 'success', data: { alive: true } });
  await expect(fetch(`${house.http}/healthz`)).rejects.toThrow();
});

test('a renewed certificate is in force without a restart', async () => {
  const renewed = await authority.issue('second.test');
  await copyFile(renewed.certFile, certificate.certFile);
  await copyFile(renewed.keyFile, certificate.keyFile);
  await until(
    'the renewed certificate is shown',
    async () => (await ask('/healthz')).subject === 'second.test',
  );
});

test('one of the two settings without the other ends the start', () => {
  expect(() => loadConfig({ HTTP_TLS_CERT: certificate.certFile }, '/nowhere')).toThrow(
    /^HTTP_TLS_KEY: got "", takes .* as HTTP_TLS_CERT is set/,
  );
  expect(() => loadConfig({ HTTP_TLS_KEY: certificate.keyFile }, '/nowhere')).toThrow(
    /^HTTP_TLS_CERT: got ""/,
  );
});
