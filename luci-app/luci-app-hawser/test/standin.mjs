// A thin stand-in for LuCI: its loader, E(), rpc, uci, poll, ui and as much of
// form as the settings use. Pages run in it under jsdom; what they ask of
// `hawser` is answered by the real program, and only if the ACL names it.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { JSDOM } from 'jsdom';
import { makeForm } from './standin-form.mjs';

export const app = new URL('../', import.meta.url);
const resources = new URL('htdocs/luci-static/resources/', app);

export const acl = JSON.parse(readFileSync(new URL('root/usr/share/rpcd/acl.d/luci-app-hawser.json', app)))['luci-app-hawser'];

String.prototype.format = function(...args) {
	let n = 0;
	return this.replace(/%(%|s|d|h)/g, (_all, kind) => kind == '%' ? '%' : kind == 'd' ? String(Math.trunc(args[n++])) : String(args[n++]));
};

function extend(props) {
	const parent = this ?? Object;
	class Class extends parent {
		constructor(...args) {
			super(...args);
			if (parent === Object && this.__init__)
				this.__init__(...args);
		}
	}
	Object.assign(Class.prototype, props);
	Class.extend = extend;
	return Class;
}

export const baseclass = { extend: props => extend.call(Object, props) };

// hawser runs the program's own rpcd plugin, as rpcd does.
export function hawser(method, params, env = {}) {
	return new Promise((resolve, reject) => {
		const child = spawn(process.env.HAWSER, [ 'rpcd', 'call', method ], { env: { ...process.env, ...env }, stdio: [ 'pipe', 'pipe', 'inherit' ] });
		let out = '';
		child.stdout.on('data', data => out += data);
		child.on('error', reject);
		child.on('close', code => code ? reject(new Error('hawser rpcd call ' + method + ': exit status ' + code)) : resolve({ text: out, answer: JSON.parse(out) }));
		child.stdin.on('error', () => {});
		child.stdin.end(JSON.stringify(params));
	});
}

// granted reports whether rpcd lets a login that may "read" or "write" do that
// with our section of UCI. Who may write has both blocks; a list there means
// the block's own name, an object says what.
export function granted(login, right) {
	return (login == 'write' ? [ 'read', 'write' ] : [ login ]).some(block => {
		const uci = acl[block].uci ?? [];
		return Array.isArray(uci) ? uci.includes('hawser') && right == block : !!uci.hawser?.includes(right);
	});
}

function denied(object, method) {
	return new Error('RPC call to %s/%s failed with error -32002: Access denied'.format(object, method));
}

// LuCI is one page load. options: sections (of /etc/config/hawser), fail (a
// function of object and method that returns an Error or nothing), env.
export class LuCI {
	constructor(options = {}) {
		this.options = options;
		this.dom = new JSDOM('<!doctype html><html lang="en"><body><main id="view"></main></body></html>', { url: 'http://router/', pretendToBeVisual: true });
		this.window = this.dom.window;
		this.document = this.window.document;
		this.polls = [];
		this.bytes = 0;
		this.saved = [];
		this.notifications = [];
		this.loaded = new Map();
		this.sections = structuredClone(options.sections ?? []);
		this.window.HTMLElement.prototype.scrollIntoView = function() {};
		this.make();
	}

	make() {
		const { document } = this;
		this.domModule = {
			content: (node, children) => { node.replaceChildren(); this.append(node, children); },
			append: (node, children) => this.append(node, children)
		};
		this.E = (name, ...rest) => {
			const node = document.createElement(name);
			const attributes = rest[0] && typeof rest[0] == 'object' && !Array.isArray(rest[0]) && !rest[0].nodeType ? rest.shift() : {};
			for (const [ key, value ] of Object.entries(attributes))
				if (typeof value == 'function')
					node.addEventListener(key, value);
				else if (value != null && value !== false)
					node.setAttribute(key, value === true ? '' : value);
			this.append(node, rest[0]);
			return node;
		};
		this.L = {
			isObject: value => value != null && typeof value == 'object',
			resource: path => '/luci-static/resources/' + path,
			url: path => '/cgi-bin/luci/' + path,
			resolveDefault: (promise, value) => Promise.resolve(promise).catch(() => value)
		};
		this.modules = {
			baseclass, view: baseclass, dom: this.domModule, uci: this.uci(),
			poll: { add: (fn, seconds) => this.polls.push({ fn, seconds }) },
			rpc: { declare: declared => (...args) => this.call(declared, args) },
			ui: { addNotification: (title, body) => this.notifications.push(title + ': ' + body.map(n => n.textContent ?? n).join(' ')) }
		};
		this.modules.form = makeForm(this);
	}

	// append takes a text by itself for HTML and one in a list for text, as
	// LuCI does.
	append(node, children) {
		if (typeof children == 'string')
			node.append(this.document.createRange().createContextualFragment(children));
		else
			this.appendAll(node, Array.isArray(children) ? children : [ children ]);
	}

	appendAll(node, children) {
		for (const child of children)
			if (Array.isArray(child))
				this.appendAll(node, child);
			else if (child != null && child !== '')
				node.append(child);
	}

	async call(declared, args) {
		const { object, method } = declared, params = {};
		(declared.params ?? []).forEach((name, i) => { if (args[i] !== undefined) params[name] = args[i]; });
		const failure = this.options.fail?.(object, method, params);
		if (failure)
			throw failure;
		if (!acl.read.ubus[object]?.includes(method))
			throw denied(object, method);
		if (object != 'hawser')
			return Object.values(declared.expect)[0];
		const { text, answer } = await (this.options.answer?.(method, params) ?? hawser(method, params, this.options.env));
		this.bytes += text.length;
		return answer;
	}

	uci() {
		const all = this.sections, find = id => all.find(s => s['.name'] == id);
		const may = right => { if (!granted(this.options.login ?? 'write', right)) throw denied('uci', right); };
		return {
			load: async () => may('read'),
			sections: (_config, type, each) => { const some = all.filter(s => !type || s['.type'] == type); some.forEach(s => each?.(s)); return some; },
			get: (_config, id, option) => option ? find(id)?.[option] : find(id) ?? null,
			set: (_config, id, option, value) => { find(id)[option] = value; },
			unset: (_config, id, option) => { delete find(id)[option]; },
			add: (_config, type, id) => { all.push({ '.name': id, '.type': type, '.anonymous': false }); return id; }
		};
	}

	// require loads a module and what it requires, once each, as LuCI does.
	require(name) {
		if (this.modules[name])
			return this.modules[name];
		if (!this.loaded.has(name)) {
			const source = readFileSync(new URL(name.replaceAll('.', '/') + '.js', resources), 'utf8');
			const names = [], values = [];
			for (const [ , module, as ] of source.matchAll(/^'require ([\w.]+)(?: as (\w+))?';$/gm)) {
				names.push(as ?? module);
				values.push(this.require(module));
			}
			const body = new Function('window', 'document', 'navigator', 'L', 'E', '_', 'N_', ...names, source);
			const Class = body(this.window, this.document, this.window.navigator, this.L, this.E, text => text, (n, one, many) => n == 1 ? one : many, ...values);
			this.loaded.set(name, new Class());
		}
		return this.loaded.get(name);
	}

	// open shows a page, as following its menu entry does.
	async open(name) {
		const started = performance.now();
		this.page = this.require('view.hawser.' + name);
		const node = await this.page.render(await this.page.load?.());
		this.document.getElementById('view').replaceChildren(node);
		this.took = performance.now() - started;
		return this;
	}

	// tick is what happens every five seconds.
	async tick() {
		this.bytes = 0;
		for (const { fn } of this.polls)
			await fn();
	}

	get text() { return this.document.getElementById('view').textContent.replace(/\s+/g, ' '); }

	all(selector) { return [ ...this.document.querySelectorAll(selector) ]; }

	one(selector) { return this.document.querySelector(selector); }

	enter(node, value) {
		node.value = value;
		node.dispatchEvent(new this.window.Event('input', { bubbles: true }));
		node.dispatchEvent(new this.window.Event('change', { bubbles: true }));
	}
}

// until polls for what comes with a call of its own; the deadline is for a
// machine that is busy.
export async function until(what, holds) {
	const deadline = Date.now() + 30000;
	for (;;) {
		if (await holds())
			return;
		if (Date.now() > deadline)
			throw new Error('waited in vain for ' + what);
		await new Promise(resolve => setTimeout(resolve, 25));
	}
}
