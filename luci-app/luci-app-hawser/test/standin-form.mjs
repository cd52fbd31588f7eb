// As much of LuCI's form as the settings use: sections, options, their fields
// with LuCI's attributes, dependencies, saving into uci.

export function makeForm(luci) {
	const { E } = luci;

	class Value {
		constructor(section, option, title, help) {
			Object.assign(this, { section, map: section.map, option, title, help, choices: [], needs: [] });
		}
		value(key, title) { this.choices.push([ key, title ?? key ]); }
		depends(option, value) { this.needs.push({ option, value }); }
		cfgvalue(id) { return this.map.uci.get('hawser', id, this.option); }
		field(id) { return this.map.root.querySelector('[data-field="cbid.hawser.%s.%s"]'.format(id, this.option)); }
		input(id) { return this.field(id)?.querySelector('input, select') ?? null; }
		formvalue(id) { const v = this.input(id)?.value ?? null; return v === '' ? null : v; }
		isActive(id) {
			return !this.needs.length || this.needs.some(n => (this.section.option_(n.option).formvalue(id) ?? '') == n.value);
		}
		widget(id) { return E('input', { type: this.password ? 'password' : 'text', value: this.cfgvalue(id) ?? '', placeholder: this.placeholder }); }
		render(id) {
			return E('div', { 'class': 'cbi-value', 'data-field': 'cbid.hawser.%s.%s'.format(id, this.option) }, [
				E('label', {}, [ this.title ]), E('div', { 'class': 'cbi-value-field' }, [ this.widget(id), E('div', {}, [ this.help ?? '' ]) ])
			]);
		}
	}

	class Flag extends Value {
		widget(id) {
			const v = this.cfgvalue(id) ?? this.default ?? '0';
			return E('input', { type: 'checkbox', checked: v == '1' });
		}
		formvalue(id) { return this.input(id)?.checked ? '1' : '0'; }
	}

	class ListValue extends Value {
		widget(id) {
			const now = this.cfgvalue(id) ?? this.default;
			return E('select', {}, this.choices.map(([ key, title ]) => E('option', { value: key, selected: key === now }, [ title ])));
		}
	}

	class DynamicList extends Value {
		widget(id) { return E('input', { type: 'text', value: [].concat(this.cfgvalue(id) ?? []).join(' ') }); }
		formvalue(id) { const all = (this.input(id)?.value ?? '').split(/\s+/).filter(v => v); return all.length ? all : null; }
	}

	class Section {
		constructor(map, type, title, help) { Object.assign(this, { map, type, title, help, children: [] }); }
		tab() {}
		option(Class, ...args) { const o = new Class(this, ...args); this.children.push(o); return o; }
		taboption(_tab, Class, ...args) { return this.option(Class, ...args); }
		option_(name) { return this.children.find(o => o.option == name); }
		cfgsections() { return this.map.uci.sections('hawser', this.type).map(s => s['.name']); }
		render() {
			return E('section', {}, [ E('h3', {}, [ this.title ]), E('p', {}, [ this.help ?? '' ]),
				...this.cfgsections().map(id => E('div', { 'class': 'cbi-section-node', id: 'cbi-hawser-' + id }, this.children.map(o => o.render(id)))) ]);
		}
	}

	class NamedSection extends Section {
		constructor(map, _name, type, title, help) { super(map, type, title, help); }
	}

	class Map {
		constructor(config, title, help) { Object.assign(this, { config, title, help, children: [], uci: luci.modules.uci }); }
		section(Class, ...args) { const s = new Class(this, ...args); this.children.push(s); return s; }
		findElement(attribute, value) { return this.root.querySelector('[%s="%s"]'.format(attribute, value)); }
		async render() {
			this.root = E('div', { 'class': 'cbi-map' }, [ E('h2', {}, [ this.title ]), E('p', {}, [ this.help ]), ...this.children.map(s => s.render()) ]);
			return this.root;
		}
		async save() {
			for (const s of this.children)
				for (const id of s.cfgsections())
					for (const o of s.children) {
						const value = o.isActive(id) ? o.formvalue(id) : null;
						if (value == null || (o instanceof Flag && value == o.default))
							this.uci.unset('hawser', id, o.option);
						else
							this.uci.set('hawser', id, o.option, value);
					}
			luci.saved.push(structuredClone(luci.sections));
		}
		async reset() {}
	}

	return { Map, NamedSection, TypedSection: Section, Value, Flag, ListValue, DynamicList };
}
