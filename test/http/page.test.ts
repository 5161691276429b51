import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { TYPE } from '../../src/dns/types.ts';
import { type House, openHouse } from '../support/house.ts';
import { freePort } from '../support/secondaries/ports.ts';
import { exchange } from '../support/transfer-client.ts';
import { asker } from './support.ts';

const CHROMIUM = '/usr/bin/chromium';
/** Where CI says, screenshots are kept. */
const SCREENSHOTS = process.env.SCREENSHOTS;
const TOKEN = 'a-token-for-the-page';
const AXFR_QUERY = buildQuery({ id: 1, name: absoluteName('shown.example.'), type: TYPE.AXFR });

// in CI a missing browser is a failure and not a reason to skip
describe.skipIf(!existsSync(CHROMIUM) && process.env.CI === undefined)('the dashboard in Chromium', () => {
  let house: House;
  let browser: Browser;

  beforeAll(async () => {
    house = await openHouse();
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await house?.close();
  });

  /** A page, which fails the test for any error of its own, and for any request to another place. */
  async function open(base: string, path = '/'): Promise<{ page: Page; troubles: string[] }> {
    const context = await browser.newContext();
    const page = await context.newPage();
    const troubles: string[] = [];
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/status of 401/.test(message.text())) troubles.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(base) && !request.url().startsWith('data:'))
        troubles.push(`asks ${request.url()}`);
    });
    await page.goto(`${base}${path}`);
    return { page, troubles };
  }

  async function keep(page: Page, name: string): Promise<void> {
    if (!SCREENSHOTS) return;
    mkdirSync(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
  }

  test('an empty installation says how to begin', async () => {
    const { page, troubles } = await open(house.http);
    await page.getByText('No zones yet.').waitFor();
    await page.getByText('No secondaries yet').waitFor();
    expect(await page.locator('#summary').textContent()).toContain('0 zones');
    expect(await page.locator('#ask-token').isVisible()).toBe(false);
    await keep(page, 'empty');
    expect(troubles).toEqual([]);
    await page.context().close();
  });

  test('a zone is shown with its alias, and resynced by keyboard after a look at the plan', async () => {
    house.upstream.set('shown.example.net', { A: ['192.0.2.7'], ttl: 3600 });
    await house.zone('shown.example.', [
      ['shown.example.', 'ALIAS', 'shown.example.net.'],
      ['www.shown.example.', 'ALIAS', 'shown.example.net.'],
    ]);
    await house.operator.query(
      `update records set answers = 'exact', fallback = '{192.0.2.9,2001:db8::9}', debug_txt = true where name = 'www.shown.example.'`,
    );
    await house.operator
      .query(`insert into secondaries (name, addresses) values ('<b>ns1', array['127.0.0.1:9'])`)
      .catch(() => {});
    await house.operator.query(
      `insert into secondaries (name, addresses) values ('ns1', array['127.0.0.1:9'])`,
    );
    await house.publishes('shown.example.', 'A', ['192.0.2.7']);
    const { page, troubles } = await open(house.http);
    const row = page.locator('tr[data-zone="shown.example."]');
    await row.waitFor();
    expect(await row.textContent()).toContain('published');
    await page.locator('#secondary-rows').getByText('ns1', { exact: true }).waitFor();

    await page.getByRole('button', { name: 'Aliases of shown.example.' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('cell', { name: 'shown.example.net.', exact: true }).waitFor();
    const options = 'shown.example.net. exact answers, fallback 192.0.2.9 2001:db8::9, debug TXT';
    await page.getByRole('cell', { name: options, exact: true }).waitFor();
    await page.getByRole('cell', { name: '192.0.2.7', exact: true }).first().waitFor();
    // the page looks again every two seconds, and leaves the focus where it is
    await page.waitForTimeout(2_500);
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe(
      'Aliases of shown.example.',
    );

    house.upstream.set('shown.example.net', { A: ['192.0.2.8'], ttl: 3600 });
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByText('+ shown.example. 3600 A 192.0.2.8').waitFor();
    await keep(page, 'plan');
    await house.publishes('shown.example.', 'A', ['192.0.2.7']);
    await page.locator('#plan-do').click();
    await house.publishes('shown.example.', 'A', ['192.0.2.8']);
    await page.locator('#job-rows').getByText('shown.example. (dashboard)').first().waitFor();
    await page.emulateMedia({ colorScheme: 'dark' });
    await keep(page, 'zone-dark');
    expect(troubles).toEqual([]);
    await page.context().close();
  });

  test('NOTIFY is counted before it is sent', async () => {
    const { page, troubles } = await open(house.http);
    await page.getByRole('button', { name: 'NOTIFY shown.example.' }).click();
    await page.getByText('1 NOTIFY of 1 zone would be sent again').waitFor();
    await page.locator('#plan-do').click();
    await page.locator('#plan').waitFor({ state: 'hidden' });
    expect(troubles).toEqual([]);
    await page.context().close();
  });

  test('10,000 zones are shown a page at a time', async () => {
    await house.operator.query(
      `insert into zones (name, primary_ns, contact) select 'z' || lpad(n::text, 5, '0') || '.many.example.', 'ns1.many.example.', 'h@many.example' from generate_series(1, 10000) n`,
    );
    const started = performance.now();
    const { page, troubles } = await open(house.http);
    await page.getByText('10,001 zones', { exact: true }).waitFor();
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(await page.locator('#zone-rows tr').count()).toBe(50);
    await page.locator('#next').click();
    await page.locator('tr[data-zone="z00050.many.example."]').waitFor();
    await page.locator('#back').click();
    await page.locator('tr[data-zone="shown.example."]').waitFor();
    await page.locator('#search-text').fill('z09999');
    await page.keyboard.press('Enter');
    await page.getByText('1 zone found').waitFor();
    expect(await page.locator('#zone-rows tr').count()).toBe(1);
    await keep(page, 'many');
    expect(troubles).toEqual([]);
    await page.context().close();
  });

  test('what guards hold waits for a word, and is published after a look at the plan', async () => {
    const held = await openHouse({ NEGATIVE_HOLD: '1' });
    try {
      const names = Array.from({ length: 24 }, (_, index) => `t${index}.example.net`);
      for (const name of names) held.upstream.set(name, { A: ['192.0.2.9'], ttl: 1 });
      await held.zone(
        'guarded.example.',
        names
          .map((name, index) => [`n${index}.guarded.example.`, 'ALIAS', `${name}.`] as const)
          .map((row) => [...row]),
      );
      await held.publishes('n23.guarded.example.', 'A', ['192.0.2.9']);
      for (const name of names) held.upstream.fail(name, 'nxdomain');
      const { page, troubles } = await open(held.http);
      const button = page.locator('[data-guard="empty"]');
      await button.waitFor({ timeout: 30_000 });
      expect(await page.locator('#guard-list').textContent()).toMatch(/24 of 24 aliases .* limit 20 %/);
      await keep(page, 'guard');
      await button.click();
      await page.getByText('- n0.guarded.example. 1 A 192.0.2.9').waitFor();
      await page.locator('#plan-do').click();
      await held.publishes('n0.guarded.example.', 'A', []);
      await page.locator('#guards').waitFor({ state: 'hidden', timeout: 30_000 });
      expect(troubles).toEqual([]);
      await page.context().close();
    } finally {
      await held.close();
    }
  }, 90_000);

  test('secondaries show how their zones stand, who is refused, and how long changes took', async () => {
    const { page, troubles } = await open(house.http);
    await exchange({ ...house.dns, localAddress: '127.0.0.9' }, AXFR_QUERY, 'tcp').catch(() => {});
    await page.locator('#convergence-rows').getByText('silent').first().waitFor({ timeout: 30_000 });
    await page.locator('#refusal-rows').getByText('127.0.0.9').first().waitFor({ timeout: 30_000 });
    await page.getByRole('button', { name: 'Aliases of shown.example.' }).click();
    await page.getByRole('columnheader', { name: 'Secondary' }).nth(1).waitFor();
    await keep(page, 'secondaries');
    expect(troubles).toEqual([]);
    await page.context().close();
  }, 90_000);

  test('a token is asked for, kept for the tab, and opens the board of the queue', async () => {
    const port = await freePort();
    await house.addService(['api'], { API_TOKEN: TOKEN, HTTP_LISTEN: `127.0.0.1:${port}` });
    const base = `http://127.0.0.1:${port}`;
    expect((await asker(base)('GET', '/')).text).not.toContain('shown.example');
    const { page, troubles } = await open(base);
    await page.getByText('A token is needed.').waitFor();
    await page.getByRole('textbox', { name: 'Token' }).fill('a wrong one');
    await page.keyboard.press('Enter');
    await page.getByText('That token is not the right one.').waitFor();
    expect(await page.locator('#content').isVisible()).toBe(false);
    await keep(page, 'token');
    await page.getByRole('textbox', { name: 'Token' }).fill(TOKEN);
    await page.keyboard.press('Enter');
    await page.locator('tr[data-zone="shown.example."]').waitFor();
    await page.reload();
    await page.locator('tr[data-zone="shown.example."]').waitFor();
    expect(await page.evaluate('Object.keys(localStorage).length')).toBe(0);
    expect(troubles).toEqual([]);
    await page.getByRole('link', { name: 'Queue' }).click();
    await page.waitForURL(`${base}/queues`);
    await page.goto(`${base}/queues/queue/resync?status=completed`);
    await page.getByText('targets').first().waitFor();
    await keep(page, 'queues');
    await page.context().close();
  });
});
