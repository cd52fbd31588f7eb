// Clicks through the pages in a LuCI that runs somewhere, with Chromium:
//
//   LUCI_URL=http://192.168.1.1 LUCI_PASSWORD=… node browser.mjs
//
// It changes that router's configuration of hawser. LUCI_VIEWER is a login that
// may only read (same password), LUCI_STOP and LUCI_START are commands that stop
// and start the daemon, LUCI_ROUTE is a refused route that is announced to it;
// what is not given is left out. Screenshots go to LUCI_SHOTS.

import assert from 'node:assert/strict';
import { execSync } from 'node:child_process';
import { chromium } from 'playwright-core';

const { env } = process;
const pages = new URL('cgi-bin/luci/admin/network/hawser/', env.LUCI_URL.replace(/\/?$/, '/')).href;
const browser = await chromium.launch({ executablePath: env.CHROMIUM ?? '/usr/bin/chromium', args: [ '--no-sandbox' ] });

async function login(user, options = {}) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en', ...options });
	const page = await context.newPage();
	page.wrong = [];
	page.on('pageerror', error => page.wrong.push(error.message));
	await page.goto(pages + 'overview');
	await page.fill('#luci_username', user);
	await page.fill('#luci_password', env.LUCI_PASSWORD ?? '');
	await page.press('#luci_password', 'Enter');
	await page.waitForSelector('.hawser');
	return page;
}

async function visit(page, name) {
	const started = Date.now();
	await page.goto(pages + name);
	await page.waitForSelector('.hawser');
	console.log(`${name}: ready after ${Date.now() - started} ms`);
}

async function shot(page, name) {
	if (env.LUCI_SHOTS)
		await page.screenshot({ path: `${env.LUCI_SHOTS}/${name}.png`, fullPage: true });
}

const text = (page, selector, words) => page.locator(selector).filter({ hasText: words }).first().waitFor({ timeout: 60000 });

const field = (page, section, option) => page.locator(`[data-field="cbid.hawser.${section}.${option}"]`);

async function addToList(page, section, option, value) {
	const box = field(page, section, option).locator('input[type=text]').last();
	await box.fill(value);
	await box.press('Enter');
}

const admin = await login(env.LUCI_USER ?? 'root');
console.log('a first visit says what to do');
await text(admin, '.hawser', /To begin|hawser is running/);
await shot(admin, '1-first-visit');

console.log('a cluster is created; a mistake is told of at its field');
await admin.click('text=Settings');
await admin.waitForSelector('#cbi-hawser');
await field(admin, 'globals', 'asn').locator('input').fill('65000');
await admin.locator('.cbi-section-create input').first().pressSequentially('home');
await admin.click('text=Add cluster');
await field(admin, 'home', 'description').locator('input').fill('k3s at home');
await addToList(admin, 'home', 'source', env.LUCI_SOURCE ?? '10.77.2.0/24');
await addToList(admin, 'home', 'allow', '10.77.100.1/24');
await text(admin, '.hawser-words', /./);
await shot(admin, '2-mistake');
const item = field(admin, 'home', 'allow').locator('.item').first();
await item.click({ position: { x: (await item.boundingBox()).width - 8, y: 10 } });
await addToList(admin, 'home', 'allow', env.LUCI_ALLOW ?? '10.77.100.0/24');
await field(admin, 'home', 'asn').locator('input').fill('65001');
await admin.waitForFunction(() => !document.querySelector('.hawser-words.hawser-bad'), null, { timeout: 30000 });
await shot(admin, '3-filled-in');

console.log('saved and applied, sessions come up');
const applied = admin.waitForEvent('load', { timeout: 120000 });
await admin.click('.cbi-button-apply >> nth=0');
await text(admin, '.modal', /Apply|Starting|changes/);
await shot(admin, '4-applying');
await applied;
await visit(admin, 'overview');
await text(admin, '.hawser-card', /[1-9]\d* of \d+ up/);
await text(admin, '.hawser-table', /in use/);
if (env.LUCI_ROUTE)
	await text(admin, '.hawser-table', new RegExp(env.LUCI_ROUTE.replaceAll('.', '\\.') + '.*refused'));
await shot(admin, '5-overview');

console.log('the manifest is there to be copied');
await visit(admin, 'connect');
assert.match(await admin.inputValue('textarea'), /kind: BGPPeer/);
await admin.click('text=Copy');
await text(admin, '.hawser', /Copied|press Ctrl/);
await text(admin, '.hawser', /sessions are up/);
await shot(admin, '6-connect');

console.log('narrow, and dark');
for (const [ name, options ] of [ [ 'narrow', { viewport: { width: 360, height: 740 } } ], [ 'dark', { colorScheme: 'dark' } ] ]) {
	const other = await login(env.LUCI_USER ?? 'root', options);
	for (const page of [ 'overview', 'settings', 'connect' ]) {
		await visit(other, page);
		await other.waitForTimeout(1500);
		assert.ok(await other.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${page} is wider than the window`);
		await shot(other, `7-${name}-${page}`);
	}
	await other.context().close();
}

if (env.LUCI_VIEWER) {
	console.log('a login that may only read sees everything and can save nothing');
	const viewer = await login(env.LUCI_VIEWER);
	await text(viewer, '.hawser-card', /[1-9]\d* of \d+ up/);
	await visit(viewer, 'settings');
	assert.equal(await viewer.locator('.cbi-button-apply:not([disabled])').count(), 0);
	await shot(viewer, '8-read-only');
	await viewer.context().close();
}

if (env.LUCI_STOP && env.LUCI_START) {
	console.log('the daemon is stopped and started under an open page');
	await visit(admin, 'overview');
	execSync(env.LUCI_STOP);
	await text(admin, '.hawser-headline', /not running/);
	await shot(admin, '9-stopped');
	execSync(env.LUCI_START);
	await text(admin, '.hawser-headline', /is running/);
}

assert.deepEqual(admin.wrong, []);
await browser.close();
