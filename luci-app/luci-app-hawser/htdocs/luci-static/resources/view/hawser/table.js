'use strict';
'require baseclass';
'require view.hawser.rows as rows';

/* A table that stays where it is while its numbers change: a row is found again
 * by its key and only cells that differ are touched, so that focus, selection
 * and scroll position survive a poll. Its headings are buttons that sort. */

const LiveTable = baseclass.extend({
	__init__: function(captions, placeholder) {
		this.captions = captions;
		this.order = null;
		this.rows = [];
		this.shown = new Map();
		this.heads = captions.map((caption, i) => E('th', { 'class': 'th', 'scope': 'col', 'aria-sort': 'none' }, [
			E('button', { 'type': 'button', 'class': 'hawser-sort', 'click': () => this.sort(i) }, [ caption ])
		]));
		this.empty = E('tr', { 'class': 'tr placeholder' }, [ E('td', { 'class': 'td', 'colspan': captions.length }, [ placeholder ]) ]);
		this.body = E('tbody', {}, [ this.empty ]);
		this.node = E('table', { 'class': 'table hawser-table' }, [
			E('thead', {}, [ E('tr', { 'class': 'tr table-titles' }, this.heads) ]), this.body
		]);
	},

	sort: function(column) {
		const down = this.order?.column == column && !this.order.down;
		this.order = { column: column, down: down };
		this.heads.forEach((th, i) => th.setAttribute('aria-sort', i != column ? 'none' : down ? 'descending' : 'ascending'));
		this.update(this.rows);
	},

	/* update shows these rows and no others. */
	update: function(list, placeholder) {
		this.rows = list;
		if (placeholder != null)
			setText(this.empty.firstChild, placeholder);

		const ordered = this.order ? rows.sorted(list, this.order.column, this.order.down) : list;
		const keys = new Set(ordered.map(r => r.key));
		for (const [ key, tr ] of this.shown)
			if (!keys.has(key)) {
				tr.remove();
				this.shown.delete(key);
			}
		this.empty.style.display = ordered.length ? 'none' : '';

		let at = this.body.firstChild;
		for (const row of ordered) {
			const tr = this.shown.get(row.key) ?? this.add(row);
			row.cells.forEach((cell, i) => fill(tr.children[i], cell));
			if (tr !== at)
				this.body.insertBefore(tr, at);
			else
				at = at.nextSibling;
		}
	},

	add: function(row) {
		const tr = E('tr', { 'class': 'tr' }, row.cells.map((_cell, i) =>
			E('td', { 'class': 'td', 'data-title': this.captions[i] })));
		this.shown.set(row.key, tr);
		return tr;
	}
});

function setText(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

function setAttribute(node, name, value) {
	if (!value)
		node.removeAttribute(name);
	else if (node.getAttribute(name) !== value)
		node.setAttribute(name, value);
}

function fill(td, cell) {
	const lines = cell.lines ?? [ cell ];

	while (td.children.length > lines.length)
		td.lastChild.remove();
	while (td.children.length < lines.length)
		td.appendChild(E('div'));
	lines.forEach((line, i) => {
		const div = td.children[i];
		setText(div, line.text ?? '');
		setAttribute(div, 'class', line.tone ? 'hawser-' + line.tone : '');
		setAttribute(div, 'title', line.hint);
	});
}

return baseclass.extend({
	create: function(captions, placeholder) { return new LiveTable(captions, placeholder) }
});
