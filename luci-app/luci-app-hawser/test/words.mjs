// The words of the pages: what is in _() and in the menu, as gettext templates.
// `node words.mjs` writes po/templates/hawser.pot anew and brings the
// translations in step with it: what is new is there, untranslated.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { parse } from 'espree';
import { app } from './standin.mjs';

const views = new URL('htdocs/luci-static/resources/view/', app);

function calls(node, each) {
	if (!node || typeof node != 'object')
		return;
	if (node.type == 'CallExpression' && node.callee.name == '_')
		each(node.arguments[0], node.loc.start.line);
	for (const value of Object.values(node))
		if (Array.isArray(value))
			value.forEach(v => calls(v, each));
		else if (value?.type)
			calls(value, each);
}

// template lists every text with the places it is used at.
export function template() {
	const texts = new Map();
	const add = (text, place) => texts.set(text, (texts.get(text) ?? new Set()).add(place));
	for (const directory of [ 'hawser/', 'status/include/' ])
		for (const file of readdirSync(new URL(directory, views)).filter(f => f.endsWith('.js')).sort()) {
			const source = readFileSync(new URL(directory + file, views), 'utf8');
			calls(parse(source, { ecmaVersion: 2021, loc: true, ecmaFeatures: { globalReturn: true } }), (argument, line) => {
				if (argument?.type != 'Literal')
					throw new Error(`${file}:${line}: _() needs a plain text`);
				add(argument.value, `htdocs/luci-static/resources/view/${directory}${file}`);
			});
		}
	const menu = 'root/usr/share/luci/menu.d/luci-app-hawser.json', rights = 'root/usr/share/rpcd/acl.d/luci-app-hawser.json';
	for (const entry of Object.values(JSON.parse(readFileSync(new URL(menu, app)))))
		add(entry.title, menu);
	for (const group of Object.values(JSON.parse(readFileSync(new URL(rights, app)))))
		add(group.description, rights);
	return [ ...texts ].sort((a, b) => a[0] < b[0] ? -1 : 1);
}

const quoted = text => JSON.stringify(text);

function write(header, translation) {
	return [ 'msgid ""', 'msgstr ""', ...header.map(h => quoted(h + '\n')), '' ].concat(template().flatMap(([ text, places ]) =>
		[ ...[ ...places ].map(p => '#: ' + p), 'msgid ' + quoted(text), 'msgstr ' + quoted(translation(text)), '' ])).join('\n');
}

// read is a .po file as a map from text to translation.
export function read(language) {
	const map = new Map();
	let id = '', at = '';
	for (const line of readFileSync(new URL(`po/${language}/hawser.po`, app), 'utf8').split('\n')) {
		const [ , word, text ] = line.match(/^(msgid |msgstr )?(".*")$/) ?? [];
		if (!text)
			continue;
		at = word ?? at;
		if (word == 'msgid ')
			id = '';
		if (at == 'msgid ')
			id += JSON.parse(text);
		else
			map.set(id, (word ? '' : map.get(id)) + JSON.parse(text));
	}
	map.delete('');
	return map;
}

export const languages = { de: 'Plural-Forms: nplurals=2; plural=n != 1;', zh_Hans: 'Plural-Forms: nplurals=1; plural=0;' };

export function pot() { return write([ 'Content-Type: text/plain; charset=UTF-8' ], () => ''); }

export function po(language, map) {
	return write([ 'Language: ' + language, 'Content-Type: text/plain; charset=UTF-8', languages[language] ], text => map.get(text) ?? '');
}

if (process.argv[1] == new URL(import.meta.url).pathname) {
	writeFileSync(new URL('po/templates/hawser.pot', app), pot());
	for (const language of Object.keys(languages))
		writeFileSync(new URL(`po/${language}/hawser.po`, app), po(language, read(language)));
}
