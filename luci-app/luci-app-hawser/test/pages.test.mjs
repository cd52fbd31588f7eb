import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { LuCI, acl, app, granted, hawser, until } from './standin.mjs';

const nobody = { HAWSER_SOCKET: '/nonexistent/hawser.sock' };

const row = (luci, text) => luci.all('.hawser-table tbody tr').find(tr => tr.textContent.includes(text));

test('sessions and routes of the daemon are on the overview', async () => {
	const luci = await new LuCI().open('overview');
	assert.match(luci.text, /hawser is running/);
	assert.match(luci.one('.hawser-card').textContent, /k3s at home.*2 of 2 up/);
	assert.match(row(luci, '10.77.2.11').textContent, /65001up/);
	const route = row(luci, '10.77.100.1/32').textContent;
	assert.match(route, /10\.77\.2\.11 on br-lan, 50 %/);
	assert.match(route, /10\.77\.2\.12 on br-lan, 50 %/);
	console.log(`page ready after ${luci.took.toFixed(0)} ms, with ${(luci.bytes / 1000).toFixed(1)} kB of answers`);
});

test('a refused route shows its reason and who announces it', async () => {
	const luci = await new LuCI().open('overview');
	assert.match(row(luci, '192.0.2.7/32').textContent, /refused.*10\.77\.2\.12.*allows/);
	assert.match(luci.one('.hawser-card').textContent, /1 refused: outside of what is allowed/);
});

test('a new route shows up by itself, and the rows that were there stay', async () => {
	const luci = await new LuCI().open('overview');
	const before = row(luci, '10.77.100.1/32');
	execFileSync('ip', [ 'netns', 'exec', process.env.NODE1, 'gobgp', 'global', 'rib', 'add', '10.77.100.9/32' ]);
	await until('the new route', async () => { await luci.tick(); return row(luci, '10.77.100.9/32'); });
	assert.equal(row(luci, '10.77.100.1/32'), before);
	assert.equal(luci.polls[0].seconds, 5);
});

test('the filter keeps the routes that hold its words', async () => {
	const luci = await new LuCI().open('overview');
	luci.enter(luci.one('#hawser-filter'), '192.0.2');
	await until('the page of routes', () => !row(luci, '10.77.100.1/32'));
	assert.ok(row(luci, '192.0.2.7/32'));
	luci.enter(luci.one('#hawser-filter'), 'no such words');
	await until('the empty page', () => /No route holds these words/.test(luci.text));
});

test('a heading is a button that sorts, and says how', async () => {
	const luci = await new LuCI().open('overview');
	const head = luci.all('th').find(th => th.textContent == 'Prefix');
	head.querySelector('button').click();
	assert.equal(head.getAttribute('aria-sort'), 'ascending');
	head.querySelector('button').click();
	assert.equal(head.getAttribute('aria-sort'), 'descending');
	assert.match(head.closest('table').querySelector('tbody tr').textContent, /192\.0\.2\.7/);
});

test('a stopped daemon is a sentence that says what to do', async () => {
	const luci = await new LuCI({ env: nobody }).open('overview');
	assert.match(luci.text, /hawser is not running/);
	assert.match(luci.text, /Open the settings/);
});

test('a daemon that stops while the page is open is told of', async () => {
	const options = { env: {} }, luci = await new LuCI(options).open('overview');
	options.env = nobody;
	await luci.tick();
	assert.match(luci.text, /hawser is not running/);
	options.env = {};
	await luci.tick();
	assert.match(luci.text, /hawser is running/);
});

for (const [ name, message, words ] of [
	[ 'a right that was taken away', 'RPC call to hawser/overview failed with error -32002: Access denied', /may not ask hawser/ ],
	[ 'a login that has expired', 'Login session is expired', /Log in again/ ],
	[ 'a package that is gone', 'RPC call to hawser/overview failed with error -32000: Object not found', /Install the package/ ],
	[ 'a router that is busy', 'XHR request timed out', /took too long/ ],
	[ 'a router that is away', 'XHR request aborted by browser', /cannot be reached/ ]
])
	test(`${name} is a sentence, and what was there stays`, async () => {
		const options = {}, luci = await new LuCI(options).open('overview');
		options.fail = () => new Error(message);
		await luci.tick();
		assert.match(luci.one('.hawser-live').textContent, words);
		assert.match(luci.text, /What is below is from/);
		assert.ok(row(luci, '10.77.100.1/32'));

		const fresh = await new LuCI({ fail: options.fail }).open('overview');
		assert.match(fresh.text, words);
	});

test('what happened is told, the newest first, and grows from poll to poll', async () => {
	const options = {}, luci = await new LuCI(options).open('overview');
	assert.match(luci.text, /Last events.*session up.*10\.77\.2\.1/);
	let asked;
	options.answer = (method, params) => { asked = params; return hawser(method, params); };
	await luci.tick();
	assert.ok(asked.after > 0);
	assert.match(luci.text, /session up/);
});

test('an answer that is an error is told in its own words', async () => {
	const luci = await new LuCI({ answer: async () => ({ text: '', answer: { error: 'offset is negative' } }) }).open('overview');
	assert.match(luci.text, /offset is negative/);
});

test('many routes come in pages', async () => {
	const paths = [ { peer: '10.77.2.11', nextHop: '10.77.2.11', best: true } ];
	const some = n => Array.from({ length: 100 }, (_none, i) => ({ prefix: `10.78.${n}.${i}/32`, installed: [], paths }));
	const luci = await new LuCI({ answer: async (method, params) => {
		const { text, answer } = await hawser(method, params), offset = params.offset ?? 0;
		return { text, answer: { ...answer, routes: { routes: some(offset / 100), total: 300, offset, next: offset < 200 ? offset + 100 : undefined } } };
	} }).open('overview');
	assert.match(luci.text, /1 to 100 of 300/);
	luci.all('button').find(b => b.textContent == 'More').click();
	await until('the second page', () => /101 to 200 of 300/.test(luci.text));
	assert.ok(row(luci, '10.78.1.7/32'));
	luci.all('button').find(b => b.textContent == 'Back').click();
	await until('the first page', () => / 1 to 100 of 300|More/.test(luci.text) && row(luci, '10.78.0.7/32'));
});

test('an old tab after an upgrade asks to be loaded again', async () => {
	const options = {}, luci = await new LuCI(options).open('overview');
	options.answer = async (method, params) => {
		const { text, answer } = await hawser(method, params);
		return { text, answer: { ...answer, status: { ...answer.status, version: '99.0' } } };
	};
	await luci.tick();
	assert.match(luci.text, /Load the page again/);
});

test('answers of another shape are a sentence, not a blank page', async () => {
	const odd = answer => new LuCI({ answer: async () => ({ text: '', answer }) }).open('overview');
	for (const answer of [ { running: true }, {}, null, { running: true, status: { clusters: [ {} ], neighbors: [ {} ], listening: [] } } ])
		assert.match((await odd(answer)).text, /Load the page again/);
});

test('nothing configured says where to begin', async () => {
	const luci = await new LuCI({ answer: async (method, params) => {
		const { text, answer } = await hawser(method, params);
		return { text, answer: { ...answer, status: { ...answer.status, clusters: [], neighbors: [] } } };
	} }).open('overview');
	assert.match(luci.text, /To begin, give the router an AS number/);
});

test('the box on the overview of the router has a line for each cluster', async () => {
	const box = async options => {
		const luci = new LuCI(options), include = luci.require('view.status.include.35_hawser');
		return include.render(await include.load()).textContent;
	};
	assert.match(await box(), /k3s at home.*2 of 2 sessions up/);
	assert.match(await box({ env: nobody }), /hawser is not running/);
	assert.match(await box({ fail: () => new Error('error -32002: Access denied') }), /may not ask hawser/);
});

test('a peer says that BFD watches it, and why it cannot be up', () => {
	const { peers, cards } = new LuCI().require('view.hawser.rows');
	const peer = { address: '10.77.2.11', name: 'home', cluster: 'home', state: 'Established', prefixesRefused: {}, bfd: { state: 'Up' } };
	assert.equal(peers([ peer ])[0].cells[3].text, 'up, BFD up');
	assert.equal(peers([ { ...peer, state: 'Idle', obstacle: 'no TCP MD5 here' } ])[0].cells[6].text, 'no TCP MD5 here');
	const cluster = { name: 'home', source: [], allow: [], refused: {} };
	assert.ok(cards({ clusters: [ cluster ], neighbors: [ peer ] })[0].facts.some(f => f.label == 'BFD' && f.value == '1 of 1 up'));
});

test('every event and every reason of the documents has words', () => {
	const { eventWords, reasonWords } = new LuCI().require('view.hawser.rows');
	const words = (file, heading) => [ ...readFileSync(new URL(`../../docs/${file}`, app), 'utf8').split(heading)[1].split('\n\n')[0]
		.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm) ].flatMap(m => m[1].match(/\w+/g));
	const kinds = words('status.md', '| kind | when |'), reasons = words('routes.md', '| word | means | what to do |');
	assert.ok(kinds.length > 10 && reasons.length > 5);
	for (const kind of kinds)
		assert.notEqual(eventWords(kind), kind);
	for (const reason of reasons)
		assert.notEqual(reasonWords(reason), reason);
});

test('a login that may only read has the methods that it is shown, and neither passwords nor changes', () => {
	assert.deepEqual(Object.keys(acl), [ 'description', 'read', 'write' ]);
	assert.deepEqual(acl.read, { ubus: { hawser: [ 'status', 'overview', 'check' ], 'network.interface': [ 'dump' ] } });
	assert.deepEqual(Object.keys(acl.write), [ 'uci' ]);
	assert.ok(!granted('read', 'read') && !granted('read', 'write'));
	assert.ok(granted('write', 'read') && granted('write', 'write'));
});

test('what a peer says, and what a configuration holds, is text and never HTML', async () => {
	const evil = '<img src=x onerror="window.evil = 1"><b>bold</b>';
	const kept = new Set([ 'version', 'now', 'since', 'started', 'time', 'lastErrorAt' ]);
	const spoilt = value => typeof value == 'string' ? value + evil
		: Array.isArray(value) ? value.map(spoilt)
		: !value || typeof value != 'object' ? value
		: Object.fromEntries(Object.entries(value).map(([ k, v ]) => [ k, kept.has(k) ? v : spoilt(v) ]));
	const answer = async (method, params) => {
		const real = (await hawser(method, params)).answer;
		if (real.status) {
			real.status.config.problems = [ 'a mistake' ];
			real.status.neighbors[0].lastError = 'received Cease/Administrative Shutdown: ';
		}
		return { text: '', answer: spoilt(real) };
	};
	const pages = [ await new LuCI({ answer }).open('overview') ];
	await pages[0].tick();
	assert.match(pages[0].text, /Administrative Shutdown: <img/);
	assert.match(pages[0].text, /a mistake<img/);

	const sections = [ { '.name': 'globals', '.type': 'globals', asn: '65000' },
		{ '.name': 'home', '.type': 'cluster', asn: '65001', description: evil, source: [ evil ], allow: [ evil ], password: evil } ];
	const settings = await new LuCI({ sections }).open('settings');
	await until('the verdict', () => settings.one('.hawser-words'));
	const connect = await new LuCI({ answer, sections }).open('connect');
	await connect.tick();
	pages.push(settings, connect);

	for (const page of pages) {
		assert.ok(page.text.includes('<img') || page.one('textarea')?.value.includes('<img'));
		assert.equal(page.all('img, b').length, 0);
	}
	const include = pages[0].require('view.status.include.35_hawser');
	assert.equal((await include.render(await include.load())).querySelectorAll('img, b').length, 0);
});
