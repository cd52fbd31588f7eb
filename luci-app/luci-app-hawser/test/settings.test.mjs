import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { LuCI, app, hawser, until } from './standin.mjs';

const globals = { '.name': 'globals', '.type': 'globals', asn: '65000' };
const home = { '.name': 'home', '.type': 'cluster', asn: '65001', source: [ '192.168.1.0/24' ], allow: [ '192.168.10.0/24' ] };
const dev = { '.name': 'dev', '.type': 'neighbor', address: '192.168.1.5', cluster: 'home' };

const open = options => new LuCI({ sections: [ globals, home, dev ], ...options }).open('settings');
const field = (luci, id, option) => luci.one(`[data-field="cbid.hawser.${id}.${option}"]`);
const words = (luci, id, option) => [ ...field(luci, id, option).querySelectorAll('.hawser-words') ].map(p => p.textContent);

// What is wrong for each option that can be wrong; the others are flags, free
// text, or lists to choose from.
const wrong = {
	globals: {
		asn: 'sixty', router_id: 'here', listen_address: '192.168.1.300', listen_port: '70000', table: '255', metric: '0',
		protocol: '4', max_paths: '0', hold_time: '2', restart_time: '5000', metrics_listen: 'nowhere'
	},
	home: {
		asn: '0', source: '192.168.1.0/99', allow: '192.168.10.1/24', max_prefixes: '0', max_peers: '5000', password: 'x'.repeat(81),
		ttl_security: '255', multihop: '256', bfd_interval: '5', bfd_multiplier: '1', send: 'everything'
	},
	dev: {
		address: 'fe80::1', asn: 'few', allow: '10.0.0.0/33', max_prefixes: 'many', password: 'x'.repeat(81), ttl_security: '-1',
		multihop: 'far', bfd_interval: '0', bfd_multiplier: '256', send: '10.0.0.0/33'
	}
};

for (const [ id, options ] of Object.entries(wrong))
	for (const [ option, value ] of Object.entries(options))
		test(`${id}.${option}: what is right is said at the field, in the daemon's words`, async () => {
			const luci = await open();
			if (id == 'home' && option.startsWith('bfd_'))
				field(luci, id, 'bfd').querySelector('input').click();
			luci.enter(field(luci, id, option).querySelector('input'), value);
			await until('the words', () => words(luci, id, option).length);

			const file = luci.require('view.hawser.pending').text([ globals, home, dev ].map(s => {
				const { '.name': name, '.type': type, ...rest } = s;
				return { id: name, type, options: name == id ? { ...rest, [option]: Array.isArray(rest[option]) || [ 'send', 'allow', 'listen_address' ].includes(option) ? [ value ] : value } : rest };
			}));
			const { answer } = await hawser('check', { config: file });
			const mistakes = answer.problems.filter(p => p.section == id && p.option == option && !p.warning);
			assert.ok(mistakes.length, JSON.stringify(answer));
			for (const m of mistakes)
				assert.ok(words(luci, id, option).some(w => w.endsWith(m.message)), m.message);
			assert.equal(field(luci, id, option).querySelector('input').getAttribute('aria-invalid'), 'true');
			if (option == 'password')
				assert.ok(!luci.text.includes(value));
		});

test('a value that is missing is asked for at its field', async () => {
	const luci = await open({ sections: [ { ...globals, asn: undefined }, home ] });
	await until('the words', () => words(luci, 'globals', 'asn').length);
	assert.match(words(luci, 'globals', 'asn')[0], /missing/);
});

test('two clusters with one source are seen while they are typed', async () => {
	const luci = await open({ sections: [ globals, home, { ...home, '.name': 'lab', source: [ '192.168.2.0/24' ] } ] });
	luci.enter(field(luci, 'lab', 'source').querySelector('input'), '192.168.1.0/24');
	await until('the words', () => words(luci, 'lab', 'source').concat(words(luci, 'home', 'source')).length);
});

test('a section without a name finds its fields, too', async () => {
	const luci = await open({ sections: [ globals, { ...home, '.name': 'cfg02abcd', '.anonymous': true, asn: '0' } ] });
	await until('the words', () => luci.all('.hawser-words.hawser-bad').length + luci.all('.alert-message').length);
});

test('with a mistake nothing is saved; without, it is', async () => {
	const luci = await open();
	const input = field(luci, 'home', 'asn').querySelector('input');
	luci.enter(input, '0');
	await assert.rejects(luci.page.handleSave(), /Not saved/);
	assert.equal(luci.saved.length, 0);
	assert.match(luci.notifications.join(), /Not saved/);
	luci.enter(input, '65002');
	await luci.page.handleSave();
	assert.equal(luci.saved[0].find(s => s['.name'] == 'home').asn, '65002');
	assert.equal(luci.all('.hawser-words.hawser-bad').length, 0);
});

test('a neighbour has what its cluster has, unless it says otherwise', async () => {
	const luci = await open(), saved = () => luci.saved.at(-1).find(s => s['.name'] == 'dev');
	await luci.page.handleSave();
	assert.equal(saved().bfd, undefined);
	luci.enter(field(luci, 'dev', 'bfd').querySelector('select'), '0');
	await luci.page.handleSave();
	assert.equal(saved().bfd, '0');
});

test('a value the daemon cannot be asked about may be saved, and the page says so', async () => {
	const luci = await open({ fail: () => new Error('error -32002: Access denied') });
	await luci.page.handleSave();
	assert.match(luci.text, /could not be checked.*may not ask hawser/);
	assert.equal(luci.saved.length, 1);
});

test('an answer that checks nothing is told, not taken for a yes', async () => {
	for (const [ answer, told ] of [ [ { error: 'arguments of more than 1048576 bytes' }, /more than 1048576 bytes/ ], [ {}, /Load the page again/ ] ]) {
		const luci = await open({ answer: async () => ({ text: '', answer }) });
		await luci.page.handleSave();
		assert.match(luci.text, told);
	}
});

test('a first visit has an empty form and no mistake but the missing number', async () => {
	const luci = await open({ sections: [] });
	await until('the words', () => luci.all('.hawser-words').length);
	assert.match(words(luci, 'globals', 'asn').join(), /missing/);
});

test('without the right to read there is a sentence', async () => {
	assert.match((await open({ login: 'read' })).text, /only a login that may change them/);
});

test('every option of docs/uci.md has a field with a help text', async () => {
	const luci = await open();
	const text = readFileSync(new URL('../../docs/uci.md', app), 'utf8');
	for (const [ type, id ] of [ [ 'globals', 'globals' ], [ 'cluster', 'home' ], [ 'neighbor', 'dev' ] ]) {
		const part = text.split(`\n## config ${type}\n`)[1].split('\n## ')[0];
		for (const [ , option ] of part.matchAll(/^\| `(\w+)` \|/gm)) {
			const node = field(luci, id, option);
			assert.ok(node, `${type}: no field for ${option}`);
			assert.ok(node.textContent.length > 10, `${type}: no help for ${option}`);
		}
	}
});

test('what uci writes comes back, quotes and all', () => {
	const { text } = new LuCI().require('view.hawser.pending');
	assert.equal(text([ { id: 'a', type: 'cluster', options: { description: "it's", allow: [ '1', '2' ], asn: '' } } ]),
		"config cluster 'a'\n\toption description 'it'\\''s'\n\tlist allow '1'\n\tlist allow '2'\n");
});
