import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { app } from './standin.mjs';
import { languages, po, pot, read, template } from './words.mjs';

test('the template has the texts of the pages and no others', () => {
	assert.equal(readFileSync(new URL('po/templates/hawser.pot', app), 'utf8'), pot(), 'run node words.mjs');
});

for (const language of Object.keys(languages)) {
	test(`${language} is in step with the template`, () => {
		assert.equal(readFileSync(new URL(`po/${language}/hawser.po`, app), 'utf8'), po(language, read(language)), 'run node words.mjs');
	});

	test(`${language} is complete, and its texts have the same places to fill in`, () => {
		const all = read(language), places = text => (text.match(/%[sd%]/g) ?? []).join();
		for (const [ text ] of template()) {
			assert.ok(all.get(text), `${language}: no translation of ${JSON.stringify(text)}`);
			assert.equal(places(all.get(text)), places(text), `${language}: ${text}`);
		}
	});
}
